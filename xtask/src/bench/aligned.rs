//! How programs that are measured are built: each function begins a cache line, in a target folder of their own.
//!
//! Where a loop lies in its cache lines makes up to a third of its speed, and where the linker puts it changes with any edit
//! anywhere: two builds of one allocator then differ by more than two allocators do. The flags would rebuild everything in the
//! user's folder, and his next build all of it again.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// To 2 to the 6th bytes: a cache line.
const RUST: &str = "-Cllvm-args=-align-all-functions=6";
/// The same for the rivals in C and C++.
const C: &str = "-falign-functions=64";

/// Cargo takes the flags of the first of these that is set, even to nothing, and of configuration files only if there is none ...
const REPLACING: [&str; 2] = [ENCODED, "RUSTFLAGS"];
/// ... and then these beside those of `[build]`; where a file has flags for the target, Cargo takes them alone, and nothing is
/// aligned.
const JOINING: &str = "CARGO_BUILD_RUSTFLAGS";

/// Its flags are separated as none of them can contain.
const ENCODED: &str = "CARGO_ENCODED_RUSTFLAGS";

/// Has a `cargo` command, and those that it starts, build for measuring. `target` is Cargo's target folder.
pub(crate) fn prepare(command: &mut Command, target: &Path) {
    command.env("CARGO_TARGET_DIR", folder(target));
    let set = REPLACING.into_iter().find(|name| value(command, name).is_some());
    add(command, set.unwrap_or(JOINING), RUST);
    // Microsoft's compiler has no such flag.
    if !cfg!(target_env = "msvc") {
        add(command, "CFLAGS", C);
        add(command, "CXXFLAGS", C);
    }
}

/// Where programs are built that are measured.
pub(crate) fn folder(target: &Path) -> PathBuf {
    target.join("bench/build")
}

/// Adds a flag to those that a variable has for the command.
pub(crate) fn add(command: &mut Command, variable: &str, flag: &str) {
    let mut flags = value(command, variable).unwrap_or_default();
    if !flags.is_empty() {
        flags.push(if variable == ENCODED { "\x1f" } else { " " });
    }
    flags.push(flag);
    command.env(variable, flags);
}

/// What the command would find in a variable.
fn value(command: &Command, variable: &str) -> Option<OsString> {
    match command.get_envs().find(|(name, _)| *name == variable) {
        Some((_, own)) => own.map(OsStr::to_owned),
        None => std::env::var_os(variable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command on which of the variables only these are set, prepared.
    fn prepared(variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new("cargo");
        for name in [ENCODED, "RUSTFLAGS", JOINING, "CFLAGS", "CXXFLAGS"] {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        prepare(&mut command, Path::new("/elsewhere/target"));
        command
    }

    fn of(command: &Command, variable: &str) -> String {
        value(command, variable).unwrap_or_default().into_string().unwrap()
    }

    #[test]
    fn functions_are_aligned_beside_the_flags_of_configuration_files() {
        let command = prepared(&[]);
        assert_eq!(of(&command, JOINING), RUST);
        assert_eq!(REPLACING.map(|name| value(&command, name)), [None, None]);
    }

    #[test]
    fn flags_of_the_user_are_kept_in_the_variable_that_cargo_reads() {
        let command = prepared(&[("RUSTFLAGS", "-Ctarget-cpu=native"), (JOINING, "-Cx")]);
        assert_eq!(of(&command, "RUSTFLAGS"), format!("-Ctarget-cpu=native {RUST}"));
        assert_eq!(of(&command, JOINING), "-Cx");
        let command = prepared(&[(ENCODED, "--cfg\x1fa b"), ("RUSTFLAGS", "-Cx")]);
        assert_eq!(of(&command, ENCODED), format!("--cfg\x1fa b\x1f{RUST}"));
        assert_eq!(of(&command, "RUSTFLAGS"), "-Cx");
        // Set to nothing it is read all the same.
        assert_eq!(of(&prepared(&[("RUSTFLAGS", "")]), "RUSTFLAGS"), RUST);
        assert_eq!(of(&prepared(&[(JOINING, "-Cx")]), JOINING), format!("-Cx {RUST}"));
    }

    #[test]
    #[cfg(not(target_env = "msvc"))]
    fn functions_in_c_are_aligned_too() {
        let command = prepared(&[("CFLAGS", "-g")]);
        assert_eq!([of(&command, "CFLAGS"), of(&command, "CXXFLAGS")], [format!("-g {C}"), C.to_owned()]);
    }

    #[test]
    fn the_folder_lies_in_that_of_the_user() {
        let command = prepared(&[]);
        assert_eq!(of(&command, "CARGO_TARGET_DIR"), "/elsewhere/target/bench/build");
    }
}
