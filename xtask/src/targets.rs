//! `cargo xtask targets`: builds the published crates for other systems, without running them.

use crate::run;
use crate::toolchain::{self, FOREIGN, Host};
use crate::workspace;

/// Options of `cargo xtask targets`.
#[derive(Debug, clap::Args)]
pub(crate) struct TargetsArgs {
    /// Targets to build for; all of the usual list when none is given.
    targets: Vec<String>,
    /// The crates to build; all published ones when none is given.
    #[arg(long, short, value_name = "CRATE")]
    package: Vec<String>,
}

/// Builds for every target that this machine has a way to, and names the others.
///
/// # Errors
///
/// When a build fails.
pub(crate) fn run(args: &TargetsArgs) -> anyhow::Result<()> {
    let host = Host::look();
    let metadata = workspace::metadata()?;
    let mut packages = args.package.clone();
    if packages.is_empty() {
        let published = workspace::members()?.into_iter().filter(|member| member.published);
        packages.extend(published.map(|member| member.name));
    }
    let usual = FOREIGN.map(str::to_owned);
    let targets = if args.targets.is_empty() { &usual[..] } else { &args.targets[..] };
    let mut failed = Vec::new();
    for target in targets {
        let Some(way) = host.way(target) else {
            println!(
                "{target}: no standard library here (rustup target add {target}, or Debian's rust-web-src)"
            );
            continue;
        };
        println!("{target}");
        let mut command = toolchain::cargo_for(way, "check", target, "std,panic_abort");
        command.args(["--target-dir", metadata.target_directory.join("foreign").as_str()]);
        packages.iter().for_each(|package| _ = command.args(["--package", package]));
        if run::show(command).is_err() {
            failed.push(target.as_str());
        }
    }
    anyhow::ensure!(failed.is_empty(), "does not build for {}", failed.join(", "));
    Ok(())
}
