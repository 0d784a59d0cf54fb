//! Instructions per operation: this program again, under valgrind's callgrind, with few operations and with more.

use std::process::Command;

/// The word that makes this program run one case once.
pub(crate) const RUN: &str = "--run";

/// The two numbers of operations; the difference leaves out starting and ending. Multiples of every case's round.
const OPERATIONS: [u64; 2] = [40_000, 120_000];

/// `None` where there is no valgrind.
pub(crate) fn per_operation(case: &str, subject: &str) -> Option<f64> {
    let [few, many] = OPERATIONS.map(|operations| count(case, subject, operations));
    Some((many? - few?) as f64 / (OPERATIONS[1] - OPERATIONS[0]) as f64)
}

fn count(case: &str, subject: &str, operations: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args([RUN, case, subject, &operations.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}
