//! Whole programs, each run in a process of its own, by everyone in turn: time and memory, as ratios in one run.

use std::path::PathBuf;

use crate::Line;
use crate::peers::{self, Cost, PEERS};

/// Real programs with one thread and several, with small blocks and large; and a lone block that comes and goes. With the
/// part of their full size: others take up to a hundred times the system allocator's time.
const PROGRAMS: [(&str, &str); 7] = [
    ("pair-64", "0.05"),
    ("json", "0.1"),
    ("markdown", "0.1"),
    ("graph", "0.1"),
    ("script", "0.05"),
    ("buffers", "0.1"),
    ("channel", "0.05"),
];
const ROUNDS: usize = 3;

pub(crate) fn run() {
    let built: Vec<_> = PEERS.iter().filter_map(|peer| Some((peer.name, peer.build()?))).collect();
    for (program, scale) in PROGRAMS {
        // Rounds of everyone in turn; a ratio is of two runs of one round.
        let rounds: Vec<Vec<Option<Cost>>> = (0..ROUNDS).map(|_| round(&built, program, scale)).collect();
        for (index, (name, _)) in built.iter().enumerate() {
            let costs: Vec<_> = rounds.iter().filter_map(|round| Some((round[0]?, round[index]?))).collect();
            if costs.is_empty() {
                println!("{name} does not run {program}, or takes more than a minute");
                continue;
            }
            let of = |number: fn(&(Cost, Cost)) -> f64| median(costs.iter().map(number).collect());
            Line {
                ns: of(|(_, own)| own.ns),
                ratio: Some(of(|(base, own)| own.ns / base.ns)),
                mib: Some(of(|(_, own)| own.mib)),
                mib_ratio: Some(of(|(base, own)| own.mib / base.mib)),
                ..Line::new(program, name)
            }
            .print();
        }
    }
}

fn round(built: &[(&str, PathBuf)], program: &str, scale: &str) -> Vec<Option<Cost>> {
    built.iter().map(|(_, path)| peers::run(path, program, scale)).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
