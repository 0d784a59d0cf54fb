//! The record as tables: ratios to glibc, a row a program, a column an allocator.

use crate::bench::grid::{Entry, Grid, Tone};
use crate::bench::stats::geometric_mean;
use crate::bench::words;
use crate::preload::library::{NONE, OURS};
use crate::preload::record::{Record, Sample};

/// A program that measures how fast programs start: told apart from those that do work.
const START: &str = "start";

/// What a table is about.
struct Measure {
    title: &'static str,
    of: fn(&Sample) -> f64,
    show: fn(f64) -> String,
}

/// Time and memory.
pub(crate) fn grids(record: &Record, cpu: bool) -> Vec<Grid> {
    let wall = Measure { title: "Time", of: |sample| sample.wall, show: |value| words::time(value * 1e9) };
    let cpu_time =
        Measure { title: "Processor time", of: |sample| sample.cpu, show: |value| words::time(value * 1e9) };
    let memory = Measure { title: "Peak memory", of: |sample| sample.memory, show: words::memory };
    [if cpu { cpu_time } else { wall }, memory].iter().map(|measure| grid(record, measure)).collect()
}

/// The machine and the date, in a sentence.
pub(crate) fn facts(record: &Record) -> String {
    let machine = &record.machine;
    format!(
        "Measured {} at commit {} on {} cores of {}, {}, load {:.1}.\n\n",
        machine.date, machine.commit, machine.cores, machine.cpu, machine.libc, machine.load
    )
}

fn grid(record: &Record, measure: &Measure) -> Grid {
    let runs = record.series.iter().map(|series| series.samples.len()).max().unwrap_or(0);
    let mut head = vec![String::new(), format!("{NONE}, measured")];
    head.extend(record.libraries.iter().filter(|name| *name != NONE).cloned());
    let mut rows: Vec<_> = record.programs.iter().map(|program| row(record, program, measure)).collect();
    rows.push(means(record, measure));
    Grid {
        title: format!("{} of real programs on a library loaded beneath them, {NONE} = 1", measure.title),
        note: format!(
            "Medians of {runs} runs in turn. The mean is geometric, without `{START}` (200 processes)."
        ),
        head,
        rows,
    }
}

fn row(record: &Record, program: &str, measure: &Measure) -> Vec<Entry> {
    let base = record.find(program, NONE).and_then(|series| series.median(measure.of));
    let ratios = record
        .libraries
        .iter()
        .filter(|name| *name != NONE)
        .map(|name| ratio(record, program, name, measure));
    let shown = base.map_or_else(|| "–".to_owned(), measure.show);
    let mut row = vec![entry(program, Tone::Plain), entry(&shown, Tone::Dim)];
    row.extend(entries(&ratios.collect::<Vec<_>>()));
    row
}

fn means(record: &Record, measure: &Measure) -> Vec<Entry> {
    let mean = |name: &String| {
        let programs = record.programs.iter().filter(|program| *program != START);
        let ratios: Option<Vec<_>> = programs.map(|program| ratio(record, program, name, measure)).collect();
        geometric_mean(ratios?)
    };
    let all: Vec<_> = record.libraries.iter().filter(|name| *name != NONE).map(mean).collect();
    let mut row = vec![entry("geometric mean", Tone::Ours), entry("1", Tone::Dim)];
    row.extend(entries(&all));
    row
}

fn ratio(record: &Record, program: &str, library: &str, measure: &Measure) -> Option<f64> {
    let median = |name| record.find(program, name).and_then(|series| series.median(measure.of));
    Some(median(library)? / median(NONE)?)
}

/// Ratios, the least of them marked.
fn entries(ratios: &[Option<f64>]) -> Vec<Entry> {
    let least = ratios.iter().flatten().copied().fold(f64::INFINITY, f64::min);
    let one = |ratio: &Option<f64>| match ratio {
        Some(value) => entry(&words::ratio(*value), if *value <= least { Tone::Best } else { Tone::Plain }),
        None => entry("failed", Tone::Bad),
    };
    ratios.iter().map(one).collect()
}

fn entry(text: &str, tone: Tone) -> Entry {
    Entry { text: text.to_owned(), tone: if text == OURS { Tone::Ours } else { tone } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::facts;
    use crate::preload::record::Series;
    use crate::workspace;

    fn series(program: &str, library: &str, wall: &[f64]) -> Series {
        let samples = wall.iter().map(|&wall| Sample { wall, cpu: 1.0, memory: 1024.0 }).collect();
        Series { program: program.into(), library: library.into(), samples, failure: None }
    }

    fn record() -> Record {
        let mut broken = series("sed", "mimalloc", &[1.0]);
        broken.failure = Some("crashed".into());
        Record {
            machine: facts::gather(&workspace::root()),
            libraries: ["heap", "glibc", "mimalloc"].map(String::from).into(),
            programs: ["awk", "sed", "start"].map(String::from).into(),
            skipped: vec!["tcmalloc: missing".into()],
            series: vec![
                series("awk", "heap", &[9.0, 0.5, 0.1]),
                series("awk", "glibc", &[1.0, 1.0, 1.0]),
                series("awk", "mimalloc", &[2.0, 2.0, 2.0]),
                series("sed", "heap", &[1.0]),
                series("sed", "glibc", &[0.5]),
                broken,
                series("start", "heap", &[4.0]),
                series("start", "glibc", &[1.0]),
                series("start", "mimalloc", &[4.0]),
            ],
        }
    }

    #[test]
    fn cells_are_ratios_of_medians_and_the_mean_leaves_the_start_out() {
        let grids = grids(&record(), false);
        let texts =
            |row: usize| grids[0].rows[row].iter().map(|entry| entry.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(0), ["awk", "1.00 s", "0.50", "2.00"]);
        assert_eq!(texts(1), ["sed", "500 ms", "2.00", "failed"]);
        assert_eq!(texts(3), ["geometric mean", "1", "1.00", "failed"]);
        assert_eq!(grids[0].rows[0][2].tone, Tone::Best);
    }

    #[test]
    fn what_is_missing_and_what_failed_is_said() {
        let lines = record().troubles();
        assert_eq!(lines, ["skipped: tcmalloc: missing", "FAILED: sed on mimalloc: crashed"]);
    }
}
