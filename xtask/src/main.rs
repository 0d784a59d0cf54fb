//! The project's commands: `cargo xtask COMMAND`.
//!
//! | command | what it does |
//! |---|---|
//! | `test` | everything that a change must pass |
//! | `tidy` | the rules of the house that the compiler does not know |
//! | `targets` | builds for other systems |
//! | `cpus` | tests on 32 bits, and on ARM under an emulator |
//! | `asm` | holds hot paths to their budget of instructions |
//! | `soak`, `fuzz`, `miri` | look for bugs for as long as one likes |
//! | `sanitize` | heap-smp's suite under AddressSanitizer, ThreadSanitizer and valgrind |
//! | `spec-map` | which test proves which numbered behaviour |
//! | `bench` | real programs on our allocator and on its rivals |
//! | `scale` | the same work shared by 1 to 128 threads, on our allocator and on its rivals |
//! | `wasm` | our allocator on WebAssembly beside others, and on threads |
//! | `preload` | runs any program on `libheap_malloc`; checks and measures real ones |

#![forbid(unsafe_code)]

mod workspace;
mod run;
mod toolchain;
mod tidy;
mod spec_map;
mod hunt;
mod asm;
mod targets;
mod cpus;
mod sanitize;
mod test;
mod bench;
mod scale;
mod preload;
mod wasm;

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
    /// Builds the published crates for other systems, as far as this machine can.
    Targets(targets::TargetsArgs),
    /// Tests the lower floors on 32 bits, and on ARM under an emulator, as far as this machine can.
    Cpus(cpus::CpusArgs),
    /// Holds each hot path to its budget of instructions.
    Asm,
    /// Replays random programs over every allocator.
    Soak(hunt::SoakArgs),
    /// Lets libFuzzer write the programs (needs a nightly and cargo-fuzz).
    Fuzz(hunt::FuzzArgs),
    /// Runs unit tests under the interpreter that sees undefined behaviour (needs Miri).
    Miri(hunt::MiriArgs),
    /// Runs heap-smp's suite under AddressSanitizer, ThreadSanitizer and valgrind, as far as this machine can.
    Sanitize(sanitize::SanitizeArgs),
    /// Writes the table of docs/testing.md: which test proves which numbered behaviour.
    SpecMap(spec_map::SpecMapArgs),
    /// Runs real programs on our allocator and on its rivals, and prints a table.
    Bench(Box<bench::BenchArgs>),
    /// Measures how throughput and memory change as threads are added, beside other allocators.
    Scale(scale::ScaleArgs),
    /// Runs our allocator on WebAssembly beside talc and dlmalloc, and on threads (needs Node).
    Wasm,
    /// Runs a program on libheap_malloc: `cargo xtask preload -- CMD`.
    Preload(preload::PreloadArgs),
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match Cli::parse().command {
        Cmd::Test(args) => test::run(&args),
        Cmd::Tidy => tidy::run().map(done),
        Cmd::Targets(args) => targets::run(&args).map(done),
        Cmd::Cpus(args) => cpus::run(&args).map(done),
        Cmd::Asm => asm::run().map(done),
        Cmd::Soak(args) => hunt::soak(&args).map(done),
        Cmd::Fuzz(args) => hunt::fuzz(&args).map(done),
        Cmd::Miri(args) => hunt::miri(&args).map(done),
        Cmd::Sanitize(args) => sanitize::run(&args).map(done),
        Cmd::SpecMap(args) => spec_map::run(&args).map(done),
        Cmd::Bench(args) => bench::run(&args).map(done),
        Cmd::Scale(args) => scale::run(&args).map(done),
        Cmd::Wasm => wasm::run().map(done),
        Cmd::Preload(args) => preload::run(&args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
