//! `measure FILE PROGRAM ARGS…`: runs a program and writes what it took to FILE, as one line of JSON: wall and
//! processor time in seconds, and the most memory that it or one of its children held, in KiB.
//!
//! A program of its own, because the system tells a parent of all its children together.

use std::process::{Command, ExitCode};
use std::time::Instant;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let (Some(file), Some(program)) = (args.next(), args.next()) else {
        eprintln!("usage: measure FILE PROGRAM ARGS…");
        return ExitCode::FAILURE;
    };
    let begin = Instant::now();
    let status = Command::new(&program).args(args).status();
    let wall = begin.elapsed().as_secs_f64();
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the place is ours, and zeros are a valid value of the type.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    let line = format!("{{\"wall\":{wall},\"cpu\":{cpu},\"memory\":{}}}\n", usage.ru_maxrss);
    match (status, std::fs::write(file, line)) {
        (Ok(status), Ok(())) => ExitCode::from(status.code().map_or(255, |code| code as u8)),
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("{}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
