//! The project's commands: `cargo xtask COMMAND`.
//!
//! | command | what it does |
//! |---|---|
//! | `test` | everything that a change must pass |
//! | `tidy` | the rules of the house that the compiler does not know |
//! | `bench` | real programs on our allocator and on its rivals |

#![forbid(unsafe_code)]

mod workspace;
mod run;
mod tidy;
mod test;
mod bench;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The commands of the heap workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Debug, Subcommand)]
enum Cmd {
    /// Runs everything that a change must pass, and ends with one line of counts.
    Test(test::TestArgs),
    /// Checks the rules of the house: floors, module order, doors, words, lengths.
    Tidy,
    /// Runs real programs on our allocator and on its rivals, and prints a table.
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Cmd::Test(args) => test::run(args),
        Cmd::Tidy => tidy::run(),
        Cmd::Bench(args) => bench::run(args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
