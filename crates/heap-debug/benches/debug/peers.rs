//! Who else looks for errors, or profiles: how each is built into the same programs, and what each run costs.
//!
//! The processes are `heap-bench`'s. What cannot be built here is left out, with a line that says so.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A run that takes longer is ended, and does not count.
const LIMIT: Duration = Duration::from_secs(60);

/// One way to run the programs.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// The feature of `heap-bench`; dots are dashes in the program's name.
    feature: &'static str,
    /// Whether it is built with AddressSanitizer, by a nightly compiler.
    asan: bool,
}

const fn peer(name: &'static str, feature: &'static str) -> Peer {
    Peer { name, feature, asan: false }
}

/// Whose costs are 1, where it can be built.
pub(crate) const BASE: &str = "System";

/// All of them.
pub(crate) const PEERS: [Peer; 7] = [
    peer(BASE, "system"),
    peer("DebugAllocator", "heap-debug"),
    peer("DebugAllocator, 6 frames", "debug-frames"),
    peer("Zig 0.15 DebugAllocator", "debug-zig-0.15"),
    peer("Zig 0.17 SafeAllocator", "debug-zig-0.17"),
    peer("dhat", "debug-dhat"),
    Peer { name: "AddressSanitizer", feature: "system", asan: true },
];

/// What one run cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Nanoseconds of processor time of all threads.
    pub(crate) ns: f64,
    /// MiB resident at the most.
    pub(crate) mib: f64,
}

impl Peer {
    /// Builds the program and says where it is; `None` when it cannot be had here, which is said.
    pub(crate) fn build(&self) -> Option<PathBuf> {
        let target = target_directory()?;
        let (mut cargo, folder) = if self.asan {
            let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
            let own = target.join("asan");
            let mut cargo = Command::new("rustup");
            cargo.args(["run", "nightly", "cargo", "build", "--target", &triple, "--target-dir"]).arg(&own);
            cargo.env("RUSTFLAGS", "-Zsanitizer=address");
            for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
                cargo.env_remove(name);
            }
            (cargo, own.join(triple).join("release"))
        } else {
            let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.arg("build");
            (cargo, target.join("release"))
        };
        let program = format!("heap-bench-{}", self.feature.replace('.', "-"));
        cargo.args(["--release", "--package", "heap-bench", "--bin", &program, "--no-default-features"]);
        cargo.arg(format!("--features=some-real,{}", self.feature));
        let failure = match cargo.stdin(Stdio::null()).output() {
            Ok(output) if output.status.success() => return Some(folder.join(program)),
            Ok(output) => reason(&String::from_utf8_lossy(&output.stderr)).to_owned(),
            Err(error) => format!("{}: {error}", cargo.get_program().display()),
        };
        println!("left out: {}: {failure}", self.name);
        None
    }
}

/// The line of a failed build that says most: its first error, of a build script without the package's name.
fn reason(errors: &str) -> &str {
    let line = errors.lines().find(|line| line.starts_with("error")).unwrap_or("no reason given");
    let text = line.strip_prefix("error: ").unwrap_or(line);
    text.split_once(": ")
        .filter(|(package, _)| package.starts_with("heap-bench@"))
        .map_or(text, |parts| parts.1)
}

/// `target`, of `target/release/deps/debug-HASH`.
fn target_directory() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.ancestors().nth(3)?.to_owned())
}

/// Runs one workload once; `None` when it fails or takes too long.
pub(crate) fn run(program: &PathBuf, workload: &str, scale: &str) -> Option<Cost> {
    let mut command = Command::new(program);
    command.args(["run", workload, "--scale", scale, "--idle-ms", "0"]);
    // What a program leaves to its end is no leak that we look for.
    command.env("ASAN_OPTIONS", "detect_leaks=0");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let start = Instant::now();
    // The child's one line fits into the pipe.
    while child.try_wait().ok()?.is_none() {
        if start.elapsed() > LIMIT {
            child.kill().ok()?;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().ok()?;
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    let good = result["ok"].as_bool()?;
    good.then_some(Cost { ns: result["cpu_ns"].as_f64()?, mib: result["peak_rss_kib"].as_f64()? / 1024.0 })
}
