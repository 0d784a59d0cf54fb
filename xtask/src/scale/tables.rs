//! The record as tables: a table a pattern, a row an allocator, a column a number of threads.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

use crate::bench::grid::{Entry, Grid, Tone};
use crate::bench::summary::OURS;
use crate::bench::words;
use crate::scale::LONGER;
use crate::scale::record::Record;

/// Throughput that falls below this share of what fewer threads reached is a miss.
const HOLDS: f64 = 0.9;

fn plain(text: impl Into<String>) -> Entry {
    Entry { text: text.into(), tone: Tone::Plain }
}

fn dash() -> Entry {
    plain("–")
}

fn named(name: &str) -> Entry {
    Entry { text: words::title(name), tone: if name == OURS { Tone::Ours } else { Tone::Plain } }
}

/// All tables.
pub(crate) fn grids(record: &Record) -> Vec<Grid> {
    let throughput = record.patterns().into_iter().map(|pattern| throughput(record, pattern));
    throughput.chain([memory(record, false)]).chain(longer(record)).collect()
}

fn throughput(record: &Record, pattern: &str) -> Grid {
    let threads = record.threads();
    let mut head = vec![pattern.to_owned()];
    head.extend(threads.iter().map(|&count| words::plural(count as usize, "thread")));
    head.extend(["held", "best", "spread"].map(String::from));
    Grid {
        title: format!("Throughput of `{pattern}`, as a share of the allocator's best"),
        note: "held: the least share of what fewer threads had reached; best: million blocks a second; spread: the \
               middle half of the rounds, at its worst."
            .to_owned(),
        head,
        rows: record.allocators().into_iter().map(|name| shares(record, pattern, name)).collect(),
    }
}

fn shares(record: &Record, pattern: &str, name: &str) -> Vec<Entry> {
    let rates: Vec<_> =
        record.threads().into_iter().map(|threads| record.rate(pattern, threads, name)).collect();
    let best = rates.iter().flatten().map(|rate| rate.median).fold(0.0, f64::max);
    let spread = rates.iter().flatten().map(|rate| rate.relative()).fold(0.0, f64::max);
    let mut row = vec![named(name)];
    row.extend(
        rates
            .iter()
            .map(|rate| rate.as_ref().map_or_else(dash, |rate| plain(format!("{:.2}", rate.median / best)))),
    );
    row.push(record.held(pattern, name).map_or_else(dash, |held| Entry {
        text: format!("{held:.2}"),
        tone: if held < HOLDS { Tone::Bad } else { Tone::Plain },
    }));
    row.extend([plain(words::three(best / 1e6)), plain(words::percent(spread))]);
    row
}

/// Peak memory of each pattern at the most threads.
fn memory(record: &Record, long: bool) -> Grid {
    let most = record.threads().last().copied().unwrap_or(0);
    let mut head = vec![String::new()];
    head.extend(record.patterns().into_iter().map(String::from));
    let cell = |pattern: &str, name: &str| {
        record.peak(pattern, most, name, long).map_or_else(dash, |kib| plain(words::memory(kib)))
    };
    let row = |name: &str| {
        let cells = record.patterns().into_iter().map(|pattern| cell(pattern, name));
        [named(name)].into_iter().chain(cells).collect()
    };
    Grid {
        title: format!("Peak memory at {most} threads"),
        note: "The median of the rounds, resident.".to_owned(),
        head,
        rows: record.allocators().into_iter().map(row).collect(),
    }
}

/// How peak memory grows when a run takes ten times as long; nothing where that was not measured.
fn longer(record: &Record) -> Option<Grid> {
    if !record.series.iter().any(|series| series.point.long) {
        return None;
    }
    let threads = record.threads();
    let growth = |pattern: &str, name: &str| {
        let grown = threads.iter().filter_map(|&count| {
            Some(record.peak(pattern, count, name, true)? / record.peak(pattern, count, name, false)?)
        });
        grown.fold(None, |most: Option<f64>, ratio| Some(most.map_or(ratio, |most| most.max(ratio))))
    };
    let mut head = vec![String::new()];
    head.extend(record.patterns().into_iter().map(String::from));
    let row = |name: &str| {
        let cell = |pattern| growth(pattern, name).map_or_else(dash, |ratio| plain(words::ratio(ratio)));
        [named(name)].into_iter().chain(record.patterns().into_iter().map(cell)).collect()
    };
    Some(Grid {
        title: format!("Peak memory of runs {LONGER} times as long, as a multiple of that of short ones"),
        note: "The worst number of threads of each pattern.".to_owned(),
        head,
        rows: record.allocators().into_iter().map(row).collect(),
    })
}

/// Whether ours holds, in words, a line a pattern.
pub(crate) fn verdict(record: &Record) -> String {
    let mut out = String::new();
    for pattern in record.patterns() {
        if let Some(held) = record.held(pattern, OURS) {
            let word = if held >= HOLDS { "holds" } else { "MISSES" };
            let _ = writeln!(out, "- {pattern}: heap-smp {word}, {held:.2} of its best at the least");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::record::tests::record;

    #[test]
    fn a_row_has_shares_of_its_own_best_and_marks_a_fall() {
        let record = record(&[(OURS, [100, 200, 150]), ("jemalloc", [50, 90, 100])]);
        let grids = grids(&record);
        let texts =
            |row: usize| grids[0].rows[row].iter().map(|entry| entry.text.as_str()).collect::<Vec<_>>();
        assert_eq!(texts(0)[1..5], ["0.50", "1.00", "0.75", "0.75"]);
        assert_eq!(texts(1)[1..5], ["0.50", "0.90", "1.00", "1.00"]);
        assert_eq!((grids[0].rows[0][4].tone, grids[0].rows[1][4].tone), (Tone::Bad, Tone::Plain));
        assert_eq!(verdict(&record), "- small: heap-smp MISSES, 0.75 of its best at the least\n");
    }

    #[test]
    fn memory_is_told_and_its_growth_with_the_length_of_the_run() {
        let record = record(&[(OURS, [1, 1, 1])]);
        let grids = grids(&record);
        assert_eq!(grids[1].rows[0][1].text, "1.00 MiB");
        assert_eq!(grids[2].rows[0][1].text, "2.00");
    }
}
