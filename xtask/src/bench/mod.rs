//! `cargo xtask bench`: real programs on our allocator and on its rivals, side by side.

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Few runs of each workload: a table within three minutes.
    #[arg(long)]
    quick: bool,
}

/// Runs the workloads and prints the table.
///
/// # Errors
///
/// When a workload cannot be built or its own check fails.
pub(crate) fn run(args: BenchArgs) -> anyhow::Result<()> {
    anyhow::bail!("no workloads yet (quick: {})", args.quick)
}
