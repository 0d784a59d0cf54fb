//! The two commands of a child process.

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use heap_workloads::{Scale, all, find};

use crate::json::Object;
use crate::measure::measure;

const USAGE: &str = "usage: list | run WORKLOAD [--scale FACTOR] [--idle-ms MILLISECONDS]";

/// The `main` of every binary: `allocator` is its name. Fails if a workload rejects its own result.
#[must_use]
pub fn run(allocator: &str) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let line = match parse(&arguments) {
        Ok(Command::List) => Ok((list(), true)),
        Ok(Command::Run { workload, scale, idle }) => run_one(allocator, &workload, scale, idle),
        Err(message) => Err(message),
    };
    match line {
        Ok((line, ok)) => {
            println!("{line}");
            if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

#[derive(Debug, PartialEq)]
enum Command {
    List,
    Run { workload: String, scale: Scale, idle: Duration },
}

fn parse(arguments: &[String]) -> Result<Command, String> {
    match arguments {
        [command] if command == "list" => Ok(Command::List),
        [command, workload, options @ ..] if command == "run" => {
            let (mut scale, mut idle) = (1.0, 1_000);
            let mut options = options.iter();
            while let Some(option) = options.next() {
                let value = options.next().ok_or_else(|| format!("{option} needs a value\n{USAGE}"))?;
                let bad = || format!("{option} {value}: not a number\n{USAGE}");
                match option.as_str() {
                    "--scale" => scale = value.parse().map_err(|_| bad())?,
                    "--idle-ms" => idle = value.parse().map_err(|_| bad())?,
                    _ => return Err(format!("{option}: unknown\n{USAGE}")),
                }
            }
            let (scale, idle) = (Scale::new(scale), Duration::from_millis(idle));
            Ok(Command::Run { workload: workload.clone(), scale, idle })
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// The workloads as a JSON array.
fn list() -> String {
    let entries: Vec<String> = all()
        .iter()
        .map(|workload| {
            Object::default()
                .text("name", workload.name)
                .text("suite", workload.suite.name())
                .number("threads", workload.threads as u64)
                .text("what", workload.what)
                .finish()
        })
        .collect();
    format!("[{}]", entries.join(",\n "))
}

fn run_one(allocator: &str, name: &str, scale: Scale, idle: Duration) -> Result<(String, bool), String> {
    let workload = find(name).ok_or_else(|| format!("{name}: no such workload"))?;
    let measurement = measure(&workload, scale, idle);
    Ok((measurement.to_json(allocator, name), measurement.ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_have_defaults_and_any_order() {
        let command = |scale, idle| {
            let (scale, idle) = (Scale::new(scale), Duration::from_millis(idle));
            Ok(Command::Run { workload: "json".to_owned(), scale, idle })
        };
        assert_eq!(parsed("run json"), command(1.0, 1_000));
        assert_eq!(parsed("run json --idle-ms 0 --scale 0.5"), command(0.5, 0));
        assert_eq!(parsed("list"), Ok(Command::List));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, part) in [
            ("", "usage"),
            ("run", "usage"),
            ("run x --scale", "needs a value"),
            ("run x --fast 1", "--fast: unknown"),
            ("run x --scale y", "not a number"),
        ] {
            let message = parsed(line).expect_err(line);
            assert!(message.contains(part), "{line}: {message}");
        }
    }

    #[test]
    fn a_run_is_one_line_of_json_with_every_field() {
        let run = run_one("system", "pair-64", Scale::new(0.0001), Duration::ZERO);
        let (line, ok) = run.expect("listed");
        assert!(ok && !line.contains('\n'));
        for field in [
            "allocator",
            "workload",
            "ok",
            "check",
            "wall_ns",
            "cpu_ns",
            "peak_rss_kib",
            "rss_after_free_kib",
            "start_rss_kib",
            "minor_faults",
            "major_faults",
            "ops",
        ] {
            assert!(line.contains(&format!("\"{field}\":")), "{field} in {line}");
        }
        assert!(run_one("system", "nothing", Scale::new(1.0), Duration::ZERO).is_err());
    }
}
