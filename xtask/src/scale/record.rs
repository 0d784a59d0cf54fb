//! What was measured: for each pattern, number of threads and allocator the rates and peaks of all rounds.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::bench::record::{Machine, Sample};
use crate::bench::stats::Spread;

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) pattern: String,
    pub(crate) threads: u32,
    pub(crate) allocator: String,
    /// Ten times as long.
    pub(crate) long: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Series {
    #[serde(flatten)]
    pub(crate) point: Point,
    /// Operations in a second, one for each round.
    pub(crate) rates: Vec<f64>,
    /// KiB resident at the most.
    pub(crate) peaks: Vec<f64>,
    pub(crate) failure: Option<String>,
}

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) machine: Machine,
    pub(crate) scale: f64,
    pub(crate) series: Vec<Series>,
}

impl Record {
    pub(crate) fn new(machine: Machine, scale: f64) -> Self {
        Self { machine, scale, series: Vec::new() }
    }

    /// Adds one run.
    pub(crate) fn add(&mut self, point: Point, result: Result<Sample, String>) {
        let place = self.series.iter().position(|series| series.point == point).unwrap_or_else(|| {
            self.series.push(Series { point, rates: Vec::new(), peaks: Vec::new(), failure: None });
            self.series.len() - 1
        });
        let series = &mut self.series[place];
        match result {
            Ok(sample) => {
                series.rates.push(sample.ops as f64 / (sample.wall_ns.max(1) as f64 / 1e9));
                series.peaks.push(sample.peak_rss_kib as f64);
            }
            Err(failure) => series.failure = Some(failure),
        }
    }

    /// In the order in which they were met.
    pub(crate) fn patterns(&self) -> Vec<&str> {
        distinct(self.series.iter().map(|series| series.point.pattern.as_str()))
    }

    pub(crate) fn allocators(&self) -> Vec<&str> {
        distinct(self.series.iter().map(|series| series.point.allocator.as_str()))
    }

    /// Numbers of threads, fewest first.
    pub(crate) fn threads(&self) -> Vec<u32> {
        let mut threads = distinct(self.series.iter().map(|series| series.point.threads));
        threads.sort_unstable();
        threads
    }

    fn find(&self, pattern: &str, threads: u32, allocator: &str, long: bool) -> Option<&Series> {
        self.series.iter().find(|series| {
            let point = &series.point;
            point.pattern == pattern
                && point.threads == threads
                && point.allocator == allocator
                && point.long == long
        })
    }

    /// Operations in a second of the short runs.
    pub(crate) fn rate(&self, pattern: &str, threads: u32, allocator: &str) -> Option<Spread> {
        Spread::of(&self.find(pattern, threads, allocator, false)?.rates)
    }

    /// KiB at the most, the median of the rounds.
    pub(crate) fn peak(&self, pattern: &str, threads: u32, allocator: &str, long: bool) -> Option<f64> {
        Some(Spread::of(&self.find(pattern, threads, allocator, long)?.peaks)?.median)
    }

    /// How throughput held: the least share of the best that fewer threads had reached. 1: it never fell.
    pub(crate) fn held(&self, pattern: &str, allocator: &str) -> Option<f64> {
        let (mut best, mut held) = (0.0_f64, 1.0_f64);
        for threads in self.threads() {
            let rate = self.rate(pattern, threads, allocator)?.median;
            best = best.max(rate);
            held = held.min(rate / best);
        }
        Some(held)
    }

    /// What failed, a line each.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        self.series.iter().filter_map(|series| {
            let point = &series.point;
            let failure = series.failure.as_ref()?;
            Some(format!("FAILED: {}-{} on {}: {failure}", point.pattern, point.threads, point.allocator))
        })
    }

    /// Writes all down.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_vec_pretty(self)?).with_context(|| path.display().to_string())
    }

    /// Reads files of earlier runs; patterns of all of them together.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn load(paths: &[PathBuf]) -> Result<Self> {
        let mut all: Option<Self> = None;
        for path in paths {
            let text = fs::read(path).with_context(|| path.display().to_string())?;
            let one: Self = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
            match &mut all {
                Some(all) => all.series.extend(one.series),
                None => all = Some(one),
            }
        }
        all.context("no file")
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One pattern at 1, 2 and 8 threads with these rates, in turn for each allocator.
    pub(crate) fn record(rates: &[(&str, [u64; 3])]) -> Record {
        let mut record = Record::new(Machine::default(), 1.0);
        for (allocator, rates) in rates {
            for (threads, ops) in [1, 2, 8].into_iter().zip(rates) {
                for long in [false, true] {
                    let point =
                        Point { pattern: "small".into(), threads, allocator: (*allocator).into(), long };
                    let peak_rss_kib = if long { 2048 } else { 1024 };
                    let sample =
                        Sample { wall_ns: 1_000_000_000, ops: *ops, peak_rss_kib, ..Sample::default() };
                    record.add(point, Ok(sample));
                }
            }
        }
        record
    }

    #[test]
    fn throughput_held_is_the_least_share_of_what_fewer_threads_reached() {
        let record =
            record(&[("steady", [100, 200, 210]), ("falls", [100, 200, 150]), ("dips", [100, 80, 120])]);
        let held = |name| (record.held("small", name).unwrap() * 100.0).round();
        assert_eq!([held("steady"), held("falls"), held("dips")], [100.0, 75.0, 80.0]);
        assert_eq!(record.held("small", "nobody"), None);
    }

    #[test]
    fn rounds_of_one_point_are_one_series() {
        let mut twice = record(&[("a", [1, 2, 3])]);
        twice.series.truncate(1);
        let point = twice.series[0].point.clone();
        twice.add(point.clone(), Ok(Sample { wall_ns: 1_000_000_000, ops: 3, ..Sample::default() }));
        twice.add(point, Err("it crashed".into()));
        assert_eq!(twice.rate("small", 1, "a").unwrap().median, 2.0);
        assert_eq!(twice.failures().collect::<Vec<_>>(), ["FAILED: small-1 on a: it crashed"]);
    }
}
