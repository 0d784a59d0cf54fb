//! Real programs, each run in a process of its own: the system's allocator, and this one in its default configuration.
//!
//! The programs are those of `benches/workloads`; the processes are `heap-bench`'s, which are built first.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::print;

/// Programs with one thread and several, with small blocks and large.
const PROGRAMS: [&str; 6] = ["json", "markdown", "graph", "script", "buffers", "channel"];
const SUBJECTS: [(&str, &str); 2] = [("system", "System"), ("heap-debug", "DebugAllocator")];
const ROUNDS: usize = 3;
const SCALE: &str = "0.1";

pub(crate) fn run() {
    let Some(directory) = build() else {
        eprintln!("the runners of heap-bench could not be built: no real programs");
        return;
    };
    for program in PROGRAMS {
        let mut best = [(f64::INFINITY, f64::INFINITY); SUBJECTS.len()];
        for _ in 0..ROUNDS {
            for ((runner, _), best) in SUBJECTS.iter().zip(&mut best) {
                if let Some((ns, high_water)) = measure(&directory, runner, program) {
                    *best = (best.0.min(ns), best.1.min(high_water));
                }
            }
        }
        for ((_, subject), (ns, high_water)) in
            SUBJECTS.iter().zip(best).filter(|(_, best)| best.0.is_finite())
        {
            print(program, subject, ns, None);
            println!("{program}: {subject} had {:.1} MiB resident at the most", high_water / 1024.0 / 1024.0);
        }
    }
}

/// Builds the runners beside this program, and says where they are.
fn build() -> Option<PathBuf> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "heap-bench",
        "--features",
        "system,heap-debug",
    ]);
    let built = cargo.status().ok()?.success();
    let here = std::env::current_exe().ok()?;
    // `release/deps/debug-HASH`
    built.then(|| here.parent()?.parent().map(Path::to_path_buf))?
}

/// Nanoseconds of processor time and bytes resident at the most, of one run.
fn measure(directory: &Path, runner: &str, program: &str) -> Option<(f64, f64)> {
    let mut command = Command::new(directory.join(format!("heap-bench-{runner}")));
    let output = command.args(["run", program, "--scale", SCALE, "--idle-ms", "0"]).output().ok()?;
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    Some((result["cpu_ns"].as_f64()?, 1024.0 * result["peak_rss_kib"].as_f64()?))
}
