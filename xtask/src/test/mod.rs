//! `cargo xtask test`: everything that a change must pass.
//!
//! Runs the steps of [`steps::STEPS`], shows progress and each step's time, keeps the output of programs back
//! unless they fail, and ends with one line of counts. A step that needs what this machine lacks is skipped, and
//! says what it lacks.

mod count;
mod screen;
mod plan;
mod plans;
mod steps;

use std::process::ExitCode;
use std::time::Instant;

use crate::run;
use crate::test::count::Counts;
use crate::test::plan::{Facts, Job, Step};
use crate::test::screen::Screen;
use crate::test::steps::STEPS;
use crate::toolchain::Host;
use crate::workspace;

/// Options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct TestArgs {
    /// Runs this step only; may be given more than once.
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,
    /// Lists the steps and runs none.
    #[arg(long)]
    list: bool,
    /// Leaves the slow steps out.
    #[arg(long)]
    fast: bool,
}

/// Runs the steps that `args` choose.
///
/// # Errors
///
/// When the workspace cannot be read or a program cannot be started. Failures of steps are counted instead, and
/// make the exit code.
pub(crate) fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    let chosen: Vec<&Step> = STEPS.iter().filter(|step| chosen(args, step)).collect();
    if args.list {
        for step in chosen {
            println!("{:10} {}{}", step.name, step.about, if step.slow { " (not with --fast)" } else { "" });
        }
        return Ok(ExitCode::SUCCESS);
    }
    let start = Instant::now();
    let target = workspace::metadata()?.target_directory.to_string();
    let facts = Facts { host: Host::look(), members: workspace::members()?, target };
    let screen = Screen::new(chosen.len());
    let mut total = Counts::default();
    for step in chosen {
        total += run_step(step, &facts, &screen)?;
    }
    screen.finish();
    println!("in {:.0} s", start.elapsed().as_secs_f64());
    println!("{total}");
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(args: &TestArgs, step: &Step) -> bool {
    if args.only.is_empty() {
        !(args.fast && step.slow)
    } else {
        args.only.iter().any(|name| name == step.name)
    }
}

fn run_step(step: &Step, facts: &Facts, screen: &Screen) -> anyhow::Result<Counts> {
    screen.begin(step.name, step.about);
    let start = Instant::now();
    let plan = (step.plan)(facts);
    let mut counts = Counts::default();
    for reason in &plan.skipped {
        screen.skip(step.name, reason);
        counts += Counts::SKIPPED;
    }
    let skipped = plan.jobs.is_empty() && !plan.skipped.is_empty();
    for job in plan.jobs {
        counts += run_job(job, screen)?;
    }
    if !skipped {
        screen.end(step.name, counts, start.elapsed());
    }
    Ok(counts)
}

fn run_job(mut job: Job, screen: &Screen) -> anyhow::Result<Counts> {
    job.command.env("CARGO_TERM_COLOR", "never");
    let outcome = run::capture(job.command, |line| screen.line(&job.name, line))?;
    if !outcome.success {
        screen.failure(&job.name, &outcome.output);
    }
    Ok(if job.tests { Counts::of_tests(&outcome) } else { Counts::of_check(&outcome) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(args: &TestArgs) -> Vec<&'static str> {
        STEPS.iter().filter(|step| chosen(args, step)).map(|step| step.name).collect()
    }

    #[test]
    fn options_choose_the_steps() {
        let args = |only: &[&str], fast| TestArgs {
            only: only.iter().map(|name| (*name).to_owned()).collect(),
            list: false,
            fast,
        };
        assert_eq!(names(&args(&[], false)).len(), STEPS.len());
        assert_eq!(names(&args(&["loom", "fmt"], true)), ["fmt", "loom"]);
        let fast = names(&args(&[], true));
        assert!(fast.contains(&"test") && !fast.contains(&"loom"), "{fast:?}");
    }
}
