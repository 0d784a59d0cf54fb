//! A step of `cargo xtask test`, and what it comes to on this machine.

use std::process::Command;

use crate::toolchain::Host;
use crate::workspace::Member;

/// One program to run.
#[derive(Debug)]
pub(crate) struct Job {
    /// What tells it from the step's other jobs.
    pub(crate) name: String,
    pub(crate) command: Command,
    /// Whether its output has `test result:` lines to count.
    pub(crate) tests: bool,
}

impl Job {
    /// A job that passes or fails as a whole.
    pub(crate) fn check(name: impl Into<String>, command: Command) -> Self {
        Self { name: name.into(), command, tests: false }
    }

    /// A job whose tests are counted.
    pub(crate) fn tests(name: impl Into<String>, command: Command) -> Self {
        Self { name: name.into(), command, tests: true }
    }
}

/// What a step comes to on this machine.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) jobs: Vec<Job>,
    /// Why all or some of it cannot be done here.
    pub(crate) skipped: Vec<String>,
}

impl Plan {
    pub(crate) fn of(jobs: Vec<Job>) -> Self {
        Self { jobs, skipped: Vec::new() }
    }

    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self { jobs: Vec::new(), skipped: vec![reason.into()] }
    }
}

/// Facts that plans are made from.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) host: Host,
    pub(crate) members: Vec<Member>,
    /// Cargo's target folder; builds with other flags get folders of their own below it.
    pub(crate) target: String,
}

/// One step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Left out by `--fast`.
    pub(crate) slow: bool,
    pub(crate) plan: fn(&Facts) -> Plan,
}
