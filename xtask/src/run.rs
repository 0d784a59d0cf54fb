//! Runs other programs and keeps their output back until somebody asks for it.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::workspace;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether its exit status was zero.
    pub(crate) success: bool,
    /// All it wrote, both streams in the order of writing.
    pub(crate) output: String,
    /// From start to exit.
    pub(crate) time: Duration,
}

/// A command `cargo ARGS` in the root of the workspace.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(workspace::root());
    command
}

/// Runs `command` to its end and returns what it wrote.
///
/// # Errors
///
/// When the program cannot be started or its output cannot be read.
pub(crate) fn capture(mut command: Command) -> io::Result<Outcome> {
    let start = Instant::now();
    let (mut reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command holds our copies of the pipe's write end: while it lives, the reader sees no end.
    drop(command);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes)?;
    let success = child.wait()?.success();
    Ok(Outcome { success, output: String::from_utf8_lossy(&bytes).into_owned(), time: start.elapsed() })
}

/// Runs `command` with its output going straight to the terminal.
///
/// # Errors
///
/// When the program cannot be started, or ends with another status than zero.
pub(crate) fn show(mut command: Command) -> anyhow::Result<()> {
    let status = command.status()?;
    anyhow::ensure!(status.success(), "{} ended with {status}", command.get_program().display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_keeps_both_streams_and_the_status() {
        let good = capture(cargo(&["--version"])).unwrap();
        assert!(good.success && good.output.starts_with("cargo "), "{good:?}");
        let bad = capture(cargo(&["no-such-command"])).unwrap();
        assert!(!bad.success && bad.output.contains("no-such-command"), "{bad:?}");
    }
}
