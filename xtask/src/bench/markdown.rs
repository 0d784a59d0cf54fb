//! The tables as Markdown, for `docs/benchmarks.md`.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use console::strip_ansi_codes;

use super::grid::{self, Grid, Tone};
use super::record::{Kind, Machine, Record};
use super::summary::{Metric, Summary};
use super::table;
use super::words;

const BEGIN: &str = "<!-- figures -->";
const END: &str = "<!-- end of figures -->";

/// Writes the tables to `path`; in a file with the two marks, only between them.
///
/// # Errors
///
/// When the file cannot be read or written.
pub(crate) fn write(summary: &Summary<'_>, path: &Path) -> anyhow::Result<()> {
    let old = fs::read_to_string(path).unwrap_or_default();
    fs::write(path, placed(&old, &render(summary))).with_context(|| path.display().to_string())
}

/// `old` with the text between its marks replaced; the text alone where there are no marks.
pub(crate) fn placed(old: &str, text: &str) -> String {
    let parts = old.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    match parts {
        Some((before, after)) => format!("{before}{BEGIN}\n{text}{END}{after}"),
        None => text.to_owned(),
    }
}

/// All tables, with the facts of the session.
pub(crate) fn render(summary: &Summary<'_>) -> String {
    let record = summary.record;
    let mut out = facts(record);
    if !summary.allocators.is_empty() {
        out += &draw(&grid::overview(summary));
    }
    for kind in [Kind::Real, Kind::Micro] {
        let metrics: &[Metric] = if kind == Kind::Real {
            &[summary.time, Metric::Peak, Metric::Idle, Metric::Faults]
        } else {
            &[summary.time]
        };
        for metric in metrics.iter().filter(|_| !summary.workloads(kind).is_empty()) {
            out += &draw(&grid::per_workload(summary, *metric, kind));
        }
    }
    for grid in grid::instructions(summary).iter().chain(&grid::crate_suites(&record.cases)) {
        out += &draw(grid);
    }
    for text in [table::noise(summary), table::troubles(record)] {
        for line in strip_ansi_codes(&text).lines() {
            let _ = writeln!(out, "- {}", escape(line));
        }
    }
    out
}

fn facts(record: &Record) -> String {
    let settings = &record.settings;
    let mut out = format!(
        "`{}`: {}, size x {}.\n",
        settings.command,
        words::plural(settings.rounds as usize, "round"),
        settings.scale
    );
    let _ = writeln!(out, "{}\n", escape(&machine(&record.machine)));
    out
}

/// The machine in one line; what is not known is left out.
pub(crate) fn machine(machine: &Machine) -> String {
    let known = |text: String, known: bool| known.then_some(text);
    let parts = [
        known(machine.cpu.clone(), !machine.cpu.is_empty()),
        known(words::plural(machine.cores, "core"), machine.cores > 0),
        known(words::memory(machine.memory_mib as f64 * 1024.0), machine.memory_mib > 0),
        known(machine.kernel.clone(), !machine.kernel.is_empty()),
        known(machine.libc.clone(), !machine.libc.is_empty()),
        known(format!("pages of {} KiB", machine.page_bytes / 1024), machine.page_bytes > 0),
        known(format!("huge pages: {}", machine.huge_pages), !machine.huge_pages.is_empty()),
        known(machine.rustc.clone(), !machine.rustc.is_empty()),
        known(format!("commit {}", machine.commit), !machine.commit.is_empty()),
        known(format!("{} UTC", machine.date), !machine.date.is_empty()),
        known(format!("load at the start {}", machine.load), machine.load > 0.0),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

pub(crate) fn draw(grid: &Grid) -> String {
    let mut out = format!("### {}\n\n{}\n\n", escape(&grid.title), escape(&grid.note));
    let _ =
        writeln!(out, "| {} |", grid.head.iter().map(|text| escape(text)).collect::<Vec<_>>().join(" | "));
    let _ = writeln!(out, "|---|{}", "---:|".repeat(grid.head.len().saturating_sub(1)));
    for row in &grid.rows {
        let cells = row.iter().map(|entry| match entry.tone {
            Tone::Best | Tone::Ours | Tone::Bad if !entry.text.is_empty() => {
                format!("**{}**", escape(&entry.text))
            }
            _ => escape(&entry.text),
        });
        let _ = writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    out + "\n"
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('*', "\\*").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;

    #[test]
    fn tables_are_rows_of_pipes_with_the_best_in_bold() {
        let record = fixture::record();
        let text = render(&Summary::of(&record));
        assert!(text.contains("\n| parse | **0.50** | **0.50** | 2.00 | 200 ms | 1.25 |\n"), "{text}");
        assert!(text.contains("Test CPU & Co; 2 cores; 2026-01-31 17:05 UTC"), "{text}");
        assert!(text.contains("- Left out: snmalloc: no C++ compiler &lt;c++>"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let old = format!("# Title\n{BEGIN}\nold\n{END}\nend\n");
        assert_eq!(placed(&old, "new\n"), format!("# Title\n{BEGIN}\nnew\n{END}\nend\n"));
        assert_eq!(placed("other", "new\n"), "new\n");
        assert_eq!(placed("", "new\n"), "new\n");
    }
}
