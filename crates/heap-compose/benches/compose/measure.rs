//! Time by interleaved rounds, instructions by callgrind.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::cases::Subject;

/// Rounds in which each subject runs once; the fastest counts, which is the one that was disturbed least.
const ROUNDS: usize = 15;
/// Nanoseconds that a run should take at least.
const LONG_ENOUGH: u128 = 4_000_000;

/// Nanoseconds per operation of each subject.
pub(crate) fn nanoseconds(subjects: &[&Subject]) -> Vec<f64> {
    let ops: Vec<usize> = subjects.iter().map(|subject| enough(subject)).collect();
    let mut best = vec![f64::INFINITY; subjects.len()];
    for _ in 0..ROUNDS {
        for ((subject, &ops), best) in subjects.iter().zip(&ops).zip(&mut best) {
            *best = best.min(time(subject, ops) as f64 / ops as f64);
        }
    }
    best
}

fn time(subject: &Subject, ops: usize) -> u128 {
    let start = Instant::now();
    (subject.run)(ops);
    start.elapsed().as_nanos()
}

/// How many operations are long enough to be timed, also when nothing disturbs them.
fn enough(subject: &Subject) -> usize {
    let mut ops = 1000;
    while (0..3).any(|_| time(subject, ops) < LONG_ENOUGH) {
        ops *= 2;
    }
    ops
}

/// Instructions per operation: of two runs the difference, so that starting and ending do not count.
pub(crate) fn instructions(subject: &Subject) -> Option<f64> {
    let (few, many) = (1000, 4000);
    let [few_count, many_count] = [few, many].map(|ops| callgrind(subject, ops));
    Some(many_count?.checked_sub(few_count?)? as f64 / (many - few) as f64)
}

fn callgrind(subject: &Subject, ops: usize) -> Option<u64> {
    let exe = std::env::current_exe().ok()?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(exe);
    command.args(["count", subject.case, subject.name, &ops.to_string()]);
    let output = command.stdout(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"))?;
    output.status.success().then(|| collected.1.trim().parse().ok())?
}
