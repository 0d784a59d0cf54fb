//! Instructions per operation of the micro workloads, under valgrind's callgrind.
//!
//! Each workload is run at two small sizes; the difference of the counts over the difference of the operations
//! leaves out starting and ending. Counts do not depend on the load, so several children run at once.
#![forbid(unsafe_code)]

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::child;
use super::progress::Progress;
use super::record::{InstructionCount, Kind, Workload};
use super::session::Subject;

/// The two sizes.
const SIZES: [f64; 2] = [0.01, 0.03];

/// Whether there is a valgrind to run.
pub(crate) fn available() -> bool {
    child::clean("valgrind".as_ref()).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Counts for every subject that is no repetition, on every micro workload.
pub(crate) fn count(subjects: &[Subject], workloads: &[Workload], limit: Duration) -> Vec<InstructionCount> {
    let micro: Vec<&Workload> = workloads.iter().filter(|workload| workload.suite == Kind::Micro).collect();
    let once = subjects.iter().filter(|subject| !subject.again);
    let pairs: Vec<(&Subject, &Workload)> =
        once.flat_map(|subject| micro.iter().map(move |workload| (subject, *workload))).collect();
    let progress = Mutex::new(Progress::new(pairs.len() as f64));
    let (next, counts) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        // Relaxed: the number alone is shared, and every place is taken once.
        while let Some((subject, workload)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let counted = per_op(subject, workload, limit);
            if let Ok(mut progress) = progress.lock() {
                progress.now(&format!("counting instructions  {} on {}", workload.name, subject.name));
                progress.advance(1.0);
            }
            let (allocator, workload) = (subject.name.clone(), workload.name.clone());
            let (per_op, failure) = match counted {
                Ok(count) => (Some(count), None),
                Err(failure) => (None, Some(failure)),
            };
            if let Ok(mut counts) = counts.lock() {
                counts.push(InstructionCount { allocator, workload, per_op, failure });
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    if let Ok(progress) = progress.into_inner() {
        progress.finish();
    }
    let mut counts = counts.into_inner().unwrap_or_default();
    counts.sort_by(|left, right| (&left.allocator, &left.workload).cmp(&(&right.allocator, &right.workload)));
    counts
}

fn per_op(subject: &Subject, workload: &Workload, limit: Duration) -> Result<f64, String> {
    let [small, large] = SIZES.map(|scale| measure(subject, workload, scale, limit));
    let ((few, few_ops), (many, many_ops)) = (small?, large?);
    difference(few, many, few_ops, many_ops).ok_or_else(|| "counts no operations".to_owned())
}

/// Instructions per operation between a small and a large run.
fn difference(few: u64, many: u64, few_ops: u64, many_ops: u64) -> Option<f64> {
    let ops = many_ops.checked_sub(few_ops).filter(|ops| *ops > 0)?;
    Some(many.checked_sub(few)? as f64 / ops as f64)
}

/// The part of a child's line that matters here.
#[derive(Deserialize)]
struct Report {
    ok: bool,
    #[serde(default)]
    ops: u64,
}

/// Instructions and operations of one run.
fn measure(
    subject: &Subject,
    workload: &Workload,
    scale: f64,
    limit: Duration,
) -> Result<(u64, u64), String> {
    let mut command: Command = child::clean("valgrind".as_ref());
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&subject.exe);
    let command = child::with_arguments(command, &workload.name, scale, 0);
    let ended = child::finish(command, limit).map_err(|error| format!("valgrind: {error}"))?;
    if ended.status.is_none() {
        return Err(format!("not done after {} s", limit.as_secs()));
    }
    let report = ended.stdout.lines().rev().find_map(|line| serde_json::from_str::<Report>(line).ok());
    let report = report.filter(|report| report.ok).ok_or("does not run under valgrind")?;
    let instructions = collected(&ended.stderr).ok_or("callgrind printed no count")?;
    Ok((instructions, report.ops))
}

/// The number in callgrind's line `==123== Collected : 4567`.
fn collected(text: &str) -> Option<u64> {
    let (_, rest) = text.lines().find_map(|line| line.split_once("Collected :"))?;
    rest.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_and_ending_are_left_out() {
        assert_eq!(difference(1_000_100, 1_000_300, 10, 30), Some(10.0));
        assert_eq!(difference(5, 4, 10, 30), None);
        assert_eq!(difference(5, 9, 10, 10), None);
    }

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        assert_eq!(collected("==9== Events    : Ir\n==9== Collected : 123456\n==9==\n"), Some(123_456));
        assert_eq!(collected("==9== nothing"), None);
    }
}
