//! `cargo xtask wasm`: our allocator on WebAssembly beside talc and dlmalloc, run by Node, and on several threads.
//!
//! The programs are those of `benches/wasm`. What they need and this machine lacks is said, with how to install it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::run;
use crate::toolchain::{self, Host, Way};
use crate::workspace;

const TARGET: &str = "wasm32-unknown-unknown";

/// One module for each, in the order of the tables.
const MODULES: [&str; 4] = ["heap", "heap-whole", "talc", "dlmalloc"];

/// What a module for several threads is built with.
const THREADS: &str = "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals -Clink-arg=--shared-memory \
    -Clink-arg=--import-memory -Clink-arg=--max-memory=1073741824 -Clink-arg=--export=__stack_pointer";

/// Builds the modules, checks ours, and runs them side by side; then the threads.
///
/// # Errors
///
/// When a module does not build, or a program does not find what it expects.
pub(crate) fn run() -> anyhow::Result<()> {
    let Some((way, linker)) = tools() else { return Ok(()) };
    let folder = workspace::root().join("benches/wasm");
    let target = workspace::metadata()?.target_directory.join("wasm").into_std_path_buf();
    let checked = build(way, &linker, &folder, &target, "checks", "")?;
    let mut checks = Command::new("node");
    checks.current_dir(&folder).arg("checks.mjs").arg(checked);
    run::show(checks)?;
    let mut modules = Vec::new();
    for name in MODULES {
        modules.push(build(way, &linker, &folder, &target, name, "")?);
    }
    let mut side_by_side = Command::new("node");
    side_by_side.current_dir(&folder).arg("run.mjs").args(&modules);
    run::show(side_by_side)?;
    let shared = build(way, &linker, &folder, &target.join("threads"), MODULES[0], THREADS)?;
    let mut threads = Command::new("node");
    threads.current_dir(&folder).arg("threads.mjs").arg(shared);
    run::show(threads)
}

/// How to compile and link, if this machine can; says what is missing if not.
fn tools() -> Option<(Way, PathBuf)> {
    let host = Host::look();
    // Threads need a library built with atomics, so an installed one does not do.
    let way = host.way(TARGET).filter(|way| *way != Way::Installed).or(host.way("no such target"));
    let linker = linker();
    let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    let missing = [
        (
            way.is_none(),
            "the library's sources: Debian's rustc-web cargo-web rust-web-src, or rustup's rust-src",
        ),
        (linker.is_none(), "a linker: rustup's rust-lld, or Debian's lld"),
        (!node, "Node: Debian's nodejs"),
    ];
    for (_, what) in missing.iter().filter(|(missing, _)| *missing) {
        println!("wasm: skipped, install {what}");
    }
    (node).then_some((way?, linker?))
}

/// A WebAssembly linker: rustup's, or Debian's.
fn linker() -> Option<PathBuf> {
    let output = Command::new("rustc").args(["--print", "target-libdir"]).output().ok()?;
    let libraries = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let own = libraries.parent()?.join("bin/rust-lld");
    [own, PathBuf::from("/usr/bin/wasm-ld")].into_iter().find(|path| path.exists())
}

/// Builds the module of one allocator and returns where it lies, under its allocator's name.
fn build(
    way: Way,
    linker: &Path,
    folder: &Path,
    target: &Path,
    name: &str,
    flags: &str,
) -> anyhow::Result<PathBuf> {
    println!("wasm: building {name}{}", if flags.is_empty() { "" } else { ", for threads" });
    let mut command = toolchain::cargo_for(way, "build", TARGET, "core,alloc");
    command
        .current_dir(folder)
        .args(["--quiet", "--release", "--features", name])
        .arg("--target-dir")
        .arg(target);
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker).env("RUSTFLAGS", flags);
    run::show(command)?;
    let release = target.join(TARGET).join("release");
    let built = fs::read_dir(&release)?.filter_map(|entry| Some(entry.ok()?.path()));
    let built = built.filter(|path| path.extension().is_some_and(|end| end == "wasm"));
    let built = built.max_by_key(|path| fs::metadata(path).and_then(|facts| facts.modified()).ok());
    let named = target.join(format!("{name}.wasm"));
    fs::copy(built.with_context(|| format!("no module in {}", release.display()))?, &named)?;
    Ok(named)
}
