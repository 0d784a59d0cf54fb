//! Runs one child process to its end and reads the line it prints.
#![forbid(unsafe_code)]

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::record::{Sample, Workload};

/// The line that `heap-bench-NAME run WORKLOAD` prints.
#[derive(Debug, Deserialize)]
struct Report {
    ok: bool,
    #[serde(default)]
    check: String,
    #[serde(flatten)]
    sample: Sample,
}

/// What a process wrote, and how it ended; `None`: it was ended by us, at the limit.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<ExitStatus>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The workloads that a child knows.
///
/// # Errors
///
/// When it cannot be started or does not print a list.
pub(crate) fn list(exe: &Path) -> Result<Vec<Workload>> {
    workloads(clean(exe)).with_context(|| format!("{} list", exe.display()))
}

fn workloads(mut command: Command) -> Result<Vec<Workload>> {
    Ok(serde_json::from_slice(&command.arg("list").output()?.stdout)?)
}

/// Runs one workload.
///
/// # Errors
///
/// Why there is no sample, in one line: the workload's own check failed, the child crashed, or it ran longer
/// than `limit`.
pub(crate) fn run(
    exe: &Path,
    workload: &str,
    scale: f64,
    idle_ms: u64,
    limit: Duration,
) -> Result<Sample, String> {
    sample(with_arguments(clean(exe), workload, scale, idle_ms), limit)
}

/// What a child is told: also for a child under another program.
pub(crate) fn with_arguments(mut command: Command, workload: &str, scale: f64, idle_ms: u64) -> Command {
    command.args(["run", workload, "--scale", &scale.to_string(), "--idle-ms", &idle_ms.to_string()]);
    command
}

fn sample(command: Command, limit: Duration) -> Result<Sample, String> {
    let ended = finish(command, limit).map_err(|error| format!("cannot be started: {error}"))?;
    let Some(status) = ended.status else {
        return Err(format!("not done after {} s", limit.as_secs()));
    };
    let report = ended.stdout.lines().rev().find_map(|line| serde_json::from_str::<Report>(line).ok());
    match report {
        Some(report) if report.ok && status.success() => Ok(report.sample),
        Some(report) if !report.ok => Err(format!("check failed: {}", report.check)),
        _ if !status.success() => Err(format!("{status}: {}", last_line(&ended.stderr))),
        _ => Err("no line of results".to_owned()),
    }
}

/// A command with none of our environment but the search path, so that no variable of the user sets an
/// allocator's options.
pub(crate) fn clean(exe: &Path) -> Command {
    let mut command = Command::new(exe);
    command.env_clear();
    for name in ["PATH", "HOME", "TMPDIR", "SystemRoot", "TEMP"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs `command` until it ends or `limit` is over. Nothing of ours runs meanwhile: threads wait on the pipes.
///
/// # Errors
///
/// When it cannot be started.
pub(crate) fn finish(mut command: Command, limit: Duration) -> std::io::Result<Ended> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let (sender, receiver) = mpsc::channel();
    let stdout = child.stdout.take().map(|pipe| read_all(pipe, sender.clone()));
    let stderr = child.stderr.take().map(|pipe| read_all(pipe, sender));
    // Both pipes close when the child ends: then the channel has no sender any more.
    let status = match receiver.recv_timeout(limit) {
        Err(mpsc::RecvTimeoutError::Timeout) => {
            end(&mut child)?;
            None
        }
        _ => Some(child.wait()?),
    };
    let text = |reader: Option<thread::JoinHandle<String>>| {
        reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
    };
    Ok(Ended { status, stdout: text(stdout), stderr: text(stderr) })
}

fn end(child: &mut Child) -> std::io::Result<()> {
    child.kill()?;
    child.wait().map(|_| ())
}

/// Reads to the end on a thread of its own; `open` is dropped then.
fn read_all(mut pipe: impl Read + Send + 'static, open: mpsc::Sender<()>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes); // What came before a broken pipe is still worth reading.
        drop(open);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn last_line(text: &str) -> &str {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim()
}

#[cfg(all(test, unix))]
mod tests;
