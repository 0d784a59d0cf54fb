//! Which compilers and tools this machine has, and the commands that use them.
//!
//! The only thing taken for granted is the `cargo` that runs us.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run;
use crate::workspace;

/// Where Debian's packages `rustc-web`, `cargo-web` and `rust-web-src` put a compiler with the library's sources.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std";

/// How to get the sources of the library.
pub(crate) const LIBRARY_SOURCES: &str = "Debian's rustc-web cargo-web rust-web-src";

/// Targets without an operating system, the usual ones first.
const BARE: [&str; 4] =
    ["x86_64-unknown-none", "aarch64-unknown-none", "thumbv7em-none-eabihf", "riscv32imac-unknown-none-elf"];

/// Targets that every crate must compile for, those most unlike each other first.
pub(crate) const FOREIGN: [&str; 8] = [
    "x86_64-pc-windows-msvc",
    "aarch64-apple-darwin",
    "wasm32-unknown-unknown",
    "i686-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-freebsd",
    "x86_64-unknown-linux-musl",
    "wasm32-wasip1",
];

/// How many of [`FOREIGN`] `cargo xtask test` builds for: half a minute each when the library must be built too.
pub(crate) const TESTED: usize = 4;

/// A way to compile for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The target's standard library is installed.
    Installed,
    /// It is built from sources with Debian's toolchain.
    Debian,
    /// It is built from sources with rustup's nightly.
    Nightly,
}

/// What is installed.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) nightly: bool,
    pub(crate) miri: bool,
    /// cargo-fuzz.
    pub(crate) fuzz: bool,
    pub(crate) fmt: bool,
    pub(crate) clippy: bool,
    /// rustup's targets for the toolchain that runs us.
    targets: Vec<String>,
    /// How a standard library can be built from sources.
    sources: Option<Way>,
}

impl Host {
    /// Asks the machine. Starts some ten short processes.
    pub(crate) fn look() -> Self {
        let works = |command: Command| run::capture(command, |_| {}).is_ok_and(|outcome| outcome.success);
        let says = |program: &str, args: &[&str]| {
            let mut command = Command::new(program);
            command.args(args);
            let outcome = run::capture(command, |_| {}).ok().filter(|outcome| outcome.success);
            outcome.map(|outcome| outcome.output).unwrap_or_default()
        };
        let nightly = says("rustup", &["toolchain", "list"]).lines().any(|line| line.starts_with("nightly"));
        let nightly_root = if nightly { nightly_root().unwrap_or_default() } else { PathBuf::new() };
        let debian = Path::new(DEBIAN_CARGO).exists() && Path::new(DEBIAN_SOURCES).exists();
        let sources = if debian && new_enough(&says(DEBIAN_CARGO, &["--version"])) {
            Some(Way::Debian)
        } else if nightly && nightly_root.join("lib/rustlib/src/rust/library/std").exists() {
            Some(Way::Nightly)
        } else {
            None
        };
        Self {
            nightly,
            miri: nightly && works(nightly_cargo(&["miri", "--version"])),
            fuzz: nightly && works(nightly_cargo(&["fuzz", "--version"])),
            fmt: works(run::cargo(&["fmt", "--version"])),
            clippy: works(run::cargo(&["clippy", "--version"])),
            targets: says("rustup", &["target", "list", "--installed"]).lines().map(str::to_owned).collect(),
            sources,
        }
    }

    /// How to compile for `target`, if there is a way.
    pub(crate) fn way(&self, target: &str) -> Option<Way> {
        if self.targets.iter().any(|installed| installed == target) {
            Some(Way::Installed)
        } else {
            self.sources
        }
    }

    /// How a standard library can be built from sources, if there are any.
    pub(crate) fn sources(&self) -> Option<Way> {
        self.sources
    }

    /// A target without an operating system that this machine can compile for.
    pub(crate) fn bare(&self) -> Option<(&'static str, Way)> {
        let installed = BARE.iter().find(|target| self.targets.iter().any(|have| have == *target));
        installed.map(|target| (*target, Way::Installed)).or_else(|| Some((BARE[0], self.sources?)))
    }
}

/// Whether `cargo --version` said a version that may compile this workspace. Debian's first one of a release is older.
fn new_enough(says: &str) -> bool {
    let version = |text: &str| -> Option<(u32, u32)> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    };
    let (needed, have) = (version(env!("CARGO_PKG_RUST_VERSION")), says.split(' ').nth(1).and_then(version));
    needed.is_some() && have >= needed
}

/// A command `cargo ARGS` of rustup's nightly.
pub(crate) fn nightly_cargo(args: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(args).current_dir(workspace::root());
    command
}

/// The folder of rustup's nightly.
pub(crate) fn nightly_root() -> Option<PathBuf> {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "rustc", "--print", "sysroot"]);
    let outcome = run::capture(command, |_| {}).ok().filter(|outcome| outcome.success)?;
    Some(PathBuf::from(outcome.output.trim()))
}

/// A command `cargo VERB --target TARGET` that builds the parts `std` of the library itself where it must.
pub(crate) fn cargo_for(way: Way, verb: &str, target: &str, std: &str) -> Command {
    let build_std = format!("-Zbuild-std={std}");
    let mut command = match way {
        Way::Installed => run::cargo(&[verb]),
        Way::Nightly => nightly_cargo(&[verb, &build_std]),
        Way::Debian => {
            let mut command = Command::new(DEBIAN_CARGO);
            command.args([verb, &build_std]).current_dir(workspace::root());
            // It must find Debian's rustc, not the proxy of rustup that runs us, and may use its own -Z options.
            command.env("PATH", "/usr/bin:/bin").env("RUSTC_BOOTSTRAP", "1");
            for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "LD_LIBRARY_PATH"] {
                command.env_remove(name);
            }
            command
        }
    };
    command.args(["--target", target]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(targets: &[&str], sources: Option<Way>) -> Host {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        Host { nightly: false, miri: false, fuzz: false, fmt: true, clippy: true, targets, sources }
    }

    #[test]
    fn an_installed_target_is_preferred_to_one_that_must_be_built() {
        let both = host(&["thumbv7em-none-eabihf"], Some(Way::Debian));
        assert_eq!(both.bare(), Some(("thumbv7em-none-eabihf", Way::Installed)));
        assert_eq!(both.way("thumbv7em-none-eabihf"), Some(Way::Installed));
        assert_eq!(both.way("wasm32-unknown-unknown"), Some(Way::Debian));
    }

    #[test]
    fn an_older_compiler_is_no_way() {
        let needed = env!("CARGO_PKG_RUST_VERSION");
        assert!(new_enough(&format!("cargo {needed}.0 (d73d2caf9 2026-12-31)")) && new_enough("cargo 2.0.0"));
        for older in ["cargo 1.85.0 (d73d2caf9 2024-12-31)", "cargo 1.9.0", "", "cargo"] {
            assert!(!new_enough(older), "{older}");
        }
    }

    #[test]
    fn a_machine_with_rustup_alone_has_no_way_to_other_targets() {
        let plain = host(&["x86_64-unknown-linux-gnu"], None);
        assert_eq!((plain.bare(), plain.way("wasm32-unknown-unknown")), (None, None));
        assert_eq!(host(&[], Some(Way::Nightly)).bare(), Some(("x86_64-unknown-none", Way::Nightly)));
    }
}
