//! Builds Zig's allocators for the features `zig-0.15` and `zig-0.17`, and its checking ones for `debug-zig-0.15` and
//! `debug-zig-0.17`; does nothing for the others.
//!
//! A Zig compiler of the right version is looked for in this order: the program named by `HEAP_ZIG_0_15` or
//! `HEAP_ZIG_0_17`, the Python environment `zig-0.15` or `zig-0.17` in the target directory, in the workspace's own `target`
//! (where that is another), `zig`, and `python3 -m ziglang`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Version, PyPI version.
const VERSIONS: [(&str, &str); 2] = [("0.15", "0.15.2"), ("0.17", "0.17.1")];
/// Beginning of the feature's name, source, how it is optimised.
const KINDS: [(&str, &str, &str); 2] =
    [("", "export.zig", "-OReleaseFast"), ("debug-", "checked.zig", "-OReleaseSafe")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for (kind, source, mode) in KINDS {
        println!("cargo::rerun-if-changed=../zig/{source}");
        VERSIONS.iter().for_each(|(version, exact)| provide(kind, source, mode, version, exact));
    }
}

/// Builds one library, if its feature is on, and has it linked into the program of that name.
fn provide(kind: &str, source: &str, mode: &str, version: &str, exact: &str) {
    let dashed = version.replace('.', "-");
    let variable = format!("HEAP_ZIG_{}", version.replace('.', "_"));
    println!("cargo::rerun-if-env-changed={variable}");
    let feature = format!("{kind}zig_{version}").replace('-', "_").to_uppercase();
    if env::var_os(format!("CARGO_FEATURE_{feature}")).is_none() {
        return;
    }
    let result = find(version, &variable)
        .ok_or_else(|| {
            let folder = format!("target/zig-{version}");
            format!(
                "no Zig {version} found: set {variable}, or run: python3 -m venv {folder} && {folder}/bin/pip install \
                 ziglang=={exact}"
            )
        })
        .and_then(|zig| build(&zig, version, source, mode));
    match result {
        Ok(library) => {
            println!("cargo::rustc-link-arg-bin=heap-bench-{kind}zig-{dashed}={}", library.display());
        }
        Err(message) => println!("cargo::error={message}"),
    }
}

/// The words that start a Zig compiler of this version.
fn find(version: &str, variable: &str) -> Option<Vec<PathBuf>> {
    let module = |python: PathBuf| vec![python, "-m".into(), "ziglang".into()];
    let out = PathBuf::from(env::var_os("OUT_DIR")?);
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let folders = out.ancestors().chain([usual.as_path()]);
    let environments = folders.map(|folder| folder.join(format!("zig-{version}/bin/python")));
    let candidates = env::var_os(variable)
        .map(|zig| vec![PathBuf::from(zig)])
        .into_iter()
        .chain(environments.filter(|python| python.exists()).map(module))
        .chain([vec!["zig".into()], module("python3".into())]);
    candidates.into_iter().find(|words| is_version(words, version))
}

fn command(words: &[PathBuf]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

fn is_version(words: &[PathBuf], version: &str) -> bool {
    let output = command(words).arg("version").output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).starts_with(&format!("{version}.")))
}

/// Compiles a source of `benches/zig`; the library, or what went wrong in one line.
fn build(zig: &[PathBuf], version: &str, source: &str, mode: &str) -> Result<PathBuf, String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let library = out.join(format!("lib{source}_{version}.a"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zig").join(source);
    let output = command(zig)
        .args(["build-lib", mode, "-lc", "-fPIC", "-mcpu=baseline", "-fno-compiler-rt", "-fno-ubsan-rt"])
        // Its probe is in the part of Zig's runtime that Rust's stands for.
        .arg("-fno-stack-check")
        .arg(format!("-femit-bin={}", library.display()))
        .arg("--cache-dir")
        .arg(out.join("zig-cache"))
        .arg("--global-cache-dir")
        .arg(out.join("zig-cache"))
        .arg(path)
        .output()
        .map_err(|error| format!("zig {version}: {error}"))?;
    if output.status.success() {
        return Ok(library);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("zig {version} cannot build {source}: {}", errors.lines().next().unwrap_or("no message")))
}
