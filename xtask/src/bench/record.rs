//! What is written down: one session's settings, machine, allocators, workloads and every single run.
//!
//! This is the layout of `results.json`. Everything that is printed or drawn is computed from it, so a
//! saved file can be shown again with `--from`.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// The number of the file layout; a file with another one is refused.
pub(crate) const SCHEMA: u32 = 1;

/// One session of `cargo xtask bench`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) schema: u32,
    pub(crate) settings: Settings,
    pub(crate) machine: Machine,
    pub(crate) allocators: Vec<Entrant>,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) runs: Vec<Run>,
    /// From `--instructions`.
    #[serde(default)]
    pub(crate) instructions: Vec<InstructionCount>,
    /// From the suites of single crates.
    #[serde(default)]
    pub(crate) cases: Vec<Case>,
}

impl Record {
    /// The runs that did not do their work, first round first.
    pub(crate) fn failures(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.failure.is_some())
    }

    /// The allocators that could not be built, with the reason.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (&str, &str)> {
        self.allocators.iter().filter_map(|entry| Some((entry.name.as_str(), entry.left_out.as_deref()?)))
    }
}

/// How the session was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// `quick`, `normal` or `full`.
    pub(crate) mode: String,
    pub(crate) rounds: u32,
    /// Size of the work: 1 is what the workload's author chose.
    pub(crate) scale: f64,
    /// How long a child waits after freeing everything, before its memory is read, in milliseconds.
    pub(crate) idle_ms: u64,
    /// The command line that repeats it.
    pub(crate) command: String,
}

/// Where and when it was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) libc: String,
    /// The kernel's setting for transparent huge pages.
    pub(crate) huge_pages: String,
    pub(crate) page_bytes: u64,
    pub(crate) rustc: String,
    pub(crate) commit: String,
    /// UTC, `2026-01-31 17:05`.
    pub(crate) date: String,
    /// Of the last minute, when the session began. Above 1, something else was running.
    pub(crate) load: f64,
}

/// An allocator that takes part, or could not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entrant {
    pub(crate) name: String,
    /// Why there are no figures; `None` for one that was built.
    #[serde(default)]
    pub(crate) left_out: Option<String>,
}

/// The kind of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A real program.
    Real,
    /// A loop around a few allocator calls.
    Micro,
    /// The same work shared by a number of threads: for `cargo xtask scale`.
    Scale,
}

/// A workload, as a child's `list` describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) suite: Kind,
    #[serde(default)]
    pub(crate) threads: u32,
    #[serde(default)]
    pub(crate) what: String,
}

/// One child process: one allocator, one workload, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) round: u32,
    pub(crate) allocator: String,
    /// The second of two equal subjects, run to see the noise.
    #[serde(default)]
    pub(crate) again: bool,
    pub(crate) workload: String,
    /// How long this child waited before its memory was read; 0 where it did not.
    pub(crate) idle_ms: u64,
    #[serde(default)]
    pub(crate) sample: Option<Sample>,
    /// Why there is no sample: a failed check, a crash, a time-out.
    #[serde(default)]
    pub(crate) failure: Option<String>,
}

/// What a child measured about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) wall_ns: u64,
    pub(crate) cpu_ns: u64,
    pub(crate) peak_rss_kib: u64,
    #[serde(default)]
    pub(crate) rss_after_free_kib: u64,
    #[serde(default)]
    pub(crate) start_rss_kib: u64,
    #[serde(default)]
    pub(crate) minor_faults: u64,
    #[serde(default)]
    pub(crate) major_faults: u64,
    /// Operations done, for a time per operation; 0 where the workload counts none.
    #[serde(default)]
    pub(crate) ops: u64,
}

/// Instructions per operation of one micro workload under callgrind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct InstructionCount {
    pub(crate) allocator: String,
    pub(crate) workload: String,
    #[serde(default)]
    pub(crate) per_op: Option<f64>,
    /// Why there is no count.
    #[serde(default)]
    pub(crate) failure: Option<String>,
}

/// One line of a single crate's suite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) suite: String,
    pub(crate) case: String,
    pub(crate) subject: String,
    /// Nanoseconds per operation, or of a whole program.
    #[serde(default)]
    pub(crate) ns: Option<f64>,
    /// Times those of the case's first subject, in the same run.
    #[serde(default)]
    pub(crate) ratio: Option<f64>,
    /// Instructions per operation.
    #[serde(default)]
    pub(crate) instructions: Option<f64>,
    /// MiB resident at the most.
    #[serde(default)]
    pub(crate) mib: Option<f64>,
    /// Times those of the case's first subject, in the same run.
    #[serde(default)]
    pub(crate) mib_ratio: Option<f64>,
}

impl Case {
    /// The figures, each of which may be missing.
    pub(crate) fn figures(&mut self) -> [&mut Option<f64>; 5] {
        [&mut self.ns, &mut self.ratio, &mut self.instructions, &mut self.mib, &mut self.mib_ratio]
    }
}
