//! `cargo xtask test`: everything that a change must pass.

use crate::run;

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {}

/// Runs every step.
///
/// # Errors
///
/// When a step fails.
pub(crate) fn run(_args: TestArgs) -> anyhow::Result<()> {
    run::show(run::cargo(&["fmt", "--check"]))?;
    let outcome = run::capture(run::cargo(&["test", "--workspace"]))?;
    println!("{} in {:.1} s", outcome.output, outcome.time.as_secs_f64());
    anyhow::ensure!(outcome.success, "tests failed");
    Ok(())
}
