//! What is run how often, at which size and in which order. Pure: starts nothing, looks at no clock.
#![forbid(unsafe_code)]

use super::args::{BenchArgs, Suite};
use super::record::{Kind, Workload};

/// Seconds that the rounds of `--quick` may take, with the pilot runs before them.
pub(crate) const QUICK_SECONDS: f64 = 140.0;

/// After this many seconds `--quick` starts no further run, once each pair has been run.
pub(crate) const QUICK_LIMIT: f64 = 160.0;

/// A run is expected to take this many times what the pilot of heap-smp took: some rivals are slow.
const RIVALS_ARE_SLOWER: f64 = 1.4;

/// Below this size a real program is no longer itself, so `--quick` gives up rounds before it.
const QUICK_SCALE: f64 = 0.2;

/// So many micro workloads are in the sample of `--quick`.
const QUICK_MICRO: usize = 8;

/// Sizes of the work in the two pilot runs of a workload.
pub(crate) const PILOT_SCALES: [f64; 2] = [0.05, 0.15];

/// How a session is run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    pub(crate) mode: &'static str,
    pub(crate) rounds: u32,
    pub(crate) scale: f64,
    /// Of a child of a real workload, in the first `idle_rounds` rounds.
    pub(crate) idle_ms: u64,
    pub(crate) idle_rounds: u32,
}

impl Plan {
    /// The plan before the pilot runs; `--quick` then goes through [`fit`](Self::fit).
    pub(crate) fn of(args: &BenchArgs) -> Self {
        let (mode, rounds, idle_ms, idle_rounds) = match (args.quick, args.full) {
            (true, _) => ("quick", 3, 100, 1),
            (_, true) => ("full", 10, 1000, 3),
            _ => ("normal", 3, 1000, 1),
        };
        Self {
            mode,
            rounds: args.rounds.unwrap_or(rounds),
            scale: args.scale.unwrap_or(1.0),
            idle_ms,
            idle_rounds,
        }
    }

    /// Milliseconds that a child waits before its memory is read. Memory given back matters to programs, so
    /// micro workloads do not wait.
    pub(crate) fn idle(&self, round: u32, kind: Kind) -> u64 {
        if round < self.idle_rounds && kind == Kind::Real { self.idle_ms } else { 0 }
    }

    /// Chooses rounds and size so that `subjects` on the workloads of the pilots take so many seconds:
    /// three rounds where the programs keep a fair size, fewer where they would not.
    pub(crate) fn fit(&mut self, pilots: &[Pilot], subjects: usize, seconds: f64) {
        let fixed: f64 = pilots.iter().map(|pilot| pilot.fixed).sum();
        let work: f64 = pilots.iter().map(|pilot| pilot.work).sum::<f64>() * RIVALS_ARE_SLOWER;
        let real = pilots.iter().filter(|pilot| pilot.kind == Kind::Real).count();
        let idle = real as f64 * self.idle_ms as f64 / 1e3;
        let scale = |rounds: u32| {
            let seconds = seconds / subjects.max(1) as f64 - idle;
            let left = seconds / f64::from(rounds) - fixed;
            if work > 0.0 { (left / work).clamp(0.02, 1.0) } else { 1.0 }
        };
        self.rounds = (1..=self.rounds).rev().find(|rounds| scale(*rounds) >= QUICK_SCALE).unwrap_or(1);
        self.scale = (scale(self.rounds) * 100.0).floor() / 100.0;
    }
}

/// How long two small runs of a workload took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pilot {
    pub(crate) kind: Kind,
    /// Seconds that do not depend on the size: starting, reading the input, checking.
    pub(crate) fixed: f64,
    /// Seconds that are in proportion to the size, at size 1.
    pub(crate) work: f64,
}

impl Pilot {
    /// From the seconds of the two whole runs, and those of the work in the second, which are a lower bound
    /// where another program disturbed the first.
    pub(crate) fn of(kind: Kind, seconds: [f64; 2], work: f64) -> Self {
        let [small, large] = PILOT_SCALES;
        let work = ((seconds[1] - seconds[0]) / (large - small)).max(work / large);
        Self { kind, fixed: (seconds[1] - work * large).max(0.0), work }
    }

    /// Seconds expected of a run at a size.
    pub(crate) fn seconds(&self, scale: f64) -> f64 {
        self.fixed + self.work * scale
    }
}

/// The order of the subjects in a round: each starts one place later than in the round before, and every
/// second round goes backwards, so that nobody always follows the same one.
pub(crate) fn order(round: u32, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).map(|place| (place + round as usize) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// The workloads that the options ask for, in the order in which the children list them.
///
/// # Errors
///
/// When `--only` names one that is not there.
pub(crate) fn choose(all: Vec<Workload>, args: &BenchArgs) -> anyhow::Result<Vec<Workload>> {
    if let Some(wrong) = args.only.iter().find(|name| all.iter().all(|workload| workload.name != **name)) {
        let names: Vec<&str> = all.iter().map(|workload| workload.name.as_str()).collect();
        anyhow::bail!("there is no workload {wrong}; there are: {}", names.join(", "));
    }
    if !args.only.is_empty() {
        return Ok(all.into_iter().filter(|workload| args.only.contains(&workload.name)).collect());
    }
    let kinds: Vec<Kind> = args.suites().into_iter().filter_map(Suite::kind).collect();
    let wanted: Vec<Workload> = all.into_iter().filter(|workload| kinds.contains(&workload.suite)).collect();
    let micro = wanted.iter().filter(|workload| workload.suite == Kind::Micro).count();
    if !args.quick || micro <= QUICK_MICRO || !kinds.contains(&Kind::Real) {
        return Ok(wanted);
    }
    let mut seen = 0;
    let mut sampled = |workload: &Workload| {
        if workload.suite == Kind::Real {
            return true;
        }
        seen += 1;
        // Evenly spread: the places where the multiples of the sample's share pass a whole number.
        seen * QUICK_MICRO / micro > (seen - 1) * QUICK_MICRO / micro
    };
    Ok(wanted.into_iter().filter(|workload| sampled(workload)).collect())
}

#[cfg(test)]
mod tests;
