//! From figures to pictures: which bars, dots and cells a session has.
#![forbid(unsafe_code)]

use super::grid::absolute;
use super::record::{Kind, Workload};
use super::stats::Spread;
use super::summary::{Metric, OURS, REFERENCE, Summary};
use super::svg::{Bar, Corner, Dot, Heat, Scatter, Tile, bars, heat};
use super::words;

/// At most this much of mimalloc v3's time and memory: fast and lean. Among all rivals that were measured when
/// the project began, this corner was empty.
const CORNER: (f64, f64) = (0.95, 0.65);

/// The headline: time against memory, geometric means over the real programs.
pub(crate) fn headline(summary: &Summary<'_>) -> Scatter {
    let programs = summary.workloads(Kind::Real).len();
    let reference = words::title(summary.reference);
    let dot = |name: &&str| {
        Some(Dot {
            name: words::title(name),
            x: summary.mean(summary.time, name, Kind::Real)?.ratio,
            y: summary.mean(Metric::Peak, name, Kind::Real)?.ratio,
            ours: *name == OURS,
        })
    };
    Scatter {
        title: "Time and memory of real Rust programs".to_owned(),
        subtitle: format!(
            "Geometric means over {}; {reference} = 1, less is better.",
            words::plural(programs, "program")
        ),
        footnote: footnote(summary),
        x_label: format!("{}, {reference} = 1", summary.time_word()),
        y_label: format!("peak resident memory, {reference} = 1"),
        dots: summary.allocators.iter().filter_map(dot).collect(),
        corner: (summary.reference == REFERENCE).then_some(Corner {
            x: CORNER.0,
            y: CORNER.1,
            name: "fast and lean".to_owned(),
        }),
    }
}

/// Where and when, short enough for one line.
fn footnote(summary: &Summary<'_>) -> String {
    let (machine, settings) = (&summary.record.machine, &summary.record.settings);
    let parts = [
        words::plural(settings.rounds as usize, "round"),
        machine.cpu.clone(),
        words::plural(machine.cores, "core"),
        machine.kernel.clone(),
        machine.date.split(' ').next().unwrap_or_default().to_owned(),
        format!("commit {}", machine.commit),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The time of each allocator on a workload, the fastest first, the failed ones last.
pub(crate) fn times(summary: &Summary<'_>, workload: &Workload) -> String {
    let name = workload.name.as_str();
    let bar = |allocator: &&str| {
        let spread = summary.spread(summary.time, allocator, name);
        let other =
            if summary.time == Metric::Cpu { (Metric::Wall, "by the clock") } else { (Metric::Cpu, "CPU") };
        let value = words::time(summary.median(other.0, allocator, name).unwrap_or(0.0));
        let tip = spread.map(|s| format!("{}, {} {value}", told(summary.time, &s), other.1));
        row(summary, allocator, name, summary.time, tip)
    };
    let rows = sorted(summary.allocators.iter().map(bar).collect());
    let (unit, axis) = time_unit(&rows);
    bars(&rows, unit, axis, &format!("Time of {name} per allocator"))
}

/// Peak memory of each allocator on a workload, with what is left after freeing inside.
pub(crate) fn memory(summary: &Summary<'_>, workload: &Workload) -> String {
    let name = workload.name.as_str();
    let bar = |allocator: &&str| {
        let idle = summary.spread(Metric::Idle, allocator, name);
        let tip = summary.spread(Metric::Peak, allocator, name).map(|peak| {
            let idle =
                idle.map(|idle| format!("; after freeing {}", told(Metric::Idle, &idle))).unwrap_or_default();
            format!("peak {}{idle}", told(Metric::Peak, &peak))
        });
        Bar { inner: idle.map(|spread| spread.median), ..row(summary, allocator, name, Metric::Peak, tip) }
    };
    let rows = sorted(summary.allocators.iter().map(bar).collect());
    bars(&rows, 1024.0, "MiB resident", &format!("Resident memory of {name} per allocator"))
}

/// The geometric mean of each allocator's ratios on the real programs.
pub(crate) fn means(summary: &Summary<'_>, metric: Metric) -> String {
    let bar = |name: &&str| {
        let mean = summary.mean(metric, name, Kind::Real)?;
        let missing = if mean.complete() { "" } else { "*" };
        let text = words::ratio(mean.ratio) + missing;
        let tip = format!("{}: {text} over {}", words::title(name), words::plural(mean.over, "program"));
        Some(Bar {
            name: words::title(name),
            ours: *name == OURS,
            value: Some(mean.ratio),
            text,
            tip,
            ..Bar::default()
        })
    };
    let rows = sorted(summary.allocators.iter().filter_map(bar).collect());
    let axis = format!("{} = 1", words::title(summary.reference));
    bars(&rows, 1.0, &axis, "Geometric mean per allocator")
}

/// How much of its peak each allocator still holds after everything was freed, on the real programs.
pub(crate) fn kept(summary: &Summary<'_>) -> String {
    let bar = |name: &&str| {
        let share = summary.kept(name)?;
        let text = words::percent(share);
        let tip = format!("{}: {text} of the peak", words::title(name));
        Some(Bar {
            name: words::title(name),
            ours: *name == OURS,
            value: Some(share),
            text,
            tip,
            ..Bar::default()
        })
    };
    let rows = sorted(summary.allocators.iter().filter_map(bar).collect());
    bars(
        &rows,
        0.01,
        "% of the peak still resident",
        "Share of the peak that is still resident after freeing",
    )
}

fn row(summary: &Summary<'_>, allocator: &str, workload: &str, metric: Metric, tip: Option<String>) -> Bar {
    let spread = summary.spread(metric, allocator, workload);
    let word = if summary.failed(allocator, workload) { "failed" } else { "no figure" };
    let title = words::title(allocator);
    Bar {
        ours: allocator == OURS,
        value: spread.map(|spread| spread.median),
        whisker: spread.map(|spread| (spread.min, spread.max)),
        text: spread.map_or_else(|| word.to_owned(), |spread| absolute(metric, spread.median)),
        tip: format!("{title}: {}", tip.unwrap_or_else(|| word.to_owned())),
        name: title,
        inner: None,
    }
}

fn told(metric: Metric, spread: &Spread) -> String {
    let value = |value| absolute(metric, value);
    let runs = words::plural(spread.runs, "run");
    format!("{} ({} to {}, {runs})", value(spread.median), value(spread.min), value(spread.max))
}

/// The least first, those without a value last.
fn sorted(mut rows: Vec<Bar>) -> Vec<Bar> {
    rows.sort_by(|left, right| {
        let key = |row: &Bar| row.value.unwrap_or(f64::INFINITY);
        key(left).total_cmp(&key(right))
    });
    rows
}

/// The unit that suits the middle bar.
fn time_unit(rows: &[Bar]) -> (f64, &'static str) {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    match Spread::of(&values).map_or(0.0, |spread| spread.median) {
        ns if ns < 1e6 => (1e3, "microseconds"),
        ns if ns < 1e9 => (1e6, "milliseconds"),
        _ => (1e9, "seconds"),
    }
}

/// Page faults: one row per real program.
pub(crate) fn faults(summary: &Summary<'_>) -> String {
    heat(&map(summary, Metric::Faults, Kind::Real), "Page faults per program and allocator")
}

/// Micro workloads: time per operation, or of the whole run where none are counted.
pub(crate) fn micro(summary: &Summary<'_>) -> String {
    heat(&map(summary, summary.time, Kind::Micro), "Time per operation of each micro workload and allocator")
}

/// Ratios of a metric on the real programs.
pub(crate) fn ratios(summary: &Summary<'_>, metric: Metric) -> String {
    let mut map = map(summary, metric, Kind::Real);
    for tile in map.rows.iter_mut().flat_map(|row| &mut row.1) {
        if let Some(ratio) = tile.ratio {
            tile.text = words::ratio(ratio);
        }
    }
    heat(&map, "Ratios to the reference per program and allocator")
}

fn map(summary: &Summary<'_>, metric: Metric, kind: Kind) -> Heat {
    let rows = summary.workloads(kind).into_iter().map(|workload| {
        let name = workload.name.as_str();
        let medians =
            summary.allocators.iter().filter_map(|allocator| summary.median(metric, allocator, name));
        let least = medians.fold(f64::INFINITY, f64::min);
        let tile = |allocator: &&str| tile(summary, metric, allocator, workload, least);
        (name.to_owned(), summary.allocators.iter().map(tile).collect())
    });
    Heat {
        columns: summary.allocators.iter().map(|name| words::title(name)).collect(),
        ours: summary.allocators.iter().position(|name| *name == OURS),
        rows: rows.collect(),
    }
}

fn tile(summary: &Summary<'_>, metric: Metric, allocator: &str, workload: &Workload, least: f64) -> Tile {
    let name = workload.name.as_str();
    let title = words::title(allocator);
    let Some(spread) = summary.spread(metric, allocator, name) else {
        let bad = summary.failed(allocator, name);
        let text = if bad { "failed" } else { "–" };
        return Tile {
            text: text.to_owned(),
            bad,
            tip: format!("{name}, {title}: {text}"),
            ..Tile::default()
        };
    };
    let per_op = summary.per_op(allocator, name).filter(|_| workload.suite == Kind::Micro);
    let text = per_op.map_or_else(|| absolute(metric, spread.median), words::time);
    let ratio = summary.ratio(metric, allocator, name);
    let compared =
        ratio.map(|ratio| format!(", {} of {}", words::ratio(ratio), words::title(summary.reference)));
    Tile {
        tip: format!("{name}, {title}: {text}{}; {}", compared.unwrap_or_default(), told(metric, &spread)),
        text,
        ratio,
        best: spread.median <= least,
        bad: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fixture;

    #[test]
    fn the_headline_has_a_dot_per_allocator_at_its_means() {
        let record = fixture::record();
        let chart = headline(&Summary::of(&record));
        assert_eq!(chart.dots.len(), 4);
        let ours = &chart.dots[0];
        assert!(
            ours.ours && (ours.x - 0.5_f64.sqrt()).abs() < 1e-9 && (ours.y - 0.5_f64.sqrt()).abs() < 1e-9
        );
        assert!(chart.corner.is_some());
    }

    #[test]
    fn the_corner_is_drawn_against_mimalloc_only() {
        let record = fixture::without("mimalloc-v3");
        let chart = headline(&Summary::of(&record));
        assert_eq!((chart.corner, chart.dots.len()), (None, 3));
        assert!(chart.x_label.contains("system = 1"));
    }

    #[test]
    fn bars_stand_from_the_fastest_to_the_failed() {
        let record = fixture::with_failure("mimalloc-v3", "parse");
        let svg = times(&Summary::of(&record), &record.workloads[0]);
        let places: Vec<Option<usize>> = ["heap-smp", "jemalloc", "system", "mimalloc v3"]
            .iter()
            .map(|name| svg.find(&format!(">{name}</text>")))
            .collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        assert!(svg.contains(">failed</text>") && svg.contains(">milliseconds</text>"));
        assert!(svg.contains("system: 400 ms (398 ms to 402 ms, 3 runs), CPU 800 ms"), "{svg}");
    }

    #[test]
    fn micro_workloads_show_the_time_per_operation() {
        let record = fixture::record();
        let svg = micro(&Summary::of(&record));
        assert!(svg.contains(">15.0 ns</text>") && svg.contains("0.50 of mimalloc v3"), "{svg}");
    }

    #[test]
    fn memory_bars_hold_what_is_left_after_freeing() {
        let record = fixture::record();
        let svg = memory(&Summary::of(&record), &record.workloads[0]);
        assert!(svg.contains("peak 100 MiB") && svg.contains("after freeing 25.0 MiB"), "{svg}");
        assert!(kept(&Summary::of(&record)).contains(">25.0 %</text>"));
    }
}
