//! Whole programs, each run in a process of its own, by everyone in turn: time and memory, as ratios in one run.

use std::path::PathBuf;

use crate::Line;
use crate::peers::{self, BASE, Cost, PEERS};

/// A lone block that comes and goes; then real programs with one thread and several, with small blocks and large. With the
/// part of their full size: others take up to a hundred times the system allocator's time.
const PROGRAMS: [(&str, &str); 10] = [
    ("pair-64", "0.05"),
    ("json", "0.1"),
    ("script", "0.05"),
    ("rpc", "0.1"),
    ("graph", "0.1"),
    ("server", "0.1"),
    ("channel", "0.05"),
    ("buffers", "0.1"),
    ("frames", "0.1"),
    ("matrix", "0.1"),
];
/// Those before are no real programs, and not in the mean.
const FIRST_REAL: usize = 1;
const ROUNDS: usize = 3;
/// The case of the geometric mean of the ratios.
const MEAN: &str = "real programs, geometric mean";

/// Ratios to the base: of times, of memory.
type Ratios = (f64, f64);

pub(crate) fn run() {
    let built: Vec<_> = PEERS.iter().filter_map(|peer| Some((peer.name, peer.build()?))).collect();
    let base = built.iter().position(|(name, _)| *name == BASE);
    let mut all: Vec<Vec<Ratios>> = vec![Vec::new(); built.len()];
    for (place, (program, scale)) in PROGRAMS.into_iter().enumerate() {
        // Rounds of everyone in turn; a ratio is of two runs of one round.
        let rounds: Vec<Vec<Option<Cost>>> = (0..ROUNDS).map(|_| round(&built, program, scale)).collect();
        for (index, (name, _)) in built.iter().enumerate() {
            let ratios = tell(program, name, &rounds, index, base);
            all[index].extend(ratios.filter(|_| place >= FIRST_REAL));
        }
    }
    for ((name, _), ratios) in built.iter().zip(&all) {
        // A mean over fewer programs would be another one.
        if ratios.len() == PROGRAMS.len() - FIRST_REAL {
            let ratio = Some(mean(ratios.iter().map(|ratios| ratios.0)));
            let mib_ratio = Some(mean(ratios.iter().map(|ratios| ratios.1)));
            Line { ratio, mib_ratio, ..Line::new(MEAN, name) }.print();
        }
    }
}

fn round(built: &[(&str, PathBuf)], program: &str, scale: &str) -> Vec<Option<Cost>> {
    built.iter().map(|(_, path)| peers::run(path, program, scale)).collect()
}

/// Prints a program's line of one of those built. Its ratios, where the base ran too.
fn tell(
    program: &'static str,
    name: &'static str,
    rounds: &[Vec<Option<Cost>>],
    index: usize,
    base: Option<usize>,
) -> Option<Ratios> {
    let costs: Vec<Cost> = rounds.iter().filter_map(|round| round[index]).collect();
    if costs.len() < rounds.len() {
        println!("left out: {name} on {program}: it fails, or takes more than a minute");
        return None;
    }
    let pairs: Option<Vec<(Cost, Cost)>> =
        rounds.iter().map(|round| Some((round[base?]?, round[index]?))).collect();
    let ratio = |of: fn(&(Cost, Cost)) -> f64| pairs.as_ref().map(|pairs| median(pairs.iter().map(of)));
    let (ratio, mib_ratio) = (ratio(|(base, own)| own.ns / base.ns), ratio(|(base, own)| own.mib / base.mib));
    let ns = Some(median(costs.iter().map(|cost| cost.ns)));
    let mib = Some(median(costs.iter().map(|cost| cost.mib)));
    Line { ns, ratio, mib, mib_ratio, ..Line::new(program, name) }.print();
    ratio.zip(mib_ratio)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The geometric one.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    (values.map(f64::ln).sum::<f64>() / count).exp()
}
