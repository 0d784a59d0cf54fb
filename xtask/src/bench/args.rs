//! The options of `cargo xtask bench`.
#![forbid(unsafe_code)]

use std::path::PathBuf;

use super::record::Kind;

/// Options of `cargo xtask bench`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct BenchArgs {
    /// Under 3 minutes once built: every real program at a smaller size, and a sample of the micro workloads
    #[arg(long, conflicts_with_all = ["full", "rounds", "scale"])]
    pub(crate) quick: bool,
    /// Ten rounds at full size: hours
    #[arg(long)]
    pub(crate) full: bool,
    /// Only these workloads
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only these suites; those of single crates run on request only
    #[arg(long, value_name = "SUITE", value_delimiter = ',')]
    pub(crate) suite: Vec<Suite>,
    /// Only these allocators besides heap-smp
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) against: Vec<String>,
    /// How often each pair of allocator and workload is run [default: 3, with --full 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: Option<u32>,
    /// Size of the work; 1 is the full size [default: 1]
    #[arg(long, value_name = "FACTOR")]
    pub(crate) scale: Option<f64>,
    /// Which time the ranks, ratios and pictures are made of; CPU times are steadier where other programs run
    #[arg(long, value_enum, value_name = "CLOCK", default_value = "wall")]
    pub(crate) by: Clock,
    /// Also count the instructions of the micro workloads, with valgrind's callgrind
    #[arg(long)]
    pub(crate) instructions: bool,
    /// Ends a child that runs longer than this
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub(crate) time_limit: u64,
    /// Folder for results.json, report.html and the logs of the builds [default: target/bench]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Writes the raw data here as well
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the tables as Markdown; in a file that has them, what stands between
    /// `<!-- figures -->` and `<!-- end of figures -->` is replaced
    #[arg(long, value_name = "PATH")]
    pub(crate) markdown: Option<PathBuf>,
    /// Writes the headline chart to docs/images/report.svg
    #[arg(long)]
    pub(crate) readme: bool,
    /// Runs nothing: shows the results of an earlier session again
    #[arg(long, value_name = "RESULTS.JSON", conflicts_with_all = ["quick", "full", "rounds", "scale", "instructions"])]
    pub(crate) from: Option<PathBuf>,
    /// Lists the allocators, suites and workloads, and runs nothing
    #[arg(long)]
    pub(crate) list: bool,
}

/// What a time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Clock {
    /// By the clock on the wall, as a user sees it
    #[default]
    Wall,
    /// Of all threads together
    Cpu,
}

/// A set of workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Real programs, as the only ones or beside the others
    Real,
    /// Loops around a few allocator calls
    Micro,
    /// heap-arena and its rivals
    Arena,
    /// heap-pool and its rivals
    Pool,
    /// The cost of each part of heap-compose
    Compose,
    /// The cost of heap-debug
    Debug,
}

impl Suite {
    /// The kind of workload that the children run; `None` for the suites of single crates.
    pub(crate) fn kind(self) -> Option<Kind> {
        match self {
            Self::Real => Some(Kind::Real),
            Self::Micro => Some(Kind::Micro),
            Self::Arena | Self::Pool | Self::Compose | Self::Debug => None,
        }
    }
}

impl BenchArgs {
    /// The suites that are wanted: real and micro where nothing else is said.
    pub(crate) fn suites(&self) -> Vec<Suite> {
        if self.suite.is_empty() { vec![Suite::Real, Suite::Micro] } else { self.suite.clone() }
    }
}
