//! `cargo xtask scale`: the same work shared by 1 to 128 threads, on our allocator and on its rivals.
//!
//! Builds the children of `cargo xtask bench`, runs their workloads of the suite `scale` in turn, and prints for each pattern
//! how throughput changes as threads are added. With `--longer` each is also run ten times as long, to see whether memory stays
//! bounded.
#![forbid(unsafe_code)]

mod record;
mod picture;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::bench::build::{self, Places};
use crate::bench::progress::Progress;
use crate::bench::record::Kind;
use crate::bench::{child, facts, markdown, plan, table};
use crate::scale::record::{Point, Record};
use crate::workspace;

/// Who is measured beside ours unless told.
const PEERS: [&str; 4] = ["mimalloc-v3", "jemalloc", "snmalloc", "rpmalloc"];

/// How many times longer the long runs of `--longer` are.
pub(crate) const LONGER: f64 = 10.0;

/// A child that runs longer is ended.
const LIMIT: Duration = Duration::from_secs(120);

/// Options of `cargo xtask scale`.
#[derive(Debug, clap::Args)]
pub(crate) struct ScaleArgs {
    /// Only these patterns [small, mixed, large, ring, stream, heirs]
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    only: Vec<String>,
    /// Only these allocators besides heap-smp
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_values_t = PEERS.map(String::from))]
    against: Vec<String>,
    /// How often each is run
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Size of the work; 1 is a fifth of a second or so for each run
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f64,
    /// Also runs each ten times as long, and compares peak memory
    #[arg(long)]
    longer: bool,
    /// Runs nothing: shows these files of earlier runs together
    #[arg(long, value_name = "FILE", value_delimiter = ',')]
    from: Vec<PathBuf>,
    /// Where the data goes [default: target/bench/scale.json]
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Also writes the tables as Markdown
    #[arg(long, value_name = "PATH")]
    markdown: Option<PathBuf>,
    /// Also draws the throughput to docs/images/scale.svg
    #[arg(long)]
    picture: bool,
}

/// Measures and prints.
///
/// # Errors
///
/// When no child can be built, a workload's own check fails, or a file cannot be written.
pub(crate) fn run(args: &ScaleArgs) -> Result<()> {
    let places = Places { real: false, ..build::find(&workspace::root())? };
    let out = places.target.join("bench");
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let record = if args.from.is_empty() {
        let record = measure(args, &places, &out)?;
        let path = args.json.clone().unwrap_or_else(|| out.join("scale.json"));
        record.save(&path)?;
        record
    } else {
        Record::load(&args.from)?
    };
    let grids = tables::grids(&record);
    let width = usize::from(console::Term::stdout().size().1).clamp(80, 132);
    grids.iter().for_each(|grid| print!("{}", table::draw(grid, width)));
    let verdict = tables::verdict(&record);
    print!("\n{verdict}");
    if let Some(path) = &args.markdown {
        let tables: String = grids.iter().map(markdown::draw).collect();
        let text = format!("{}\n\n{tables}{verdict}", markdown::machine(&record.machine));
        fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    if args.picture {
        let path = workspace::root().join("docs/images/scale.svg");
        fs::write(&path, picture::draw(&record)).with_context(|| path.display().to_string())?;
    }
    let failures: Vec<String> = record.failures().collect();
    anyhow::ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn measure(args: &ScaleArgs, places: &Places, out: &Path) -> Result<Record> {
    let candidates = build::choose(&places.candidates, &args.against)?;
    let mut progress = Progress::new(candidates.len() as f64);
    let mut built = Vec::new();
    for candidate in &candidates {
        if let Ok(exe) = build::build(places, candidate, out, &progress) {
            built.push((candidate.name.clone(), exe));
        }
        progress.advance(1.0);
    }
    progress.finish();
    let (_, first) = built.first().context("no child program could be built")?;
    let all = child::list(first)?.into_iter().filter(|workload| workload.suite == Kind::Scale);
    let all: Vec<_> = all
        .filter(|workload| args.only.is_empty() || args.only.contains(&pattern_of(&workload.name)))
        .collect();
    anyhow::ensure!(
        !all.is_empty(),
        "there is no such pattern; there are small, mixed, large, ring, stream, heirs"
    );
    let lengths: &[f64] = if args.longer { &[1.0, LONGER] } else { &[1.0] };
    let mut record = Record::new(facts::gather(&places.root), args.scale);
    let mut progress = Progress::new((args.rounds as usize * all.len() * built.len() * lengths.len()) as f64);
    for round in 0..args.rounds {
        for workload in &all {
            progress.step(&format!("round {}/{}  {}", round + 1, args.rounds, workload.name));
            for &length in lengths {
                for turn in plan::order(round, built.len()) {
                    let (name, exe) = &built[turn];
                    let result = child::run(exe, &workload.name, args.scale * length, 0, LIMIT);
                    let point = Point {
                        pattern: pattern_of(&workload.name),
                        threads: workload.threads,
                        allocator: name.clone(),
                        long: length > 1.0,
                    };
                    record.add(point, result);
                    progress.advance(1.0);
                }
            }
        }
    }
    progress.finish();
    Ok(record)
}

/// `small` of `small-128`.
fn pattern_of(workload: &str) -> String {
    workload.split('-').next().unwrap_or_default().to_owned()
}
