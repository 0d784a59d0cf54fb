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

/// Builds one kind as `cargo xtask preload` does: without std where that is possible.
fn build(kind: &str) {
    let mut command = Command::new(env!("CARGO"));
    command.args(["rustc", "--quiet", "--profile", "shared", "--package", "heap-malloc", "--lib"]);
    command.args(["--features", "exports", "--crate-type", kind, "--target-dir"]);
    command.arg(folder().join("library")).current_dir(env!("CARGO_MANIFEST_DIR"));
    if cfg!(all(target_arch = "x86_64", target_env = "gnu")) {
        command.args(["--", "--cfg", "standalone"]);
        if kind == "cdylib" {
            command.args(["-Clink-arg=-nostartfiles", "-Clink-arg=-Wl,-Bsymbolic-functions"]);
        }
    }
    assert!(command.status().expect("cargo can be run").success(), "the library does not compile");
}

/// Builds the shared library and the archive, once. `None`: not on this system.
fn built() -> Option<&'static (PathBuf, PathBuf)> {
    static BUILT: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            if !cfg!(target_os = "linux") {
                return None;
            }
            build("cdylib");
            build("staticlib");
            let made = folder().join("library/shared");
            Some((made.join("libheap_malloc.so"), made.join("libheap_malloc.a")))
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
