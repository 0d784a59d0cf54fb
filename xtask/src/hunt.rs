//! The commands that look for bugs for as long as one likes: `cargo xtask soak`, `fuzz` and `miri`.

use std::fs;
use std::process::Command;

use anyhow::Context;

use crate::run;
use crate::toolchain::{self, Host};
use crate::workspace;

/// Crates whose unit tests the interpreter can run: they map no memory, or can be told to fake it.
pub(crate) const MIRI: [&str; 7] =
    ["heap-core", "heap-os", "heap-arena", "heap-pool", "heap-compose", "heap-test", "heap-smp"];

/// How long a program for the fuzzer may get, in bytes.
const FUZZ_BYTES: u32 = 4096;

/// The fuzz target that shows that the fuzzer finds bugs.
const PLANTED: &str = "planted";

/// Options of `cargo xtask soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct SoakArgs {
    /// How long, all allocators together.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The first seed; a run that failed names the seed that it failed with.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Instead: so many threads on heap-smp that hand blocks to each other.
    #[arg(long, conflicts_with = "seconds")]
    threads: Option<u64>,
    /// How many steps each of those threads does.
    #[arg(long, default_value_t = 1_000_000, requires = "threads")]
    steps: u64,
}

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct FuzzArgs {
    /// Targets of `fuzz/Cargo.toml`; all when none is given.
    targets: Vec<String>,
    /// How long, each.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Options of `cargo xtask miri`.
#[derive(Debug, clap::Args)]
pub(crate) struct MiriArgs {
    /// Crates; all that the interpreter can run when none is given.
    packages: Vec<String>,
    /// How many schedules of the threads to try.
    #[arg(long, default_value_t = 16)]
    seeds: u32,
}

/// Replays random programs over every allocator.
///
/// # Errors
///
/// When an allocator breaks a promise; the program that shows it is printed.
pub(crate) fn soak(args: &SoakArgs) -> anyhow::Result<()> {
    let mut command = soak_command(args.seconds, args.seed);
    if let Some(threads) = args.threads {
        command.args(["--threads", &threads.to_string(), "--steps", &args.steps.to_string()]);
    }
    run::show(command)
}

/// The command behind [`soak`].
pub(crate) fn soak_command(seconds: u64, seed: u64) -> Command {
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let build = ["run", "--quiet", "--release", "--package", "xtask", "--example", "soak", "--"];
    let mut command = run::cargo(&build);
    command.args(["--seconds", &seconds, "--seed", &seed]);
    command
}

/// Runs cargo-fuzz on each target.
///
/// # Errors
///
/// When something is not installed, or a target has a finding.
pub(crate) fn fuzz(args: &FuzzArgs) -> anyhow::Result<()> {
    let host = Host::look();
    anyhow::ensure!(host.nightly, "needs a nightly: rustup toolchain install nightly");
    anyhow::ensure!(host.fuzz, "needs cargo-fuzz: cargo install cargo-fuzz --locked");
    let all = fuzz_targets().context("fuzz/fuzz_targets")?;
    let targets = if args.targets.is_empty() { &all } else { &args.targets };
    for target in targets {
        println!("{target}");
        run::show(fuzz_command(target, &format!("-max_total_time={}", args.seconds)))?;
    }
    Ok(())
}

/// The names of the fuzz targets, without the one that has a planted bug and must fail.
///
/// # Errors
///
/// When there are none.
pub(crate) fn fuzz_targets() -> anyhow::Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(workspace::root().join("fuzz/fuzz_targets"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        targets.extend(name.strip_suffix(".rs").filter(|name| *name != PLANTED).map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

/// One run of one target, from the inputs found here before and those kept in the repository; `limit` is an option of
/// libFuzzer that ends it.
pub(crate) fn fuzz_command(target: &str, limit: &str) -> Command {
    let mut command = toolchain::nightly_cargo(&["fuzz", "run", target]);
    let (found, kept) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    if workspace::root().join(&kept).exists() {
        // The fuzzer writes to the first folder only, which has to be there.
        let _ = fs::create_dir_all(workspace::root().join(&found));
        command.args([found, kept]);
    }
    command.args(["--", limit]);
    command.args([&format!("-max_len={FUZZ_BYTES}"), "-len_control=0"]);
    command
}

/// Runs unit tests under Miri, with many schedules.
///
/// # Errors
///
/// When Miri is not installed, or a test fails.
pub(crate) fn miri(args: &MiriArgs) -> anyhow::Result<()> {
    anyhow::ensure!(Host::look().miri, "needs Miri: rustup +nightly component add miri");
    let all = MIRI.map(str::to_owned);
    let packages = if args.packages.is_empty() { &all[..] } else { &args.packages[..] };
    for package in packages {
        println!("{package}");
        let mut command = miri_command(package);
        command.env("MIRIFLAGS", format!("-Zmiri-many-seeds=0..{}", args.seeds));
        run::show(command)?;
    }
    Ok(())
}

/// The unit tests of one crate under Miri.
pub(crate) fn miri_command(package: &str) -> Command {
    toolchain::nightly_cargo(&["miri", "test", "--package", package, "--lib"])
}
