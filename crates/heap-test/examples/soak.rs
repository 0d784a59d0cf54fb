//! Random programs over an allocator until the time is up, every block checked, with a line of progress.
//!
//! `cargo run --release -p heap-test --example soak -- [SECONDS] [FIRST_SEED] [THREADS]`
//!
//! On several threads, blocks also change hands.
//!
//! Copy it into your crate and put your allocator in place of `Global`.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use heap_core::Global;
use heap_test::{Failure, Limits, Program};

/// Steps of one program: enough for the slots to fill and for sizes to meet.
const STEPS: usize = 20_000;

fn main() -> ExitCode {
    let argument =
        |nth: usize, or: u64| std::env::args().nth(nth).and_then(|text| text.parse().ok()).unwrap_or(or);
    let (limit, first_seed, threads) =
        (Duration::from_secs(argument(1, 10)), argument(2, 1), argument(3, 1).max(1));
    let start = Instant::now();
    let (mut calls, mut shown) = (0, Instant::now());
    for seed in (first_seed..).step_by(threads as usize) {
        match replay(seed, threads) {
            Ok(done) => calls += done,
            Err(failure) => return report(seed, &failure),
        }
        let spent = start.elapsed();
        if shown.elapsed() > Duration::from_millis(200) || spent >= limit {
            shown = Instant::now();
            let rate = calls as f64 / spent.as_secs_f64() / 1e6;
            eprint!(
                "\r{:>5.0} s  seed {seed}  {calls} calls  {rate:.2} million/s  no fault ",
                spent.as_secs_f64()
            );
            let _ = std::io::stderr().flush();
        }
        if spent >= limit {
            eprintln!();
            break;
        }
    }
    ExitCode::SUCCESS
}

/// What a program asks for: small blocks mostly, where most bugs of most allocators are; all sizes now and then.
fn limits(seed: u64) -> Limits {
    let max_size = match seed / 8 % 8 {
        0 => 1 << 20,
        1 | 2 => 32 << 10,
        _ => 512,
    };
    Limits::DEFAULT.total(usize::MAX).max_size(max_size).max_align(4096.min(max_size))
}

/// Replays the program of each seed from `seed` on, one a thread, and returns the number of calls.
fn replay(seed: u64, threads: u64) -> Result<u64, Failure> {
    let limits = limits(seed);
    let program = |seed| Program::from_seed(seed, STEPS, &limits);
    if threads == 1 {
        return program(seed).run(&Global, &limits).map(|done| done.calls);
    }
    let programs: Vec<_> = (seed..seed + threads).map(program).collect();
    Program::run_on_threads(&programs, &Global, &limits)
}

/// Says what is wrong, and with what short program it can be seen again.
fn report(seed: u64, failure: &Failure) -> ExitCode {
    eprintln!("\nseed {seed}: {failure}");
    let short = failure.program.shrink(|program| program.run(&Global, &limits(seed)).err());
    eprintln!(
        "cut down: {}",
        short.map_or_else(|| "it does not fail again".to_owned(), |short| short.to_string())
    );
    ExitCode::FAILURE
}
