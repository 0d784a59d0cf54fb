//! The measurement: each round runs every program on every allocator in turn, so that what else the machine does
//! falls on all of them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::bench::facts;
use crate::preload::library::{self, Library};
use crate::preload::programs::{Place, Program};
use crate::preload::record::{Record, Sample, Series};
use crate::run;
use crate::workspace;

/// Runs the programs `rounds` times on each allocator, and saves the record after each round.
///
/// # Errors
///
/// When something of ours cannot be built or written. A program that fails is noted in the record.
pub(crate) fn measure(programs: &[&Program], rounds: usize, file: &Path) -> anyhow::Result<Record> {
    let place = Place::open()?;
    let (libraries, mut skipped) = library::all(&place.debian)?;
    let meter = build_meter()?;
    let mut here = Vec::new();
    for program in programs {
        match program.prepare(&place) {
            // Also warms the file cache up.
            Ok(()) => here.push((*program, program.output(&place, "")?)),
            Err(reason) => skipped.push(format!("{}: {reason}", program.name)),
        }
    }
    let mut record = empty(&libraries, &here, skipped);
    for round in 0..rounds {
        println!("round {} of {rounds}", round + 1);
        for (program, expected) in &here {
            for turn in 0..libraries.len() {
                // Another one begins in each round.
                let library = &libraries[(turn + round) % libraries.len()];
                let result = sample(program, library, &place, &meter, expected)?;
                note(&mut record, program, library, result);
            }
        }
        record.save(file)?;
    }
    Ok(record)
}

fn build_meter() -> anyhow::Result<PathBuf> {
    let args = ["build", "--quiet", "--release", "--package", "xtask", "--example", "measure"];
    run::show(run::cargo(&args))?;
    Ok(workspace::metadata()?.target_directory.join("release/examples/measure").into())
}

fn empty(libraries: &[Library], programs: &[(&Program, String)], skipped: Vec<String>) -> Record {
    let pairs =
        programs.iter().flat_map(|(program, _)| libraries.iter().map(move |library| (program, library)));
    Record {
        machine: facts::gather(&workspace::root()),
        libraries: libraries.iter().map(|library| library.name.to_owned()).collect(),
        programs: programs.iter().map(|(program, _)| program.name.to_owned()).collect(),
        skipped,
        series: pairs
            .map(|(program, library)| Series {
                program: program.name.to_owned(),
                library: library.name.to_owned(),
                samples: Vec::new(),
                failure: None,
            })
            .collect(),
    }
}

/// One run: what it took, or why it does not count.
fn sample(
    program: &Program,
    library: &Library,
    place: &Place,
    meter: &Path,
    expected: &str,
) -> anyhow::Result<Result<Sample, String>> {
    let file = place.file("sample.json");
    let output = program.command_by(meter, &file, place, &library.preload).output().context("measure")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let found = format!("{}{}{}", text(&output.stdout), text(&output.stderr), output.status);
    if found != expected {
        let line = found.lines().find(|line| !expected.contains(line)).unwrap_or("less than without it");
        return Ok(Err(format!("prints something else: {line}")));
    }
    let line = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    Ok(Ok(serde_json::from_str(&line)?))
}

fn note(record: &mut Record, program: &Program, library: &Library, result: Result<Sample, String>) {
    let mut all = record.series.iter_mut();
    let series = all.find(|series| series.program == program.name && series.library == library.name);
    if let Some(series) = series {
        match result {
            Ok(sample) => series.samples.push(sample),
            Err(reason) => series.failure = Some(reason),
        }
    }
}
