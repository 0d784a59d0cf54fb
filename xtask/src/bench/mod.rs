//! `cargo xtask bench`: real programs on our allocator and on its rivals, side by side.
//!
//! Builds one child program per allocator, runs each workload on each of them in turn, and turns the figures
//! into a table, a JSON file and an HTML page. `docs/benchmarks.md` says what is measured and how.
#![forbid(unsafe_code)]

pub(crate) mod stats;
pub(crate) mod record;
pub(crate) mod words;
pub(crate) mod summary;
mod args;
pub(crate) mod plan;
pub(crate) mod facts;
pub(crate) mod progress;
mod aligned;
pub(crate) mod build;
pub(crate) mod child;
mod session;
mod instructions;
mod heap_map;
mod suites;
pub(crate) mod grid;
pub(crate) mod table;
pub(crate) mod markdown;
pub(crate) mod svg;
mod charts;
mod html;
mod files;
#[cfg(test)]
mod fixture;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

pub(crate) use args::BenchArgs;
use args::{Clock, Suite};
use build::Places;
use plan::Plan;
use progress::Progress;
use record::{Entrant, Kind, Record, SCHEMA, Settings, Workload};
use session::{Session, Subject};
use summary::{Metric, OURS, Summary};

use crate::workspace;

/// Columns of a table that no terminal shows.
const WIDTH: usize = 132;

/// Runs the workloads, prints the tables and writes the files.
///
/// # Errors
///
/// When no child can be built, a workload's own check fails, or a file cannot be written.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let places = build::find(&workspace::root())?;
    let out = args.out.clone().unwrap_or_else(|| places.target.join("bench"));
    if args.list {
        return list(args, &places, &out);
    }
    let record = match &args.from {
        Some(path) => files::load(path)?,
        None => measure(args, &places, &out)?,
    };
    show(args, &places, &out, &record)?;
    let failures = record.failures().count();
    anyhow::ensure!(failures == 0, "{} failed: see FAILED above", words::plural(failures, "run"));
    Ok(())
}

/// Builds, runs and saves after each round.
fn measure(args: &BenchArgs, places: &Places, out: &Path) -> Result<Record> {
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let mut plan = Plan::of(args);
    let mut record = Record {
        schema: SCHEMA,
        settings: settings(&plan),
        machine: facts::gather(&places.root),
        allocators: Vec::new(),
        workloads: Vec::new(),
        runs: Vec::new(),
        instructions: Vec::new(),
        cases: Vec::new(),
    };
    let path = out.join("results.json");
    let suites = args.suites();
    if suites.iter().any(|suite| suite.kind().is_some()) {
        let subjects = build_all(args, places, out, &mut record)?;
        record.workloads = plan::choose(known_workloads(&subjects)?, args)?;
        let workloads = record.workloads.clone();
        let limit = Duration::from_secs(args.time_limit);
        let session = Session { plan: &mut plan, subjects: &subjects, workloads: &workloads, limit };
        record.runs = session.run(|plan, runs| {
            record.settings = settings(plan);
            files::save(&Record { runs: runs.to_vec(), ..record.clone() }, &path)
        })?;
        heap_map::draw(&subjects, &workloads, plan.scale, limit, out);
        if args.instructions {
            if instructions::available() {
                record.instructions = instructions::count(&subjects, &workloads, limit);
            } else {
                eprintln!(
                    "--instructions: there is no valgrind here, so nothing is counted (package `valgrind`)"
                );
            }
        }
    }
    let (cases, absent) = suites::run(places, &suites, plan.rounds)?;
    record.cases = cases;
    record.allocators.extend(absent);
    files::save(&record, &path)?;
    Ok(record)
}

fn settings(plan: &Plan) -> Settings {
    let words: Vec<String> = std::env::args().skip(1).collect();
    Settings {
        mode: plan.mode.to_owned(),
        rounds: plan.rounds,
        scale: plan.scale,
        idle_ms: plan.idle_ms,
        command: format!("cargo xtask {}", words.join(" ")),
    }
}

/// Builds the children; rivals that cannot be built are written down with the reason.
fn build_all(args: &BenchArgs, places: &Places, out: &Path, record: &mut Record) -> Result<Vec<Subject>> {
    let candidates = build::choose(&places.candidates, &args.against)?;
    let mut progress = Progress::new(candidates.len() as f64);
    let mut built: Vec<(String, PathBuf)> = Vec::new();
    for candidate in &candidates {
        let result = build::build(places, candidate, out, &progress);
        progress.advance(1.0);
        let name = candidate.name.clone();
        record.allocators.push(Entrant { name: name.clone(), left_out: result.as_ref().err().cloned() });
        if let Ok(exe) = result {
            built.push((name, exe));
        }
    }
    progress.finish();
    if let Some((_, reason)) = record.left_out().find(|(name, _)| *name == OURS) {
        anyhow::bail!("{OURS} could not be built: {reason}");
    }
    anyhow::ensure!(!built.is_empty(), "no child program could be built: see {}", out.display());
    Ok(session::subjects(&built))
}

/// What the first child that answers can run: all of them have the same workloads.
fn known_workloads(subjects: &[Subject]) -> Result<Vec<Workload>> {
    let mut error = anyhow::anyhow!("there is no child to ask for its workloads");
    for subject in subjects {
        match child::list(&subject.exe) {
            Ok(workloads) => return Ok(workloads),
            Err(refusal) => error = refusal,
        }
    }
    Err(error)
}

/// Prints the tables and writes the page and whatever else was asked for.
fn show(args: &BenchArgs, places: &Places, out: &Path, record: &Record) -> Result<()> {
    let time = match args.by {
        Clock::Wall => Metric::Wall,
        Clock::Cpu => Metric::Cpu,
    };
    let summary = Summary::of(record).by(time);
    let terminal = console::Term::stdout();
    let width = if terminal.is_term() { usize::from(terminal.size().1) } else { WIDTH };
    print!("{}", table::report(&summary, width));
    let page = out.join("report.html");
    let picture = fs::read_to_string(out.join(heap_map::FILE)).ok();
    files::write(&page, &heap_map::beside(&html::page(&summary), picture.as_deref()))?;
    println!("\nReport: {}", page.display());
    println!("Data:   {}", args.from.clone().unwrap_or_else(|| out.join("results.json")).display());
    if let Some(path) = &args.json {
        files::save(record, path)?;
    }
    if let Some(path) = &args.markdown {
        markdown::write(&summary, path)?;
    }
    if args.readme {
        let path = places.root.join("docs/images/report.svg");
        files::write(&path, &charts::headline(&summary).standalone())?;
        println!("Chart:  {}", path.display());
    }
    Ok(())
}

/// Prints what there is to run. Builds one child, to ask it.
fn list(args: &BenchArgs, places: &Places, out: &Path) -> Result<()> {
    println!("Allocators (--against):");
    for candidate in &places.candidates {
        println!("  {}", candidate.name);
    }
    println!("\nSuites (--suite):\n  real\n  micro");
    for suite in [Suite::Arena, Suite::Pool, Suite::Compose, Suite::Debug] {
        if let Some((name, command)) = suites::command_of(suite) {
            println!("  {name:<8} {command}");
        }
    }
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let progress = Progress::new(1.0);
    let candidates = build::choose(&places.candidates, &args.against)?;
    let built = candidates.iter().find_map(|candidate| build::build(places, candidate, out, &progress).ok());
    progress.finish();
    let exe = built.context("no child program could be built, so the workloads are not known")?;
    println!("\nWorkloads (--only):");
    for workload in child::list(&exe)? {
        println!(
            "  {:<16} {}, {}: {}",
            workload.name,
            if workload.suite == Kind::Real { "real" } else { "micro" },
            words::plural(workload.threads as usize, "thread"),
            workload.what
        );
    }
    Ok(())
}
