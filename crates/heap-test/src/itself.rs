//! Tests that need a process of their own: the test binary starts itself again.

use std::process::Command;

/// This program again, without arguments yet. Where the environment variable `HEAP_EMULATOR` names a program and its options, separated
/// by blanks, in that: a kernel that does not know the emulator cannot start what it runs.
///
/// # Panics
///
/// Where the program's own path is not known.
pub fn itself() -> Command {
    let exe = std::env::current_exe().expect("the program has a path");
    let Ok(emulator) = std::env::var("HEAP_EMULATOR") else { return Command::new(exe) };
    let mut words = emulator.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).arg(exe);
    command
}
