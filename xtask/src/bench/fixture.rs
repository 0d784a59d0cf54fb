//! A session with known figures, for the tests of the summary and of everything that is drawn from it.
#![forbid(unsafe_code)]

use super::record::{Entrant, Kind, Machine, Record, Run, SCHEMA, Sample, Settings, Workload};

/// Milliseconds and MiB per allocator on the workloads `parse`, `serve` and `pairs`, in the first round; the
/// second is 2 ms slower, the third 2 ms faster, so the medians are the figures below.
const FIGURES: [(&str, [(u64, u64); 3]); 4] = [
    ("system", [(400, 50), (300, 60), (90, 4)]),
    ("mimalloc-v3", [(200, 100), (100, 80), (30, 8)]),
    ("heap-smp", [(100, 50), (100, 80), (15, 4)]),
    ("jemalloc", [(250, 75), (50, 160), (60, 6)]),
];

const WORKLOADS: [(&str, Kind); 3] = [("parse", Kind::Real), ("serve", Kind::Real), ("pairs", Kind::Micro)];

/// Three rounds of the allocators above, heap-smp twice in each; snmalloc could not be built.
pub(crate) fn record() -> Record {
    let mut allocators: Vec<Entrant> =
        FIGURES.iter().map(|(name, _)| Entrant { name: (*name).to_owned(), left_out: None }).collect();
    allocators
        .push(Entrant { name: "snmalloc".to_owned(), left_out: Some("no C++ compiler <c++>".to_owned()) });
    let mut runs = Vec::new();
    for round in 0..3 {
        for (allocator, figures) in FIGURES {
            runs.extend(round_of(round, allocator, figures, false));
        }
        // The same binary again, one tenth slower on `parse`.
        runs.extend(round_of(round, "heap-smp", [(110, 50), (100, 80), (15, 4)], true));
    }
    Record {
        schema: SCHEMA,
        settings: Settings {
            mode: "normal".to_owned(),
            rounds: 3,
            scale: 1.0,
            idle_ms: 1000,
            command: "cargo xtask bench".to_owned(),
        },
        machine: Machine {
            cpu: "Test CPU & Co".to_owned(),
            cores: 2,
            date: "2026-01-31 17:05".to_owned(),
            ..Machine::default()
        },
        allocators,
        workloads: WORKLOADS
            .iter()
            .map(|(name, suite)| Workload {
                name: (*name).to_owned(),
                suite: *suite,
                threads: 1,
                what: format!("what {name} does"),
            })
            .collect(),
        runs,
        instructions: Vec::new(),
        cases: Vec::new(),
    }
}

fn round_of(round: u32, allocator: &str, figures: [(u64, u64); 3], again: bool) -> Vec<Run> {
    let drift: i64 = [0, 2_000_000, -2_000_000][round as usize];
    let run = |((name, _), (ms, mib)): (&(&str, Kind), (u64, u64))| {
        let wall_ns = (ms * 1_000_000).saturating_add_signed(drift);
        let sample = Sample {
            wall_ns,
            cpu_ns: 2 * wall_ns,
            peak_rss_kib: mib * 1024,
            rss_after_free_kib: mib * 256,
            start_rss_kib: 1024,
            minor_faults: mib * 10,
            major_faults: 0,
            ops: 1_000_000,
        };
        Run {
            round,
            allocator: allocator.to_owned(),
            again,
            workload: (*name).to_owned(),
            idle_ms: if round == 0 { 1000 } else { 0 },
            sample: Some(sample),
            failure: None,
        }
    };
    WORKLOADS.iter().zip(figures).map(run).collect()
}

/// The same session, but `allocator` failed its check on `workload` in the second round.
pub(crate) fn with_failure(allocator: &str, workload: &str) -> Record {
    let mut record = record();
    let failed = |run: &&mut Run| {
        run.round == 1 && run.allocator == allocator && run.workload == workload && !run.again
    };
    for run in record.runs.iter_mut().filter(failed) {
        run.sample = None;
        run.failure = Some("check failed: 7 values instead of <8>".to_owned());
    }
    record
}

/// The same session without `allocator`: neither listed nor run.
pub(crate) fn without(allocator: &str) -> Record {
    let mut record = record();
    record.allocators.retain(|entry| entry.name != allocator);
    record.runs.retain(|run| run.allocator != allocator);
    record
}
