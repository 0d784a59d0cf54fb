//! Random programs over every allocator, for as long as one likes: `cargo xtask soak --seconds 60`.
//!
//! Each allocator in turn replays programs made from consecutive seeds, with a shadow heap beside it that sees
//! overlap, bad alignment and changed contents. A failure prints the seed and the shortest program found.
//!
//! `--threads 64 --steps 1000000` instead runs so many threads on heap-smp at once, each so many steps, which hand blocks to
//! each other and check every block's content before it is freed.
#![forbid(unsafe_code)]

use std::alloc::Layout;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use heap_arena::Arena;
use heap_core::{Allocator, Global};
use heap_pool::{RawPool, SyncRawPool};
use heap_smp::SmpAllocator;
use heap_test::{Limits, Program};

/// Steps of one program: long enough to reuse, merge and give back memory.
const STEPS: usize = 4000;

/// Threads of the subjects that have several.
const THREADS: u64 = 4;

/// Runs one program made from a seed; returns how many steps, or what failed.
type Subject = fn(u64) -> Result<usize, String>;

const SUBJECTS: [(&str, Subject); 7] = [
    ("global", |seed| one(seed, || Global)),
    ("smp", |seed| one(seed, SmpAllocator::new)),
    ("smp, threads", |seed| many(seed, SmpAllocator::new())),
    ("arena", |seed| one(seed, Arena::new)),
    ("arena over smp", |seed| one(seed, || Arena::new_in(SmpAllocator::new()))),
    ("raw pool", |seed| one(small(seed), || RawPool::new(SLOT))),
    ("raw pool, threads", |seed| many(small(seed), SyncRawPool::new(SLOT))),
];

/// Holds what programs of small blocks ask for.
const SLOT: Layout = Layout::new::<[u128; 32]>();

/// A seed whose limits are small blocks only.
fn small(seed: u64) -> u64 {
    seed * 3
}

/// Three shapes of programs: small blocks only, all sizes, and large alignments too.
fn limits(seed: u64) -> Limits {
    let all = Limits::DEFAULT.total(usize::MAX >> 8);
    match seed % 3 {
        0 => all.max_size(512).max_align(16),
        1 => all.max_size(200_000).max_align(64),
        _ => all.max_size(1 << 20).max_align(64 << 10),
    }
}

fn one<A: Allocator>(seed: u64, make: impl Fn() -> A) -> Result<usize, String> {
    let limits = limits(seed);
    let program = Program::from_seed(seed, STEPS, &limits);
    let fails = |program: &Program| program.run(&make(), &limits).err();
    match fails(&program) {
        None => Ok(STEPS),
        Some(failure) => Err(program.shrink(fails).unwrap_or(failure).to_string()),
    }
}

fn many<A: Allocator + Sync>(seed: u64, allocator: A) -> Result<usize, String> {
    let limits = limits(seed);
    let program = |thread| Program::from_seed(seed * THREADS + thread, STEPS, &limits);
    let programs: Vec<_> = (0..THREADS).map(program).collect();
    let result = Program::run_on_threads(&programs, &allocator, &limits);
    result.map(|_| STEPS * programs.len()).map_err(|failure| failure.to_string())
}

/// Runs one subject for `time`; prints a line and says whether all was well.
fn soak(name: &str, subject: Subject, first: u64, time: Duration) -> bool {
    let start = Instant::now();
    let mut steps = 0;
    let mut seed = first;
    while start.elapsed() < time {
        match subject(seed) {
            Ok(done) => steps += done,
            Err(failure) => {
                println!("{name}: seed {seed}: {failure}");
                return false;
            }
        }
        seed += 1;
    }
    let rate = steps as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("{name}: {} programs, {steps} steps, {rate:.1} million a second", seed - first);
    true
}

/// Steps that the crowd's threads do before others take their place: their programs are kept in memory.
const LIFE: u64 = 50_000;

/// Runs `threads` threads of `steps` steps each on heap-smp; says whether all was well.
fn crowd(threads: u64, steps: u64, first: u64) -> bool {
    // Half of the lives with small blocks alone, the others with blocks up to 256 KiB: what 64 threads hold stays below 1 GiB.
    let limits = |life: u64| {
        let all = Limits::DEFAULT.total(usize::MAX >> 8);
        if life.is_multiple_of(2) { all.max_size(2048).max_align(64) } else { all.max_size(256 << 10) }
    };
    let (start, mut calls, mut done) = (Instant::now(), 0, 0);
    while done < steps {
        let (life, length) = (done / LIFE, LIFE.min(steps - done));
        let limits = limits(life);
        let seed = |thread| first + life * threads + thread;
        let programs: Vec<_> =
            (0..threads).map(|thread| Program::from_seed(seed(thread), length as usize, &limits)).collect();
        match Program::run_on_threads(&programs, &SmpAllocator::new(), &limits) {
            Ok(more) => calls += more,
            Err(failure) => {
                println!("{threads} threads, life {life}, first seed {}: {failure}", seed(0));
                return false;
            }
        }
        if let Err(broken) = SmpAllocator::new().validate() {
            println!("{threads} threads, life {life}: {broken}");
            return false;
        }
        done += length;
        println!(
            "{threads} threads: {done} of {steps} steps each, {calls} calls, {:.0} s",
            start.elapsed().as_secs_f64()
        );
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{threads} threads of {done} steps: {calls} calls, all contents as written, {seconds:.0} s, {:.1} million a second",
        calls as f64 / seconds / 1e6
    );
    true
}

/// The number after `--name`, or `default`.
fn option(name: &str, default: u64) -> u64 {
    let mut args = std::env::args().skip_while(|arg| arg != name).skip(1);
    args.next().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() -> ExitCode {
    let (seconds, first) = (option("--seconds", 5), option("--seed", 0));
    let (threads, steps) = (option("--threads", 0), option("--steps", 1_000_000));
    if threads > 0 {
        return if crowd(threads, steps, first) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let time = Duration::from_secs(seconds) / SUBJECTS.len() as u32;
    let good = SUBJECTS.iter().filter(|(name, subject)| soak(name, *subject, first, time)).count();
    if good == SUBJECTS.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
