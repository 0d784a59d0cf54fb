//! Numbers and names as a reader wants them: `1.24 s`, `12.3 MiB`, `0.93`, `mimalloc v3`.
#![forbid(unsafe_code)]

/// A ratio, three figures where that matters: `0.93`, `12.4`, `147`.
pub(crate) fn ratio(value: f64) -> String {
    match value {
        v if v < 9.995 => format!("{v:.2}"),
        v if v < 99.95 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Three figures, without a unit.
pub(crate) fn three(value: f64) -> String {
    match value.abs() {
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// A share of the whole in percent: 0.034 is `3.4 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A duration given in nanoseconds.
pub(crate) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        v if v < 999.5 => (v, "ns"),
        v if v < 999.5e3 => (v / 1e3, "µs"),
        v if v < 999.5e6 => (v / 1e6, "ms"),
        v => (v / 1e9, "s"),
    };
    format!("{} {unit}", three(value))
}

/// A memory size given in KiB.
pub(crate) fn memory(kib: f64) -> String {
    let (value, unit) = match kib {
        v if v < 999.5 => (v, "KiB"),
        v if v < 999.5 * 1024.0 => (v / 1024.0, "MiB"),
        v => (v / (1024.0 * 1024.0), "GiB"),
    };
    format!("{} {unit}", three(value))
}

/// How many: `812`, `3.2 k`, `1.4 M`.
pub(crate) fn count(value: f64) -> String {
    match value {
        v if v < 999.5 => format!("{v:.0}"),
        v if v < 999.5e3 => format!("{} k", short(v / 1e3)),
        v if v < 999.5e6 => format!("{} M", short(v / 1e6)),
        v => format!("{} G", short(v / 1e9)),
    }
}

fn short(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// How long something will still take: `4 s`, `2 min 05 s`, `1 h 20 min`.
pub(crate) fn wait(seconds: u64) -> String {
    match seconds {
        s if s < 60 => format!("{s} s"),
        s if s < 3600 => format!("{} min {:02} s", s / 60, s % 60),
        s => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

/// `one run`, `3 runs`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// An allocator's name as its authors write it.
pub(crate) fn title(name: &str) -> String {
    match name.split_once('-') {
        Some(("mimalloc", version)) => format!("mimalloc {version}"),
        Some(("zig", version)) => format!("Zig {version}"),
        Some(("rusty", rest)) => format!("rusty_{rest}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_change_where_the_figures_run_out() {
        assert_eq!([ratio(0.934), ratio(9.994), ratio(12.44), ratio(146.7)], ["0.93", "9.99", "12.4", "147"]);
        assert_eq!(
            [time(5.234), time(999.6), time(41.2e6), time(1.236e9)],
            ["5.23 ns", "1.00 µs", "41.2 ms", "1.24 s"]
        );
        assert_eq!(
            [memory(900.0), memory(12.3 * 1024.0), memory(1.5 * 1048576.0)],
            ["900 KiB", "12.3 MiB", "1.50 GiB"]
        );
        assert_eq!(
            [count(812.0), count(3210.0), count(70_400.0), count(1.4e6)],
            ["812", "3.2 k", "70 k", "1.4 M"]
        );
        assert_eq!([wait(4), wait(125), wait(4800)], ["4 s", "2 min 05 s", "1 h 20 min"]);
    }

    #[test]
    fn names_are_written_as_their_authors_do() {
        assert_eq!(title("mimalloc-v3"), "mimalloc v3");
        assert_eq!(title("zig-0.17"), "Zig 0.17");
        assert_eq!(title("rusty-alloc"), "rusty_alloc");
        assert_eq!(title("heap-smp"), "heap-smp");
        assert_eq!(title("jemalloc"), "jemalloc");
    }
}
