//! petgraph: a road map built, searched for shortest ways, components and a spanning tree.
//!
//! Two large vectors that double while the graph is built, strings on the nodes, heaps and maps of each search.

use petgraph::algo::{dijkstra, kosaraju_scc, min_spanning_tree};
use petgraph::data::Element;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

type Roads = DiGraph<String, u32>;

pub(crate) fn prepare(scale: Scale) -> Job {
    let places = scale.at_least(600_000, 50);
    let words = Vocabulary::new(&mut Rng::new(180), 5_000);
    Box::new(move || {
        let mut rng = Rng::new(181);
        let roads = build(places, &mut rng, &words);
        let components = kosaraju_scc(&roads);
        let mut ok = components.iter().map(Vec::len).sum::<usize>() == places;
        let mut reached = 0;
        for _ in 0..3 {
            let start = NodeIndex::new(rng.below(places));
            let ways = dijkstra(&roads, start, None, |road| *road.weight());
            ok &= shortest(&roads, |place| ways.get(&place).copied());
            reached += ways.len();
        }
        let (mut tree, mut length) = (0, 0_u64);
        for element in min_spanning_tree(&roads) {
            if let Element::Edge { weight, .. } = element {
                tree += 1;
                length += u64::from(weight);
            }
        }
        // The ring of roads holds all together, so a tree has one edge less than there are places.
        ok &= tree + 1 == places;
        let kept = roads.filter_map(
            |place, name| (place.index() % 3 > 0).then(|| format!("{name}!")),
            |_, &length| (length < 500).then_some(length),
        );
        let check = format!(
            "components={} reached={reached} tree={length} kept={}",
            components.len(),
            kept.edge_count()
        );
        Outcome { ok, check, ops: places as u64 }
    })
}

fn build(places: usize, rng: &mut Rng, words: &Vocabulary) -> Roads {
    let mut roads = Roads::new();
    let names: Vec<NodeIndex> =
        (0..places).map(|place| roads.add_node(format!("{} {place}", words.pick(rng)))).collect();
    for place in 0..places {
        roads.add_edge(names[place], names[(place + 1) % places], rng.range(1, 1_000) as u32);
        for _ in 0..rng.below(5) {
            let other = (place + rng.range(1, 300)) % places;
            roads.add_edge(names[other], names[place], rng.range(1, 1_000) as u32);
        }
    }
    roads
}

/// Whether no road would make any of the ways shorter.
fn shortest(roads: &Roads, ways: impl Fn(NodeIndex) -> Option<u32>) -> bool {
    roads.edge_references().all(|road| match (ways(road.source()), ways(road.target())) {
        (Some(to), Some(on)) => on <= to + road.weight(),
        (Some(_), None) => false,
        _ => true,
    })
}
