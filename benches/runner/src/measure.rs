//! One workload, run once in this process, with its costs.

use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use heap_workloads::{Outcome, Scale, Workload};

use crate::json::Object;
use crate::process::{Resident, faults, resident};

/// The costs of one run. Times and faults are those of the run alone, without the making of its input.
#[derive(Debug)]
pub(crate) struct Measurement {
    outcome: Outcome,
    wall: Duration,
    /// User and system time of all threads.
    cpu: Duration,
    start: Resident,
    end: Resident,
    minor_faults: u64,
    major_faults: u64,
}

/// Prepares and runs `workload`, frees all, and waits for `idle` before it looks at what is still resident.
pub(crate) fn measure(workload: &Workload, scale: Scale, idle: Duration) -> Measurement {
    let start = resident();
    let job = workload.prepare(scale);
    let faults_before = faults();
    let cpu = ProcessTime::now();
    let wall = Instant::now();
    let outcome = job();
    let (wall, cpu) = (wall.elapsed(), cpu.elapsed());
    let faults_after = faults();
    // Only the outcome's check string is alive now. No call reaches the allocator until `end` is read.
    thread::sleep(idle);
    let end = resident();
    Measurement {
        outcome,
        wall,
        cpu,
        start,
        end,
        minor_faults: faults_after.minor.saturating_sub(faults_before.minor),
        major_faults: faults_after.major.saturating_sub(faults_before.major),
    }
}

impl Measurement {
    pub(crate) fn ok(&self) -> bool {
        self.outcome.ok
    }

    pub(crate) fn to_json(&self, allocator: &str, workload: &str) -> String {
        Object::default()
            .text("allocator", allocator)
            .text("workload", workload)
            .boolean("ok", self.outcome.ok)
            .text("check", &self.outcome.check)
            .number("wall_ns", nanoseconds(self.wall))
            .number("cpu_ns", nanoseconds(self.cpu))
            .number("peak_rss_kib", self.end.peak_kib)
            .number("rss_after_free_kib", self.end.now_kib)
            .number("start_rss_kib", self.start.now_kib)
            .number("minor_faults", self.minor_faults)
            .number("major_faults", self.major_faults)
            .number("ops", self.outcome.ops)
            .finish()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
