//! Runs other programs and keeps their output back until somebody asks for it.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::workspace;

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Whether its exit status was zero.
    pub(crate) success: bool,
    /// All it wrote, both streams in the order of writing.
    pub(crate) output: String,
}

/// A command `cargo ARGS` in the root of the workspace.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(args).current_dir(workspace::root());
    command
}

/// Runs `command` to its end, hands every line to `on_line` as it comes, and returns all of them.
///
/// # Errors
///
/// When the program cannot be started or its output cannot be read.
pub(crate) fn capture(mut command: Command, mut on_line: impl FnMut(&str)) -> io::Result<Outcome> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // The command holds our copies of the pipe's write end: while it lives, the reader sees no end.
    drop(command);
    let mut reader = BufReader::new(reader);
    let mut output = String::new();
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        on_line(line.trim_end());
        output.push_str(&line);
        bytes.clear();
    }
    let success = child.wait()?.success();
    Ok(Outcome { success, output })
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
        let mut lines = Vec::new();
        let good = capture(cargo(&["--version"]), |line| lines.push(line.to_owned())).unwrap();
        assert!(good.success && good.output.starts_with("cargo "), "{good:?}");
        assert_eq!(lines.join("\n"), good.output.trim_end());
        let bad = capture(cargo(&["no-such-command"]), |_| {}).unwrap();
        assert!(!bad.success && bad.output.contains("no-such-command"), "{bad:?}");
    }
}
