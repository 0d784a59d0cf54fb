//! From single runs to figures: medians per allocator and workload, ratios, geometric means, noise.
//!
//! Decides no layout; the table, the Markdown and the pictures all ask here, so they agree.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Kind, Record, Run, Workload};
use super::stats::{Spread, distance, geometric_mean};

/// The allocator this project wants to know about.
pub(crate) const OURS: &str = "heap-smp";

/// The one that ratios are taken to, where it takes part.
pub(crate) const REFERENCE: &str = "mimalloc-v3";

/// What is measured of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    /// Nanoseconds by the clock on the wall.
    Wall,
    /// Nanoseconds of all threads together, user and system.
    Cpu,
    /// KiB resident at the most.
    Peak,
    /// KiB resident after everything was freed and the idle wait.
    Idle,
    /// Page faults, minor and major.
    Faults,
}

impl Metric {
    const ALL: [Self; 5] = [Self::Wall, Self::Cpu, Self::Peak, Self::Idle, Self::Faults];

    /// The value in a run; `None` where this run did not measure it.
    fn of(self, run: &Run) -> Option<f64> {
        let sample = run.sample?;
        match self {
            Self::Wall => Some(sample.wall_ns as f64),
            Self::Cpu => Some(sample.cpu_ns as f64),
            Self::Peak => Some(sample.peak_rss_kib as f64),
            Self::Idle => (run.idle_ms > 0).then_some(sample.rss_after_free_kib as f64),
            // At least 1, so that none at all still has a ratio.
            Self::Faults => Some((sample.minor_faults + sample.major_faults).max(1) as f64),
        }
    }
}

/// A geometric mean of ratios, and over how many workloads it could be taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) ratio: f64,
    pub(crate) over: usize,
    pub(crate) of: usize,
}

impl Mean {
    /// Whether every workload is in it.
    pub(crate) fn complete(&self) -> bool {
        self.over == self.of
    }
}

/// How far two equal subjects of one session lie apart: what is below this is no finding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Noise {
    pub(crate) allocator: String,
    /// Of the geometric mean over all workloads: 1.01 is 1 % off.
    pub(crate) of_mean: f64,
    /// Of a usual single workload (geometric mean of the distances).
    pub(crate) typical: f64,
    /// Of the worst single workload.
    pub(crate) worst: f64,
    pub(crate) worst_workload: String,
}

/// The runs of one allocator on one workload.
#[derive(Debug, Default)]
struct Cell {
    spreads: BTreeMap<Metric, Spread>,
    ops: u64,
    failed: bool,
}

/// The figures of a session.
///
/// # Invariants
/// - **U1** A pair of allocator and workload that failed once has no figures at all: what did wrong work may
///   have done less of it.
/// - **U2** `reference` is one of `allocators`, unless that is empty.
#[derive(Debug)]
pub(crate) struct Summary<'r> {
    pub(crate) record: &'r Record,
    /// Those with at least one good run: ours first, then as listed.
    pub(crate) allocators: Vec<&'r str>,
    /// Whose figures are 1.
    pub(crate) reference: &'r str,
    /// Which time is meant where nothing else is said: [`Metric::Wall`] or [`Metric::Cpu`].
    pub(crate) time: Metric,
    cells: BTreeMap<(&'r str, &'r str, bool), Cell>,
}

impl<'r> Summary<'r> {
    /// Computes the figures. Linear in the number of runs, but for the sorting of each pair's.
    pub(crate) fn of(record: &'r Record) -> Self {
        let mut runs: BTreeMap<(&str, &str, bool), Vec<&Run>> = BTreeMap::new();
        for run in &record.runs {
            runs.entry((&run.allocator, &run.workload, run.again)).or_default().push(run);
        }
        let cells: BTreeMap<_, _> = runs.into_iter().map(|(key, runs)| (key, cell(&runs))).collect();
        let seen: BTreeSet<&str> =
            cells.iter().filter(|(_, cell)| !cell.spreads.is_empty()).map(|(key, _)| key.0).collect();
        let listed = record.allocators.iter().map(|entry| entry.name.as_str());
        let (ours, others): (Vec<&str>, Vec<&str>) =
            listed.filter(|name| seen.contains(name)).partition(|name| *name == OURS);
        let reference = [REFERENCE, "system"]
            .into_iter()
            .find_map(|wanted| others.iter().copied().find(|name| *name == wanted))
            .or_else(|| others.first().copied())
            .or_else(|| ours.first().copied())
            .unwrap_or(REFERENCE);
        let allocators = ours.into_iter().chain(others).collect();
        Self { record, allocators, reference, time: Metric::Wall, cells }
    }

    /// The same figures, with another time in the first place.
    pub(crate) fn by(self, time: Metric) -> Self {
        Self { time, ..self }
    }

    /// What that time is called.
    pub(crate) fn time_word(&self) -> &'static str {
        if self.time == Metric::Cpu { "CPU time" } else { "time" }
    }

    /// The share of their time that programs of one thread waited for a core: the median over their runs. Much
    /// of it means that other programs were running.
    pub(crate) fn waiting(&self) -> Option<f64> {
        let alone: BTreeSet<&str> =
            self.record.workloads.iter().filter(|w| w.threads == 1).map(|w| w.name.as_str()).collect();
        let runs = self.record.runs.iter().filter(|run| alone.contains(run.workload.as_str()));
        let share = |run: &Run| divide(run.sample?.cpu_ns as f64, run.sample?.wall_ns as f64);
        let shares: Vec<f64> = runs.filter_map(share).collect();
        Spread::of(&shares).map(|spread| (1.0 - spread.median).max(0.0))
    }

    /// The workloads of a kind for which there is at least one figure.
    pub(crate) fn workloads(&self, kind: Kind) -> Vec<&'r Workload> {
        let has_figure = |name: &str| {
            self.allocators.iter().any(|allocator| self.spread(Metric::Wall, allocator, name).is_some())
        };
        self.record.workloads.iter().filter(|w| w.suite == kind && has_figure(&w.name)).collect()
    }

    /// The spread over the rounds; `None` where the pair was not run or failed.
    pub(crate) fn spread(&self, metric: Metric, allocator: &str, workload: &str) -> Option<Spread> {
        self.spread_of(metric, allocator, workload, false)
    }

    fn spread_of(&self, metric: Metric, allocator: &str, workload: &str, again: bool) -> Option<Spread> {
        self.cells.get(&(allocator, workload, again))?.spreads.get(&metric).copied()
    }

    /// The median over the rounds.
    pub(crate) fn median(&self, metric: Metric, allocator: &str, workload: &str) -> Option<f64> {
        self.spread(metric, allocator, workload).map(|spread| spread.median)
    }

    /// Whether a run of this pair failed.
    pub(crate) fn failed(&self, allocator: &str, workload: &str) -> bool {
        let failed = |again| self.cells.get(&(allocator, workload, again)).is_some_and(|cell| cell.failed);
        failed(false) || failed(true)
    }

    /// Nanoseconds per operation, where the workload counts operations.
    pub(crate) fn per_op(&self, allocator: &str, workload: &str) -> Option<f64> {
        let cell = self.cells.get(&(allocator, workload, false))?;
        let time = cell.spreads.get(&self.time)?;
        (cell.ops > 0).then(|| time.median / cell.ops as f64)
    }

    /// The median as a ratio to that of the reference on the same workload.
    pub(crate) fn ratio(&self, metric: Metric, allocator: &str, workload: &str) -> Option<f64> {
        divide(self.median(metric, allocator, workload)?, self.median(metric, self.reference, workload)?)
    }

    /// The geometric mean of the ratios to the reference over the workloads of a kind.
    pub(crate) fn mean(&self, metric: Metric, allocator: &str, kind: Kind) -> Option<Mean> {
        self.mean_by(kind, |workload| self.ratio(metric, allocator, workload))
    }

    /// The best of the others on a workload: its name and median.
    pub(crate) fn best_other(
        &self,
        metric: Metric,
        allocator: &str,
        workload: &str,
    ) -> Option<(&'r str, f64)> {
        let others = self.allocators.iter().filter(|name| **name != allocator);
        others
            .filter_map(|name| Some((*name, self.median(metric, name, workload)?)))
            .min_by(|left, right| left.1.total_cmp(&right.1))
    }

    /// The median as a ratio to the best of the others: below 1, this allocator leads.
    pub(crate) fn to_best_other(&self, metric: Metric, allocator: &str, workload: &str) -> Option<f64> {
        let (_, best) = self.best_other(metric, allocator, workload)?;
        divide(self.median(metric, allocator, workload)?, best)
    }

    /// The geometric mean of [`to_best_other`](Self::to_best_other).
    pub(crate) fn mean_to_best_other(&self, metric: Metric, allocator: &str, kind: Kind) -> Option<Mean> {
        self.mean_by(kind, |workload| self.to_best_other(metric, allocator, workload))
    }

    fn mean_by(&self, kind: Kind, ratio: impl Fn(&str) -> Option<f64>) -> Option<Mean> {
        let workloads = self.workloads(kind);
        let ratios: Vec<f64> = workloads.iter().filter_map(|workload| ratio(&workload.name)).collect();
        let (over, of) = (ratios.len(), workloads.len());
        geometric_mean(ratios).map(|ratio| Mean { ratio, over, of })
    }

    /// Of the peak, the share still resident after freeing and idling: the geometric mean over the real workloads.
    pub(crate) fn kept(&self, allocator: &str) -> Option<f64> {
        let share = |workload: &&Workload| {
            let idle = self.median(Metric::Idle, allocator, &workload.name)?;
            divide(idle, self.median(Metric::Peak, allocator, &workload.name)?)
        };
        geometric_mean(self.workloads(Kind::Real).iter().filter_map(share))
    }

    /// How far apart the rounds of a usual workload lie: the median over the workloads of the middle half of the
    /// times, as a share of their median.
    pub(crate) fn unsteadiness(&self, allocator: &str, kind: Kind) -> Option<f64> {
        let relative =
            |workload: &&Workload| Some(self.spread(self.time, allocator, &workload.name)?.relative());
        let shares: Vec<f64> = self.workloads(kind).iter().filter_map(relative).collect();
        Spread::of(&shares).map(|spread| spread.median)
    }

    /// What the subject that ran twice says of this session; `None` where none did.
    pub(crate) fn noise(&self, metric: Metric, kind: Kind) -> Option<Noise> {
        let allocator = self.cells.keys().find(|key| key.2)?.0;
        let ratios: Vec<(&str, f64)> = self
            .workloads(kind)
            .iter()
            .filter_map(|workload| {
                let again = self.spread_of(metric, allocator, &workload.name, true)?.median;
                let first = self.median(metric, allocator, &workload.name)?;
                Some((workload.name.as_str(), divide(again, first)?))
            })
            .collect();
        let worst = ratios.iter().max_by(|left, right| distance(left.1).total_cmp(&distance(right.1)))?;
        Some(Noise {
            allocator: allocator.to_owned(),
            of_mean: distance(geometric_mean(ratios.iter().map(|pair| pair.1))?),
            typical: geometric_mean(ratios.iter().map(|pair| distance(pair.1)))?,
            worst: distance(worst.1),
            worst_workload: worst.0.to_owned(),
        })
    }
}

fn divide(value: f64, by: f64) -> Option<f64> {
    (value > 0.0 && by > 0.0).then(|| value / by)
}

fn cell(runs: &[&Run]) -> Cell {
    let failed = runs.iter().any(|run| run.failure.is_some());
    if failed {
        return Cell { failed, ..Cell::default() }; // U1
    }
    let spread = |metric: Metric| {
        let values: Vec<f64> = runs.iter().filter_map(|run| metric.of(run)).collect();
        Some((metric, Spread::of(&values)?))
    };
    let ops = runs.iter().find_map(|run| run.sample.map(|sample| sample.ops)).unwrap_or(0);
    Cell { spreads: Metric::ALL.into_iter().filter_map(spread).collect(), ops, failed }
}

#[cfg(test)]
mod tests;
