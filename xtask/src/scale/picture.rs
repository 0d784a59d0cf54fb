//! The record as a picture: a panel a pattern, a line an allocator.
#![forbid(unsafe_code)]

use crate::bench::summary::OURS;
use crate::bench::svg::{Line, Panel, Panels};
use crate::bench::words;
use crate::scale::record::Record;

/// What each pattern does, for its title.
fn title(pattern: &str) -> String {
    let what = match pattern {
        "small" => "up to 256 B",
        "mixed" => "one in 16 is large",
        "large" => "32 KiB to 1 MiB",
        "ring" => "batches handed around",
        "stream" => "makers and takers",
        "heirs" => "threads inherit blocks",
        _ => return pattern.to_owned(),
    };
    format!("{pattern}: {what}")
}

/// Throughput from the fewest threads to the most, as an SVG file.
pub(crate) fn draw(record: &Record) -> String {
    let threads = record.threads();
    let line = |pattern: &str, name: &str| Line {
        name: words::title(name),
        ours: name == OURS,
        values: threads
            .iter()
            .map(|&count| record.rate(pattern, count, name).map(|rate| rate.median / 1e6))
            .collect(),
    };
    let panel = |pattern: &str| Panel {
        title: title(pattern),
        lines: record.allocators().into_iter().map(|name| line(pattern, name)).collect(),
    };
    let machine = &record.machine;
    Panels {
        title: "Throughput as threads are added".to_owned(),
        subtitle: "Million blocks a second, of all threads together; higher is better.".to_owned(),
        footnote: format!(
            "{}; {} cores; commit {}; {}",
            machine.cpu, machine.cores, machine.commit, machine.date
        ),
        columns: threads.iter().map(u32::to_string).collect(),
        axis: "threads".to_owned(),
        panels: record.patterns().into_iter().map(panel).collect(),
    }
    .standalone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scale::record::tests::record;

    #[test]
    fn each_allocator_has_a_line_in_each_panel() {
        let svg = draw(&record(&[(OURS, [100, 200, 150]), ("jemalloc", [50, 90, 100])]));
        assert_eq!(
            (svg.matches("class=\"our-line\"").count(), svg.matches("class=\"peer-line\"").count()),
            (2, 2)
        );
        assert!(svg.contains(">small: up to 256 B</text>"), "{svg}");
    }
}
