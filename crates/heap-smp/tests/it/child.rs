//! Tests that need a process of their own: the test binary runs itself with one test and a mark in the environment.

use std::process::Output;

use heap_test::itself;

const MARK: &str = "HEAP_SMP_TEST_CHILD";

/// Runs `body` in a child process, as the test called `name`, and returns how it ended. In the child itself this runs
/// `body` and exits.
pub(crate) fn run(name: &str, body: impl FnOnce()) -> Output {
    if std::env::var_os(MARK).is_some() {
        body();
        std::process::exit(0);
    }
    itself()
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, "1")
        .output()
        .expect("the test binary can be run")
}

/// Runs `body` in a child process that must end well.
pub(crate) fn passes(name: &str, body: impl FnOnce()) {
    let output = run(name, body);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
