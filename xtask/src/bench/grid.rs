//! The tables of a report as rows of words: what they say, before anybody decides how they look.
#![forbid(unsafe_code)]

use super::record::{Case, Kind};
use super::summary::{Mean, Metric, OURS, Summary};
use super::words;

/// How a cell wants to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// The least of its kind, where less is better.
    Best,
    /// A name or figure of ours.
    Ours,
    /// Of no weight.
    Dim,
    /// Something went wrong here.
    Bad,
}

/// One entry of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Entry {
    fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

/// A table: a heading per column, the first column names the row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Grid {
    pub(crate) title: String,
    /// What the columns mean.
    pub(crate) note: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<Entry>>,
}

/// What the columns of [`overview`] mean.
const OVERVIEW: &str = "time: by the clock; spread: the middle half of the times of a usual workload; CPU: time of \
                        all threads; peak: resident memory at the most; idle: resident after everything was freed and a \
                        wait; faults: page faults; kept: idle as a share of peak; to best: time against the best of the \
                        others on each workload; micro: time of the micro workloads. *: some workloads are missing.";

/// One row per allocator, the fastest first.
pub(crate) fn overview(summary: &Summary<'_>) -> Grid {
    let kind = if summary.workloads(Kind::Real).is_empty() { Kind::Micro } else { Kind::Real };
    let rank = |name: &str| summary.mean(summary.time, name, kind).map_or(f64::INFINITY, |mean| mean.ratio);
    let mut names = summary.allocators.clone();
    names.sort_by(|left, right| rank(left).total_cmp(&rank(right)));
    let mut head = vec!["", "time", "spread", "CPU", "peak", "idle", "faults", "kept", "to best"];
    head.extend((kind == Kind::Real).then_some("micro"));
    let noun = if kind == Kind::Real { "real program" } else { "micro workload" };
    let what = words::plural(summary.workloads(kind).len(), noun);
    Grid {
        title: format!(
            "Geometric means over {what}, {} = 1, less is better, by {}",
            words::title(summary.reference),
            summary.time_word()
        ),
        note: OVERVIEW.to_owned(),
        head: head.into_iter().map(str::to_owned).collect(),
        rows: names.iter().map(|name| overview_row(summary, name, kind)).collect(),
    }
}

fn overview_row(summary: &Summary<'_>, name: &str, kind: Kind) -> Vec<Entry> {
    let mean = |metric| {
        let means = summary.allocators.iter().filter_map(|other| summary.mean(metric, other, kind));
        let least = means.map(|mean| mean.ratio).fold(f64::INFINITY, f64::min);
        mean_entry(summary.mean(metric, name, kind), least)
    };
    let share =
        |value: Option<f64>, tone| value.map_or_else(none, |share| Entry::new(words::percent(share), tone));
    let mut row = vec![
        Entry::new(words::title(name), if name == OURS { Tone::Ours } else { Tone::Plain }),
        mean(Metric::Wall),
        share(summary.unsteadiness(name, kind), Tone::Dim),
        mean(Metric::Cpu),
        mean(Metric::Peak),
        mean(Metric::Idle),
        mean(Metric::Faults),
        share(summary.kept(name), Tone::Plain),
        mean_entry(summary.mean_to_best_other(summary.time, name, kind), 0.0),
    ];
    if kind == Kind::Real {
        row.push(mean_entry(summary.mean(summary.time, name, Kind::Micro), 0.0));
    }
    row
}

fn none() -> Entry {
    Entry::new("–", Tone::Dim)
}

fn mean_entry(mean: Option<Mean>, least: f64) -> Entry {
    let Some(mean) = mean else { return none() };
    let mark = if mean.complete() { "" } else { "*" };
    let tone = if mean.ratio <= least { Tone::Best } else { Tone::Plain };
    Entry::new(words::ratio(mean.ratio) + mark, tone)
}

/// One row per workload: ours first, then ours against the best of the others, then each other's ratio to the
/// reference; the reference's own column has what was measured.
pub(crate) fn per_workload(summary: &Summary<'_>, metric: Metric, kind: Kind) -> Grid {
    let what = match metric {
        Metric::Wall => "Time",
        Metric::Cpu => "CPU time",
        Metric::Peak => "Peak memory",
        Metric::Idle => "Memory after everything was freed",
        Metric::Faults => "Page faults",
    };
    let noun = if kind == Kind::Real { "real programs" } else { "micro workloads" };
    let compared = summary.allocators.contains(&OURS) && summary.allocators.len() > 1;
    let mut head: Vec<String> = summary.allocators.iter().map(|name| words::title(name)).collect();
    let mut rows: Vec<Vec<Entry>> = Vec::new();
    for workload in summary.workloads(kind) {
        let name = workload.name.as_str();
        let mut row = figures(summary, metric, name);
        if compared {
            let ratio = summary.to_best_other(metric, OURS, name);
            row.insert(1, ratio.map_or_else(none, |ratio| Entry::new(words::ratio(ratio), Tone::Ours)));
        }
        row.insert(0, Entry::new(name, Tone::Plain));
        rows.push(row);
    }
    let mut last: Vec<Entry> =
        summary.allocators.iter().map(|name| mean_entry(summary.mean(metric, name, kind), 0.0)).collect();
    if compared {
        head.insert(1, "to best".to_owned());
        last.insert(1, mean_entry(summary.mean_to_best_other(metric, OURS, kind), 0.0));
    }
    head.insert(0, String::new());
    last.insert(0, Entry::new("geometric mean", Tone::Ours));
    rows.push(last);
    let reference = words::title(summary.reference);
    Grid {
        title: format!("{what}, {noun}: ratios to {reference}"),
        note: format!(
            "Under {reference}: what was measured. To best: {OURS} against the best of the others on the workload."
        ),
        head,
        rows,
    }
}

/// A cell per allocator for one workload.
fn figures(summary: &Summary<'_>, metric: Metric, workload: &str) -> Vec<Entry> {
    let median = |allocator: &str| summary.median(metric, allocator, workload);
    let least = summary.allocators.iter().filter_map(|name| median(name)).fold(f64::INFINITY, f64::min);
    let entry = |allocator: &&str| {
        if summary.failed(allocator, workload) {
            return Entry::new("failed", Tone::Bad);
        }
        let Some(value) = median(allocator) else { return none() };
        let tone = if value <= least { Tone::Best } else { Tone::Plain };
        match summary.ratio(metric, allocator, workload) {
            Some(ratio) if *allocator != summary.reference => Entry::new(words::ratio(ratio), tone),
            // The reference itself, or a workload on which it has no figure.
            _ => Entry::new(absolute(metric, value), if tone == Tone::Best { tone } else { Tone::Dim }),
        }
    };
    summary.allocators.iter().map(entry).collect()
}

/// A measured value with its unit.
pub(crate) fn absolute(metric: Metric, value: f64) -> String {
    match metric {
        Metric::Wall | Metric::Cpu => words::time(value),
        Metric::Peak | Metric::Idle => words::memory(value),
        Metric::Faults => words::count(value),
    }
}

/// Instructions per operation: one row per micro workload.
pub(crate) fn instructions(summary: &Summary<'_>) -> Option<Grid> {
    let counts = &summary.record.instructions;
    let names: Vec<&str> = summary
        .allocators
        .iter()
        .copied()
        .filter(|name| counts.iter().any(|c| c.allocator == *name))
        .collect();
    let workloads =
        summary.record.workloads.iter().filter(|workload| counts.iter().any(|c| c.workload == workload.name));
    let row = |workload: &super::record::Workload| {
        let of = |name: &&str| counts.iter().find(|c| c.allocator == **name && c.workload == workload.name);
        let least = names.iter().filter_map(|name| of(name)?.per_op).fold(f64::INFINITY, f64::min);
        let entry = |name: &&str| match of(name).and_then(|count| count.per_op) {
            Some(count) => {
                Entry::new(words::three(count), if count <= least { Tone::Best } else { Tone::Plain })
            }
            None => none(),
        };
        std::iter::once(Entry::new(&workload.name, Tone::Plain)).chain(names.iter().map(entry)).collect()
    };
    (!counts.is_empty()).then(|| Grid {
        title: "Instructions per operation, micro workloads".to_owned(),
        note: "Counted by callgrind; no time is measured. –: does not run under valgrind.".to_owned(),
        head: std::iter::once(String::new()).chain(names.iter().map(|name| words::title(name))).collect(),
        rows: workloads.map(row).collect(),
    })
}

/// The suites of single crates: a table each, one row per case.
pub(crate) fn crate_suites(cases: &[Case]) -> Vec<Grid> {
    let suites = distinct(cases.iter().map(|case| case.suite.as_str()));
    suites.into_iter().map(|suite| crate_suite(suite, cases)).collect()
}

fn crate_suite(suite: &str, cases: &[Case]) -> Grid {
    let cases: Vec<&Case> = cases.iter().filter(|case| case.suite == suite).collect();
    let subjects = distinct(cases.iter().map(|case| case.subject.as_str()));
    let row = |name: &str| {
        let of = |subject: &&str| cases.iter().find(|case| case.case == name && case.subject == **subject);
        let least = subjects.iter().filter_map(|subject| of(subject)?.ns).fold(f64::INFINITY, f64::min);
        let entry = |subject: &&str| {
            let Some(case) = of(subject) else { return none() };
            // A mean has ratios only.
            let times = |figure: Option<String>, what: &str, ratio: Option<f64>| {
                let ratio = ratio.map(|ratio| format!("×{ratio:.2}"));
                let name = figure.or_else(|| ratio.as_ref().map(|_| what.to_owned()));
                let words: Vec<String> = name.into_iter().chain(ratio).collect();
                (!words.is_empty()).then(|| words.join(" "))
            };
            let time = times(case.ns.map(words::time), "time", case.ratio);
            let instructions = case.instructions.map(|count| format!("{} instr", words::three(count)));
            let mib = case.mib.map(|mib| format!("{} MiB", words::three(mib)));
            let memory = times(mib, "memory", case.mib_ratio);
            let parts: Vec<String> = time.into_iter().chain(instructions).chain(memory).collect();
            let best = case.ns.is_some_and(|ns| ns <= least);
            Entry::new(parts.join(", "), if best { Tone::Best } else { Tone::Plain })
        };
        std::iter::once(Entry::new(name, Tone::Plain)).chain(subjects.iter().map(entry)).collect()
    };
    Grid {
        title: format!("Suite {suite}"),
        note: "Per operation; less is better.".to_owned(),
        head: std::iter::once(String::new())
            .chain(subjects.iter().map(|subject| (*subject).to_owned()))
            .collect(),
        rows: distinct(cases.iter().map(|case| case.case.as_str())).into_iter().map(row).collect(),
    }
}

/// Each word once, in the order of first sight.
fn distinct<'w>(words: impl Iterator<Item = &'w str>) -> Vec<&'w str> {
    let mut seen = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen
}

#[cfg(test)]
mod tests;
