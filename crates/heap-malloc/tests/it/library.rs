//! The library, built as it is shipped, and C programs on it.
//!
//! Where there is no C compiler, or no such library on this system, a line says so and nothing is tested.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// How a program gets our functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Loaded beneath it.
    Preloaded,
    /// Linked into it.
    Linked,
    /// Its path is the first argument: the program loads it.
    Named,
}

/// Folder of what these tests make.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Builds the shared library and the archive, once. `None`: not on this system.
fn built() -> Option<&'static (PathBuf, PathBuf)> {
    static BUILT: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            if !cfg!(target_os = "linux") {
                return None;
            }
            let target = folder().join("library");
            let status = Command::new(env!("CARGO"))
                .args([
                    "rustc",
                    "--quiet",
                    "--release",
                    "--package",
                    "heap-malloc",
                    "--features",
                    "exports",
                    "--lib",
                ])
                .args(["--crate-type", "cdylib", "--crate-type", "staticlib"])
                .arg("--target-dir")
                .arg(&target)
                .current_dir(env!("CARGO_MANIFEST_DIR"))
                .status();
            assert!(status.expect("cargo can be run").success(), "the library does not compile");
            let release = target.join("release");
            Some((release.join("libheap_malloc.so"), release.join("libheap_malloc.a")))
        })
        .as_ref()
}

fn compiler(source: &str) -> &'static str {
    if source.ends_with(".cpp") { "c++" } else { "cc" }
}

/// Compiles `tests/it/programs/SOURCE` and runs it with `args`. `None`, with a line: not possible here.
pub(crate) fn run(source: &str, way: Way, args: &[&str]) -> Option<Output> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/programs").join(source);
    let compiler = compiler(source);
    let Some((shared, archive)) =
        built().filter(|_| Command::new(compiler).arg("--version").output().is_ok())
    else {
        println!("skipped: no {compiler}, or no such library on this system");
        return None;
    };
    let program = folder().join(format!("{source}-{way:?}-{}", args.concat().replace('/', "_")));
    let mut command = Command::new(compiler);
    command.args(["-O1", "-fno-builtin", "-pthread", "-o"]).arg(&program).arg(&here);
    if way == Way::Linked {
        command.arg(archive);
    }
    let output = command.args(["-ldl", "-lm"]).output().expect("the compiler can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = Command::new(&program);
    match way {
        Way::Preloaded => _ = command.env("LD_PRELOAD", shared),
        Way::Linked => {}
        Way::Named => _ = command.arg(shared),
    }
    Some(command.args(args).stdin(Stdio::null()).output().expect("the program can be run"))
}

/// Runs a program, which must end well and say `good`.
pub(crate) fn passes(source: &str, way: Way, args: &[&str]) {
    if let Some(output) = run(source, way, args) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let all = format!("{}{}{}", text(&output.stdout), text(&output.stderr), output.status);
        assert!(
            output.status.success() && text(&output.stdout).ends_with("good\n"),
            "{source} {args:?}: {all}"
        );
    }
}

/// Runs a program, which must be aborted with `message`.
pub(crate) fn aborts(source: &str, args: &[&str], message: &str) {
    if let Some(output) = run(source, Way::Preloaded, args) {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(message), "{args:?}: {text}{}", output.status);
    }
}
