//! Tables and findings on a terminal.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

use console::{Alignment, Style, measure_text_width, pad_str};

use super::grid::{self, Entry, Grid, Tone};
use super::record::{Kind, Record};
use super::summary::{Metric, Summary};
use super::words;

/// Waiting for a core for more than this share of the time is worth a warning.
const BUSY: f64 = 0.05;

/// Everything that a session has to say in words, for a terminal `width` columns wide.
pub(crate) fn report(summary: &Summary<'_>, width: usize) -> String {
    let record = summary.record;
    let mut out = String::new();
    for kind in [Kind::Real, Kind::Micro] {
        if !summary.workloads(kind).is_empty() {
            out += &draw(&grid::per_workload(summary, summary.time, kind), width);
        }
        if kind == Kind::Real && !summary.workloads(kind).is_empty() {
            out += &draw(&grid::per_workload(summary, Metric::Peak, kind), width);
        }
    }
    for grid in grid::instructions(summary).iter().chain(&grid::crate_suites(&record.cases)) {
        out += &draw(grid, width);
    }
    if !summary.allocators.is_empty() {
        out += &draw(&grid::overview(summary), width);
        out += &noise(summary);
    }
    out + &troubles(record)
}

/// What the subject that ran twice says, in a line or two.
pub(crate) fn noise(summary: &Summary<'_>) -> String {
    let kind = if summary.workloads(Kind::Real).is_empty() { Kind::Micro } else { Kind::Real };
    let mut out = String::new();
    for (name, metric) in [(summary.time_word(), summary.time), ("peak memory", Metric::Peak)] {
        if let Some(noise) = summary.noise(metric, kind) {
            let _ = writeln!(
                out,
                "Noise of {name} ({} against itself): the mean is off by {}, a usual workload by {}, the worst by {} ({})",
                words::title(&noise.allocator),
                words::percent(noise.of_mean - 1.0),
                words::percent(noise.typical - 1.0),
                words::percent(noise.worst - 1.0),
                noise.worst_workload
            );
        }
    }
    out + &busy(summary).map(|line| line + "\n").unwrap_or_default()
}

/// A sentence of warning where other programs had the cores.
pub(crate) fn busy(summary: &Summary<'_>) -> Option<String> {
    let share = summary.waiting().filter(|share| *share > BUSY)?;
    let advice = if summary.time == Metric::Wall { ": CPU times are steadier here (--by cpu)" } else { "" };
    let share = words::percent(share);
    Some(format!(
        "The machine was busy: programs of one thread waited {share} of their time for a core{advice}."
    ))
}

/// Those who could not take part, and those who did wrong work.
pub(crate) fn troubles(record: &Record) -> String {
    let (bad, dim) = (Style::new().red().bold(), Style::new().dim());
    let mut out = String::new();
    for (name, reason) in record.left_out() {
        let _ = writeln!(out, "{}", dim.apply_to(format!("Left out: {}: {reason}", words::title(name))));
    }
    for run in record.failures() {
        let reason = run.failure.as_deref().unwrap_or_default();
        let line = format!("FAILED: {} on {}: {reason}", run.workload, words::title(&run.allocator));
        let _ = writeln!(out, "{}", bad.apply_to(line));
    }
    out
}

/// A table; columns that do not fit the width follow below, under the names of the rows again.
pub(crate) fn draw(grid: &Grid, width: usize) -> String {
    let columns = grid.head.len();
    let wide = |column: usize| {
        let cells =
            grid.rows.iter().filter_map(|row| row.get(column)).map(|entry| measure_text_width(&entry.text));
        cells.chain([measure_text_width(&grid.head[column])]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut out = format!("\n{}\n", Style::new().bold().apply_to(&grid.title));
    let mut from = 1;
    while from < columns {
        let mut to = from + 1;
        let mut used = widths[0] + 2 + widths[from];
        while to < columns && used + 2 + widths[to] <= width {
            used += 2 + widths[to];
            to += 1;
        }
        let shown: Vec<usize> = std::iter::once(0).chain(from..to).collect();
        let head: Vec<Entry> =
            grid.head.iter().map(|text| Entry { text: text.clone(), tone: Tone::Dim }).collect();
        for row in std::iter::once(&head).chain(&grid.rows) {
            out += &line(row, &shown, &widths);
        }
        from = to;
    }
    for text in wrap(&grid.note, width) {
        let _ = writeln!(out, "{}", Style::new().dim().apply_to(text));
    }
    out
}

fn line(row: &[Entry], shown: &[usize], widths: &[usize]) -> String {
    let mut out = String::new();
    for &column in shown {
        let Some(entry) = row.get(column) else { continue };
        let side = if column == 0 { Alignment::Left } else { Alignment::Right };
        let padded = pad_str(&entry.text, widths[column], side, None).into_owned();
        if column > 0 {
            out.push_str("  ");
        }
        out += &style(entry.tone).apply_to(padded).to_string();
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Best => Style::new().green().bold(),
        Tone::Ours => Style::new().bold(),
        Tone::Dim => Style::new().dim(),
        Tone::Bad => Style::new().red().bold(),
    }
}

/// Lines of at most `width` columns, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;
    use console::strip_ansi_codes;

    #[test]
    fn columns_are_aligned_and_fit_the_width() {
        let record = fixture::record();
        let text = report(&Summary::of(&record), 60);
        let plain = strip_ansi_codes(&text);
        assert!(plain.contains("\nparse               0.50     0.50    2.00       200 ms\n"), "{plain}");
        let tables = plain.lines().filter(|line| !line.starts_with("Noise") && !line.starts_with("Left"));
        for line in tables.filter(|line| !line.contains(':') && !line.contains('=')) {
            assert!(measure_text_width(line) <= 60, "too wide: {line}");
        }
    }

    #[test]
    fn every_column_appears_however_narrow_the_terminal() {
        let record = fixture::record();
        let grid = grid::overview(&Summary::of(&record));
        let text = draw(&grid, 1);
        for title in &grid.head[1..] {
            assert!(text.contains(title.as_str()), "{title} is missing");
        }
    }

    #[test]
    fn noise_failures_and_absent_allocators_are_told() {
        let record = fixture::with_failure("jemalloc", "serve");
        let text = report(&Summary::of(&record), 200);
        let plain = strip_ansi_codes(&text);
        assert!(
            plain.contains("Noise of time (heap-smp against itself): the mean is off by 4.9 %"),
            "{plain}"
        );
        assert!(plain.contains("the worst by 10.0 % (parse)"), "{plain}");
        assert!(
            plain.contains("FAILED: serve on jemalloc: check failed: 7 values instead of <8>"),
            "{plain}"
        );
        assert!(plain.contains("Left out: snmalloc: no C++ compiler"), "{plain}");
    }
}
