//! The steps that look at the crates one by one, or that need more than a plain toolchain.

use std::process::Command;

use crate::hunt;
use crate::run;
use crate::test::plan::{Facts, Job, Plan};
use crate::toolchain::{self, TESTED, Way};
use crate::workspace::Member;

/// Features that only a nightly compiler, or Rust 1.100, can build.
const NIGHTLY_FEATURES: [&str; 1] = ["allocator-api"];

/// How long the allocators are soaked, all together.
const SOAK_SECONDS: u64 = 10;

/// The fuzzer replays its corpus and then tries inputs of its own until so many seconds are over.
const FUZZ_LIMIT: &str = "-max_total_time=10";

/// Published crates.
fn published(facts: &Facts) -> impl Iterator<Item = &Member> {
    facts.members.iter().filter(|member| member.published)
}

/// A member's features that a stable compiler can build.
fn stable_features(member: &Member) -> Vec<&str> {
    let features = member.features.iter().map(String::as_str);
    features.filter(|feature| !NIGHTLY_FEATURES.contains(feature)).collect()
}

/// `command` with a target folder of its own below Cargo's: its flags would rebuild everything in the shared one.
fn apart(mut command: Command, facts: &Facts, folder: &str) -> Command {
    command.args(["--target-dir", &format!("{}/{folder}", facts.target)]);
    command
}

/// Each feature alone and none at all are built; all together are tested.
pub(crate) fn features(facts: &Facts) -> Plan {
    let mut jobs = Vec::new();
    for member in published(facts) {
        let name = &member.name;
        let features = stable_features(member);
        for set in [vec![""], features.clone()].concat() {
            let args = ["check", "--package", name, "--no-default-features", "--features", set];
            jobs.push(Job::check(format!("{name} [{set}]"), run::cargo(&args)));
        }
        if !features.is_empty() {
            let all = features.join(",");
            let args = ["test", "--package", name, "--features", &all];
            jobs.push(Job::tests(format!("{name} [{all}]"), run::cargo(&args)));
        }
    }
    Plan::of(jobs)
}

/// Every example of every published crate runs and ends with status zero.
pub(crate) fn examples(facts: &Facts) -> Plan {
    let all =
        published(facts).flat_map(|member| member.examples.iter().map(move |example| (member, example)));
    let job = |(member, example): (&Member, &String)| {
        let args = ["run", "--package", &member.name, "--example", example];
        Job::check(format!("{} {example}", member.name), run::cargo(&args))
    };
    Plan::of(all.map(job).collect())
}

/// The crates that do without std build where there is none.
pub(crate) fn no_std(facts: &Facts) -> Plan {
    let Some((target, way)) = facts.host.bare() else {
        return Plan::skip("no target without std here (rustup target add x86_64-unknown-none)");
    };
    let job = |member: &Member| {
        let mut command = toolchain::cargo_for(way, "check", target, "core,alloc");
        command.args(["--package", &member.name, "--no-default-features"]);
        Job::check(format!("{} on {target}", member.name), apart(command, facts, "foreign"))
    };
    Plan::of(published(facts).filter(|member| member.no_std).map(job).collect())
}

/// Every published crate builds for the first targets of the list; `cargo xtask targets` does all.
pub(crate) fn targets(facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    for target in &toolchain::FOREIGN[..TESTED] {
        let Some(way) = facts.host.way(target) else {
            plan.skipped.push(format!("no std for {target} here (rustup target add {target})"));
            continue;
        };
        plan.jobs.push(Job::check(*target, apart(check_all(facts, way, target), facts, "foreign")));
    }
    plan
}

/// Builds the published crates for `target`.
pub(crate) fn check_all(facts: &Facts, way: Way, target: &str) -> Command {
    let mut command = toolchain::cargo_for(way, "check", target, "std,panic_abort");
    for member in published(facts) {
        command.args(["--package", &member.name]);
    }
    command
}

/// The adapters to std's own `Allocator`, which is unstable before Rust 1.100: the tests of them, `std_api`. All other tests
/// have run on stable.
pub(crate) fn nightly(facts: &Facts) -> Plan {
    if !facts.host.nightly {
        return Plan::skip("no nightly toolchain (rustup toolchain install nightly)");
    }
    let uses =
        |member: &&Member| member.features.iter().any(|feature| NIGHTLY_FEATURES.contains(&&feature[..]));
    let mut command = toolchain::nightly_cargo(&["test", "--all-features", "--test", "it"]);
    published(facts).filter(uses).for_each(|member| _ = command.args(["--package", &member.name]));
    command.arg("std_api").env("RUSTFLAGS", "-Zcrate-attr=feature(allocator_api)");
    Plan::of(vec![Job::tests("std_api", apart(command, facts, "nightly"))])
}

/// The models of crates that depend on loom: tests with `loom` in their path, and `tests/loom.rs`.
pub(crate) fn loom(facts: &Facts) -> Plan {
    let mut jobs = Vec::new();
    for member in facts.members.iter().filter(|member| member.loom) {
        let command = |args: &[&str]| {
            let mut command = run::cargo(&["test", "--release", "--package", &member.name]);
            command.args(args).env("RUSTFLAGS", "--cfg loom");
            apart(command, facts, "loom")
        };
        jobs.push(Job::tests(format!("{} (unit)", member.name), command(&["--lib", "loom"])));
        if member.tests.iter().any(|test| test == "loom") {
            jobs.push(Job::tests(format!("{} (tests/loom)", member.name), command(&["--test", "loom"])));
        }
    }
    if jobs.is_empty() { Plan::skip("no crate has loom models") } else { Plan::of(jobs) }
}

/// Unit tests under Miri, where it is installed.
pub(crate) fn miri(facts: &Facts) -> Plan {
    if !facts.host.miri {
        return Plan::skip("Miri is not installed (rustup +nightly component add miri)");
    }
    let job = |package: &str| Job::tests(package, apart(hunt::miri_command(package), facts, "miri"));
    Plan::of(hunt::MIRI.map(job).into())
}

/// Random programs over every allocator, always the same ones.
pub(crate) fn soak(_: &Facts) -> Plan {
    Plan::of(vec![Job::check("soak", hunt::soak_command(SOAK_SECONDS, 0))])
}

/// What fuzzing found interesting before, once more.
pub(crate) fn fuzz(facts: &Facts) -> Plan {
    if !facts.host.fuzz {
        return Plan::skip("cargo-fuzz is not installed (a nightly, and cargo install cargo-fuzz --locked)");
    }
    match hunt::fuzz_targets() {
        Ok(targets) => {
            let job = |target: &String| Job::check(target.as_str(), hunt::fuzz_command(target, FUZZ_LIMIT));
            Plan::of(targets.iter().map(job).collect())
        }
        Err(error) => Plan::skip(format!("no fuzz targets: {error}")),
    }
}
