//! `cargo xtask preload`: any program on `libheap_malloc`, loaded beneath it.
//!
//! `-- CMD…` runs one. `--check` runs real programs with and without it, which must print the same; `--compare`
//! also measures them, beside the other allocators that this machine has as libraries.

mod debian;
mod programs;
mod library;
mod record;
mod session;
mod tables;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;
use console::Term;

use crate::bench::{markdown, table};
use crate::preload::programs::Place;
use crate::preload::record::Record;

/// Options of `cargo xtask preload`.
#[derive(Debug, clap::Args)]
pub(crate) struct PreloadArgs {
    /// The program to run, and its arguments.
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
    /// Runs real programs with and without the library, and compares what they print.
    #[arg(long, conflicts_with = "command")]
    check: bool,
    /// Measures the programs, each on every allocator in turn; writes target/bench/preload.json.
    #[arg(long, conflicts_with = "command")]
    compare: bool,
    /// How often each program is measured on each allocator.
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    rounds: usize,
    /// Only programs whose name contains one of these.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// By processor time instead of wall time: steadier on a busy machine.
    #[arg(long)]
    cpu: bool,
    /// Shows the figures of an earlier run.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "command"])]
    from: Option<PathBuf>,
    /// Also writes the tables as Markdown; into a file with marks, between them.
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Does what was asked for.
///
/// # Errors
///
/// When the library cannot be built, a program prints something else on it, or a file cannot be written.
pub(crate) fn run(args: &PreloadArgs) -> anyhow::Result<ExitCode> {
    if !args.command.is_empty() {
        return one(&args.command);
    }
    if args.check {
        check(args)?;
    } else if args.compare || args.from.is_some() {
        compare(args)?;
    } else {
        anyhow::bail!("nothing to run: cargo xtask preload -- CMD…, --check or --compare");
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command of the user's on the library.
fn one(command: &[String]) -> anyhow::Result<ExitCode> {
    let library = library::build()?;
    let others = std::env::var("LD_PRELOAD").unwrap_or_default();
    let loaded = if others.is_empty() {
        library.display().to_string()
    } else {
        format!("{}:{others}", library.display())
    };
    let status = Command::new(&command[0])
        .args(&command[1..])
        .env("LD_PRELOAD", loaded)
        .status()
        .with_context(|| command[0].clone())?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

fn check(args: &PreloadArgs) -> anyhow::Result<()> {
    let ours = library::build()?.display().to_string();
    let place = Place::open()?;
    let mut wrong = 0;
    for program in programs::chosen(&args.only) {
        if let Err(reason) = program.prepare(&place) {
            println!("{:10} skipped: {reason}", program.name);
            continue;
        }
        let (expected, found) = (program.output(&place, "")?, program.output(&place, &ours)?);
        if expected == found {
            println!("{:10} prints what it prints without it", program.name);
        } else {
            wrong += 1;
            println!("{:10} DIFFERS\n--- without\n{expected}\n--- with\n{found}", program.name);
        }
    }
    anyhow::ensure!(wrong == 0, "{wrong} programs print something else on libheap_malloc");
    Ok(())
}

fn compare(args: &PreloadArgs) -> anyhow::Result<()> {
    let path = crate::workspace::metadata()?.target_directory.join("bench/preload.json");
    let record = match &args.from {
        Some(path) => Record::load(path)?,
        None => session::measure(&programs::chosen(&args.only), args.rounds, path.as_std_path())?,
    };
    let grids = tables::grids(&record, args.cpu);
    let width = usize::from(Term::stdout().size().1).clamp(80, 132);
    grids.iter().for_each(|grid| print!("{}", table::draw(grid, width)));
    record.troubles().iter().for_each(|line| println!("{line}"));
    if let Some(path) = &args.markdown {
        let old = fs::read_to_string(path).unwrap_or_default();
        let text = tables::facts(&record) + &grids.iter().map(markdown::draw).collect::<String>();
        fs::write(path, markdown::placed(&old, &text)).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
