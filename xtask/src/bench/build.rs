//! Finds and builds the child programs, one per allocator, each alone: a rival whose C++ does not compile must
//! not take the others with it, and two versions of one crate cannot be in one build.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use cargo_metadata::{Message, MetadataCommand, TargetKind, diagnostic::DiagnosticLevel};

use super::progress::Progress;
use super::summary::OURS;
use super::{aligned, words};

/// The package of the children, and what their names begin with.
const PACKAGE: &str = "heap-bench";
const PREFIX: &str = "heap-bench-";
/// Children with such names are rivals of heap-debug, for its own suite.
const OTHERS: &str = "debug-";

/// The order in which allocators are listed; others follow by name.
const ORDER: [&str; 9] = [
    OURS,
    "system",
    "mimalloc-v3",
    "mimalloc-v2",
    "jemalloc",
    "snmalloc",
    "rpmalloc",
    "tcmalloc",
    "rusty-alloc",
];

/// Allocators that are run only where `--against` names them: the hardened builds, for `docs/benchmarks.md`.
const ON_REQUEST: [&str; 3] = ["heap-smp-checked", "mimalloc-secure", "snmalloc-checked"];

/// A child program that could be built.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// The allocator's name.
    pub(crate) name: String,
    bin: String,
    features: Vec<String>,
}

/// Where things are.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Whether the children have the real programs, which take minutes to build.
    pub(crate) real: bool,
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) candidates: Vec<Candidate>,
}

/// Asks cargo for the folders of the workspace and for the children in it.
///
/// # Errors
///
/// When cargo does not know the workspace.
pub(crate) fn find(root: &Path) -> Result<Places> {
    let metadata = MetadataCommand::new().current_dir(root).no_deps().exec().context("cargo metadata")?;
    let bins = metadata
        .packages
        .iter()
        .filter(|package| package.name == PACKAGE)
        .flat_map(|package| &package.targets);
    let mut candidates: Vec<Candidate> = bins
        .filter(|target| target.kind.contains(&TargetKind::Bin))
        .filter_map(|target| {
            // The feature is named as the allocator; a program's name cannot have the dots of a version.
            let bin = target.name.strip_prefix(PREFIX).filter(|bin| !bin.starts_with(OTHERS))?;
            let name = target.required_features.first().map_or(bin, String::as_str).to_owned();
            Some(Candidate { name, bin: target.name.clone(), features: target.required_features.clone() })
        })
        .collect();
    candidates.sort_by_key(|candidate| (rank(&candidate.name), candidate.name.clone()));
    Ok(Places {
        real: true,
        root: root.to_owned(),
        target: metadata.target_directory.into_std_path_buf(),
        candidates,
    })
}

fn rank(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len())
}

/// The candidates that `--against` asks for, and ours; where it is not given, all but the hardened builds.
///
/// # Errors
///
/// When there are none, or one is named that is not there.
pub(crate) fn choose(all: &[Candidate], against: &[String]) -> Result<Vec<Candidate>> {
    let names: Vec<&str> = all.iter().map(|candidate| candidate.name.as_str()).collect();
    anyhow::ensure!(!all.is_empty(), "package {PACKAGE} has no programs {PREFIX}NAME");
    if let Some(wrong) = against.iter().find(|name| !names.contains(&name.as_str())) {
        anyhow::bail!("there is no allocator {wrong}; there are: {}", names.join(", "));
    }
    let wanted = |name: &str| match against {
        [] => !ON_REQUEST.contains(&name),
        names => name == OURS || names.iter().any(|other| other == name),
    };
    Ok(all.iter().filter(|candidate| wanted(&candidate.name)).cloned().collect())
}

/// Builds one child. Says in `progress` which crate is done; the whole output goes to `logs`/build-NAME.log.
///
/// # Errors
///
/// The reason, in one line.
pub(crate) fn build(
    places: &Places,
    candidate: &Candidate,
    logs: &Path,
    progress: &Progress,
) -> Result<PathBuf, String> {
    let start = Instant::now();
    progress.step(&format!("building {}", candidate.name));
    let log = logs.join(format!("build-{}.log", candidate.name));
    let built = cargo(places, candidate, &log, progress);
    match &built {
        Ok(_) if start.elapsed().as_secs() >= 2 => {
            progress.line(&format!(
                "  built {} in {}",
                candidate.name,
                words::wait(start.elapsed().as_secs())
            ));
        }
        Ok(_) => {}
        Err(reason) => progress.line(&format!("  left out: {}: {reason}", candidate.name)),
    }
    built
}

/// The command that builds one child and reports in JSON.
fn command(places: &Places, candidate: &Candidate) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args([
        "build",
        "--release",
        "--package",
        PACKAGE,
        "--bin",
        &candidate.bin,
        "--message-format=json",
    ]);
    if !places.real {
        command.arg("--no-default-features");
    }
    if !candidate.features.is_empty() {
        command.args(["--features", &candidate.features.join(",")]);
    }
    aligned::prepare(&mut command, &places.target);
    if candidate.name == "snmalloc-checked" {
        // The crate's feature `check` tells CMake so; its build without CMake forgets to.
        aligned::add(&mut command, "CXXFLAGS", "-DSNMALLOC_CHECK_CLIENT");
    }
    for (name, _) in std::env::vars_os() {
        // Cargo's words to this program are not meant for the build scripts below it.
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command.current_dir(&places.root).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn cargo(places: &Places, candidate: &Candidate, log: &Path, progress: &Progress) -> Result<PathBuf, String> {
    let mut child = command(places, candidate).spawn().map_err(|error| format!("cargo: {error}"))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err("cargo: no pipes".to_owned());
    };
    let errors = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stderr.read_to_end(&mut bytes); // What came before a broken pipe is still worth showing.
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let (mut executable, mut rendered, mut crates) = (None, String::new(), 0);
    for message in Message::parse_stream(BufReader::new(stdout)).map_while(Result::ok) {
        match message {
            Message::CompilerArtifact(artifact) => {
                crates += 1;
                progress
                    .now(&format!("building {}: {crates} crates, {}", candidate.name, artifact.target.name));
                if artifact.target.name == candidate.bin {
                    executable = artifact.executable;
                }
            }
            Message::CompilerMessage(report) if report.message.level == DiagnosticLevel::Error => {
                rendered.push_str(&report.message.rendered.unwrap_or(report.message.message));
            }
            _ => {}
        }
    }
    let errors = errors.join().unwrap_or_default();
    let status = child.wait().map_err(|error| format!("cargo: {error}"))?;
    let text = rendered + &errors;
    fs::write(log, &text).map_err(|error| format!("{}: {error}", log.display()))?;
    match executable {
        Some(path) if status.success() => Ok(path.into_std_path_buf()),
        _ => {
            let log = log.strip_prefix(&places.root).unwrap_or(log);
            Err(format!("{} ({})", reason(&text), log.display()))
        }
    }
}

/// The line of a failed build that says most: the last error of a build script or of the compiler.
fn reason(log: &str) -> String {
    let says_why = |line: &&str| {
        let line = line.trim_start();
        let error = line.starts_with("error") || line.contains("error:") || line.contains("not found");
        let wrapper =
            line.starts_with("error: could not compile") || line.starts_with("error: failed to run custom");
        (error && !wrapper) || line.starts_with("fatal:")
    };
    let script = log.split_once("--- stderr").map_or("", |parts| parts.1);
    let panic = || {
        let after = |line: &&str| line.contains("panicked at");
        script.lines().skip_while(|line| !after(line)).nth(1)
    };
    let found = script.lines().find(says_why).or_else(panic).or_else(|| log.lines().find(says_why));
    let found = found.or_else(|| log.lines().rev().find(|line| !line.trim().is_empty()));
    let text = found.map_or("no reason given", str::trim);
    let text = text.strip_prefix("error: ").unwrap_or(text);
    // A build script's own word for it comes with the package's name and version.
    let text = text
        .split_once(": ")
        .filter(|(package, _)| package.starts_with("heap-bench@"))
        .map_or(text, |parts| parts.1);
    if text.chars().count() > 160 { text.chars().take(159).chain(['…']).collect() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(names: &[&str]) -> Vec<Candidate> {
        names
            .iter()
            .map(|name| Candidate { name: (*name).to_owned(), bin: String::new(), features: Vec::new() })
            .collect()
    }

    #[test]
    fn ours_is_always_chosen() {
        let all = candidates(&["heap-smp", "system", "jemalloc"]);
        assert_eq!(choose(&all, &[]).unwrap().len(), 3);
        let chosen = choose(&all, &["jemalloc".to_owned()]).unwrap();
        assert_eq!(chosen, candidates(&["heap-smp", "jemalloc"]));
    }

    #[test]
    fn hardened_builds_run_on_request_only() {
        let all = candidates(&["heap-smp", "heap-smp-checked", "system"]);
        assert_eq!(choose(&all, &[]).unwrap(), candidates(&["heap-smp", "system"]));
        let named = choose(&all, &["heap-smp-checked".to_owned()]).unwrap();
        assert_eq!(named, candidates(&["heap-smp", "heap-smp-checked"]));
    }

    #[test]
    fn an_unknown_allocator_is_refused_with_the_list() {
        let error =
            choose(&candidates(&["heap-smp", "system"]), &["hoard".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("hoard") && error.contains("system"), "{error}");
        assert!(choose(&[], &[]).is_err());
    }

    #[test]
    fn the_reason_of_a_failed_build_script_is_its_own_error() {
        let log = "error: failed to run custom build command for `snmalloc-sys v0.7`\n\nCaused by:\n  --- stdout\n  x\n\
                   \x20 --- stderr\n  warning: old\n  error: failed to find tool \"c++\": No such file\n";
        assert_eq!(reason(log), "failed to find tool \"c++\": No such file");
        let log = "error: failed to run custom build command for `zig v0`\n  --- stderr\n\n\
                   \x20 thread 'main' (12) panicked at build.rs:3:1:\n  no zig in the path\n  note: run with `RUST_BACKTRACE=1`\n";
        assert_eq!(reason(log), "no zig in the path");
        assert_eq!(
            reason("error: heap-bench@0.1.0: no Zig 0.15 found: set X\nerror: build failed\n"),
            "no Zig 0.15 found: set X"
        );
    }

    #[test]
    fn the_reason_of_a_failed_compilation_is_its_first_error() {
        let log = "error[E0432]: unresolved import `gone`\n --> src/lib.rs\n\nerror: could not compile `x`\n";
        assert_eq!(reason(log), "error[E0432]: unresolved import `gone`");
        assert_eq!(reason(""), "no reason given");
        assert!(reason(&format!("error: {}", "é".repeat(500))).ends_with('…'));
    }
}
