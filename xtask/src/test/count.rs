//! What was counted: tests as `cargo test` reports them, and checks that pass or fail as a whole.

use std::fmt;
use std::ops::AddAssign;

use crate::run::Outcome;

/// How many passed, failed, and were not run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    pub(crate) const SKIPPED: Self = Self { passed: 0, failed: 0, skipped: 1 };

    /// A check: one passed or one failed.
    pub(crate) fn of_check(outcome: &Outcome) -> Self {
        if outcome.success {
            Self { passed: 1, ..Self::default() }
        } else {
            Self { failed: 1, ..Self::default() }
        }
    }

    /// The sums of all `test result:` lines. A run that failed without a failing test, because something did not
    /// compile or a test ended its process, counts as one failure.
    pub(crate) fn of_tests(outcome: &Outcome) -> Self {
        let mut counts = Self::default();
        for line in outcome.output.lines() {
            let Some((_, result)) = line.split_once("test result: ") else { continue };
            let number = |what: &str| -> u64 {
                let mut parts = result.split(['.', ';']).map(str::trim);
                let found = parts.find_map(|part| part.strip_suffix(what)?.trim().parse().ok());
                found.unwrap_or(0)
            };
            counts += Self { passed: number("passed"), failed: number("failed"), skipped: number("ignored") };
        }
        if !outcome.success && counts.failed == 0 {
            counts.failed = 1;
        }
        counts
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(success: bool, output: &str) -> Outcome {
        Outcome { success, output: output.into() }
    }

    #[test]
    fn every_result_line_counts() {
        let output = "running 3 tests\ntest result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                      test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; in 0.1s\n";
        let counts = Counts::of_tests(&outcome(false, output));
        assert_eq!(counts, Counts { passed: 15, failed: 2, skipped: 1 });
        assert_eq!(counts.to_string(), "15 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn a_run_that_does_not_compile_is_one_failure() {
        let expected = Counts { passed: 0, failed: 1, skipped: 0 };
        assert_eq!(Counts::of_tests(&outcome(false, "error: could not compile\n")), expected);
        assert_eq!(Counts::of_check(&outcome(false, "")), expected);
    }

    #[test]
    fn a_test_that_kills_its_process_is_a_failure_beside_those_that_passed() {
        let output =
            "test result: ok. 4 passed; 0 failed; 0 ignored\nerror: test failed (signal: 11, SIGSEGV)\n";
        assert_eq!(Counts::of_tests(&outcome(false, output)), Counts { passed: 4, failed: 1, skipped: 0 });
    }
}
