//! The report as one HTML file: tables and pictures, light and dark, no scripts and nothing to load.
#![forbid(unsafe_code)]

use std::fmt::Write as _;

use super::charts;
use super::grid::{self, Grid, Tone};
use super::markdown;
use super::record::{Kind, Record};
use super::summary::{Metric, OURS, Summary};
use super::svg::{STYLE, escape};
use super::table;
use super::words;

/// The looks of the page around the pictures.
const PAGE_STYLE: &str = include_str!("report.css");

/// The whole page.
pub(crate) fn page(summary: &Summary<'_>) -> String {
    let record = summary.record;
    let mut body = head(summary);
    body += &troubles(record);
    if !summary.workloads(Kind::Real).is_empty() {
        body += &real(summary);
    }
    if !summary.workloads(Kind::Micro).is_empty() {
        body += &micro(summary);
    }
    if let Some(grid) = grid::instructions(summary) {
        body += &section("Instructions", &grid.note, &table(&grid));
    }
    for grid in grid::crate_suites(&record.cases) {
        body += &section(&grid.title, &grid.note, &table(&grid));
    }
    body += &method(summary);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>heap: benchmark report</title>\n\
         <style>{STYLE}\n{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn head(summary: &Summary<'_>) -> String {
    let record = summary.record;
    let mut out = String::from("<header>\n<h1>Allocators under real Rust programs</h1>\n");
    if let Some(verdict) = verdict(summary) {
        let _ = writeln!(out, "<p class=\"verdict\">{}</p>", escape(&verdict));
    }
    let _ = writeln!(out, "<p class=\"soft\">{}</p>", escape(&markdown::machine(&record.machine)));
    out += &caveats(summary);
    out + "</header>\n"
}

/// The finding in one or two sentences; `None` without figures of ours.
fn verdict(summary: &Summary<'_>) -> Option<String> {
    let kind = if summary.workloads(Kind::Real).is_empty() { Kind::Micro } else { Kind::Real };
    let noun = if kind == Kind::Real { "real program" } else { "micro workload" };
    let time = summary.mean(summary.time, OURS, kind)?;
    let peak = summary.mean(Metric::Peak, OURS, kind)?;
    let best = summary.mean_to_best_other(summary.time, OURS, kind)?;
    let mut text = format!(
        "Over {}, {OURS} takes {} of the {} and {} of the peak memory of {}, and {} of the time of the best other \
         allocator on each.",
        words::plural(time.over, noun),
        words::ratio(time.ratio),
        summary.time_word(),
        words::ratio(peak.ratio),
        words::title(summary.reference),
        words::ratio(best.ratio)
    );
    if let Some(noise) = summary.noise(summary.time, kind) {
        let _ = write!(
            text,
            " The same binary run twice differs by {} in the mean and by {} on a usual one.",
            words::percent(noise.of_mean - 1.0),
            words::percent(noise.typical - 1.0)
        );
    }
    Some(text)
}

/// What makes the figures rough, in sentences.
fn caveats(summary: &Summary<'_>) -> String {
    let quick = "A quick session: small sizes and few rounds, so the ratios are rough.".to_owned();
    let quick = (summary.record.settings.mode == "quick").then_some(quick);
    let lines = quick.into_iter().chain(table::busy(summary));
    lines.map(|line| format!("<p class=\"soft\">{}</p>\n", escape(&line))).collect()
}

/// Failed checks first, in red; then who is missing.
fn troubles(record: &Record) -> String {
    let mut out = String::new();
    let item = |what: String, why: &str| format!("<li><b>{}</b>: {}</li>\n", escape(&what), escape(why));
    let failed: String = record
        .failures()
        .map(|run| {
            let what = format!("{} on {}", run.workload, words::title(&run.allocator));
            item(what, run.failure.as_deref().unwrap_or_default())
        })
        .collect();
    if !failed.is_empty() {
        let _ = write!(
            out,
            "<section class=\"alert\">\n<h2>Failed</h2>\n<p>These did wrong work, crashed or did not end; they have no figures below.</p>\n<ul>\n{failed}</ul>\n</section>\n"
        );
    }
    let absent: String = record.left_out().map(|(name, why)| item(words::title(name), why)).collect();
    if !absent.is_empty() {
        let _ =
            write!(out, "<section class=\"quiet\">\n<h2>Left out</h2>\n<ul>\n{absent}</ul>\n</section>\n");
    }
    out
}

fn real(summary: &Summary<'_>) -> String {
    let reference = words::title(summary.reference);
    let chart = charts::headline(summary);
    let overview = grid::overview(summary);
    let mut out =
        section(&chart.title, &chart.subtitle, &format!("<div class=\"fill\">\n{}</div>\n", chart.inline()));
    let time = if summary.time == Metric::Cpu { "CPU time" } else { "Time" };
    let glance = [
        (time, "geometric mean of the ratios", charts::means(summary, summary.time)),
        ("Peak memory", "geometric mean of the ratios", charts::means(summary, Metric::Peak)),
        (
            "Memory given back",
            "how much of its peak a program holds after it freed everything",
            charts::kept(summary),
        ),
    ];
    let glance: String = glance.iter().map(|(title, note, svg)| panel(title, note, svg)).collect();
    out += &section(
        "At a glance",
        &format!("{}. {}", overview.title, overview.note),
        &format!("{}<div class=\"panels\">\n{glance}</div>\n", table(&overview)),
    );
    out += &section(
        "Time",
        &format!(
            "{}: median of the rounds, whiskers from the fastest to the slowest. The fastest allocator stands first. A \
             bar with two gaps is longer than the picture.",
            if summary.time == Metric::Cpu {
                "Of all threads, user and system"
            } else {
                "By the clock on the wall"
            }
        ),
        &panels(summary, charts::times),
    );
    out += &section(
        "Memory",
        &format!(
            "Pale: resident at the most. Dark: still resident {} ms after everything was freed. Whiskers from the least to \
             the most. The leanest allocator stands first.",
            summary.record.settings.idle_ms
        ),
        &panels(summary, charts::memory),
    );
    out += &section(
        "Page faults",
        &format!(
            "Minor and major, of the whole process. Blue: fewer than {reference}; orange: more; bold: fewest."
        ),
        &wide(&charts::faults(summary)),
    );
    for (title, metric) in [("Time, as ratios", summary.time), ("Peak memory, as ratios", Metric::Peak)] {
        let map = wide(&charts::ratios(summary, metric));
        out += &section(title, &format!("{reference} = 1. Blue: less; orange: more; bold: the least."), &map);
    }
    out
}

fn micro(summary: &Summary<'_>) -> String {
    let note = format!(
        "Time per operation. Blue: faster than {}; orange: slower; bold: the fastest. Loops of allocator calls alone: \
         they show where an allocator is strong, not what a program gains.",
        words::title(summary.reference)
    );
    let whats: String = summary
        .workloads(Kind::Micro)
        .iter()
        .map(|workload| format!("<dt>{}</dt><dd>{}</dd>\n", escape(&workload.name), escape(&workload.what)))
        .collect();
    let list = format!("<details><summary>What each does</summary>\n<dl>\n{whats}</dl>\n</details>\n");
    section("Micro workloads", &note, &(wide(&charts::micro(summary)) + &list))
}

/// A small picture per real program, side by side.
fn panels(summary: &Summary<'_>, draw: fn(&Summary<'_>, &super::record::Workload) -> String) -> String {
    let one = |workload: &&super::record::Workload| {
        let threads = words::plural(workload.threads as usize, "thread");
        let threads = if workload.threads > 1 { format!(" ({threads})") } else { String::new() };
        panel(&workload.name, &format!("{}{threads}", workload.what), &draw(summary, workload))
    };
    let panels: String = summary.workloads(Kind::Real).iter().map(one).collect();
    format!("<div class=\"panels\">\n{panels}</div>\n")
}

fn panel(title: &str, note: &str, svg: &str) -> String {
    format!(
        "<figure>\n<figcaption><b>{}</b> <span class=\"soft\">{}</span></figcaption>\n{svg}</figure>\n",
        escape(title),
        escape(note)
    )
}

fn section(title: &str, note: &str, content: &str) -> String {
    format!(
        "<section>\n<h2>{}</h2>\n<p class=\"soft\">{}</p>\n{content}</section>\n",
        escape(title),
        escape(note)
    )
}

/// A picture that may scroll sideways where the window is narrow.
fn wide(svg: &str) -> String {
    format!("<div class=\"wide\">\n{svg}</div>\n")
}

fn table(grid: &Grid) -> String {
    let mut out = String::from("<div class=\"wide\">\n<table>\n<thead><tr>");
    for title in &grid.head {
        let _ = write!(out, "<th>{}</th>", escape(title));
    }
    out += "</tr></thead>\n<tbody>\n";
    for row in &grid.rows {
        let ours = row.first().is_some_and(|entry| entry.tone == Tone::Ours);
        out += if ours { "<tr class=\"our-row\">" } else { "<tr>" };
        for entry in row {
            let class = match entry.tone {
                Tone::Plain => "",
                Tone::Best => " class=\"best\"",
                Tone::Ours => " class=\"our\"",
                Tone::Dim => " class=\"soft\"",
                Tone::Bad => " class=\"bad\"",
            };
            let _ = write!(out, "<td{class}>{}</td>", escape(&entry.text));
        }
        out += "</tr>\n";
    }
    out + "</tbody>\n</table>\n</div>\n"
}

fn method(summary: &Summary<'_>) -> String {
    let settings = &summary.record.settings;
    let text = format!(
        "Each allocator is the global allocator of a program of its own; each run is a new process with a clean environment. \
         {}, size x {}: in a round each program is run on all allocators one after the other, in an order that changes from \
         round to round. Figures are medians; means of ratios are geometric. A program checks its own result; a pair that \
         fails once has no figures.",
        words::plural(settings.rounds as usize, "round"),
        settings.scale
    );
    let content = format!("<p>Repeat it: <code>{}</code></p>\n", escape(&settings.command));
    section("How it was measured", &text, &content)
}

#[cfg(test)]
mod tests;
