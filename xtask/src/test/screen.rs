//! What a run shows: on a terminal a line that moves, elsewhere a line at each step's start and end.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::test::count::Counts;

/// Longest piece of a program's output shown while it runs.
const SHOWN: usize = 60;

/// The place where progress is shown.
#[derive(Debug)]
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    /// A screen for `steps` steps.
    pub(crate) fn new(steps: usize) -> Self {
        if !io::stderr().is_terminal() {
            return Self { bar: None };
        }
        let bar = ProgressBar::new(steps as u64);
        let style = ProgressStyle::with_template("{spinner} [{pos}/{len}] {elapsed} {prefix:10} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar: Some(bar) }
    }

    /// A step begins.
    pub(crate) fn begin(&self, name: &str, about: &str) {
        match &self.bar {
            Some(bar) => bar.set_prefix(name.to_owned()),
            None => println!("     {name:10} {about}"),
        }
    }

    /// A program of the step wrote a line.
    pub(crate) fn line(&self, job: &str, line: &str) {
        if let Some(bar) = &self.bar {
            let line: String = line.trim().chars().take(SHOWN).collect();
            bar.set_message(format!("{job}: {line}"));
        }
    }

    /// A program of the step failed: shows what it wrote, without what went well.
    pub(crate) fn failure(&self, job: &str, output: &str) {
        let lines: Vec<_> = output.lines().filter(|line| !went_well(line)).collect();
        self.print(&format!("---- {job}\n{}\n---- {job}: failed", lines.join("\n").trim_matches('\n')));
    }

    /// A step has ended.
    pub(crate) fn end(&self, name: &str, counts: Counts, time: Duration) {
        let mark = if counts.failed == 0 { "ok  " } else { "FAIL" };
        self.print(&format!("{mark} {name:10} {counts:40} {:7.1} s", time.as_secs_f64()));
        self.bar.iter().for_each(|bar| bar.inc(1));
    }

    /// A step, or a part of one, cannot be done here.
    pub(crate) fn skip(&self, name: &str, reason: &str) {
        self.print(&format!("skip {name:10} {reason}"));
    }

    /// All steps are done.
    pub(crate) fn finish(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| println!("{text}")),
            None => println!("{text}"),
        }
    }
}

/// Whether a line of a failed program's output says that something else went well.
fn went_well(line: &str) -> bool {
    let verb = line.trim_start().split(' ').next().unwrap_or_default();
    let building = ["Compiling", "Checking", "Documenting", "Downloading", "Downloaded", "Finished", "Fresh"];
    let passed = line.starts_with("test ") && line.ends_with(" ok");
    let suite = line.starts_with("running ") || line.starts_with("test result: ok");
    passed || suite || (line.starts_with(' ') && (building.contains(&verb) || verb == "Running"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_well_is_left_out_of_a_failure() {
        let well = [
            "   Compiling heap-core v0.1.0",
            "test a::b ... ok",
            "running 3 tests",
            "test result: ok. 3 passed;",
        ];
        assert!(well.iter().all(|line| went_well(line)));
        let badly =
            ["test a::b ... FAILED", "thread 'a::b' panicked at x.rs:1:1:", "test result: FAILED. 1 passed;"];
        assert!(!badly.iter().any(|line| went_well(line)));
        assert!(
            !["  left: 1", "error: could not compile", "Running out of words"]
                .iter()
                .any(|line| went_well(line))
        );
    }
}
