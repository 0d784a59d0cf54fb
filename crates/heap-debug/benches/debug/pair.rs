//! One block of 64 bytes that comes and goes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Instant;

use heap_debug::{DebugAllocator, DebugConfig, Guard};

use crate::{Line, ROUNDS};

const CASE: &str = "64 B pair";
/// A run takes less than the time between two interrupts, so that some are not disturbed.
const PAIRS: usize = 10_000;
const RUNS: usize = 20 * ROUNDS;
const LAYOUT: Layout = Layout::new::<[u64; 8]>();

const CONFIG: DebugConfig = DebugConfig::new().stack_trace_frames(0);

static PLAIN: DebugAllocator = DebugAllocator::with_config(CONFIG);
static TRACED: DebugAllocator = DebugAllocator::with_config(CONFIG.stack_trace_frames(6));
/// As for production: a few blocks guarded, the profile sampled.
static PROFILED: DebugAllocator = DebugAllocator::with_config(CONFIG.profile(Some(512 << 10)));
static GUARDED: DebugAllocator = DebugAllocator::with_config(CONFIG.guard(Guard::Sampled(10_000)));
/// The profile on, for every block.
static COUNTED: DebugAllocator = DebugAllocator::with_config(CONFIG.profile(Some(0)));

/// What is compared. The first is the base of the ratios.
static SUBJECTS: [(&str, &(dyn GlobalAlloc + Sync)); 6] = [
    ("System", &System),
    ("DebugAllocator", &PLAIN),
    ("profile, 1 in 512 KiB", &PROFILED),
    ("guard, 1 in 10,000", &GUARDED),
    ("DebugAllocator, 6 frames", &TRACED),
    ("profile of all", &COUNTED),
];

#[inline(never)]
fn pairs(allocator: &dyn GlobalAlloc, count: usize) {
    // A stack of some depth, as a program has one.
    deeper(8, &|| {
        for _ in 0..count {
            // SAFETY: the size is not zero, and the block is freed once, with its layout.
            unsafe {
                let block = black_box(allocator.alloc(LAYOUT));
                block.write(1);
                allocator.dealloc(block, LAYOUT);
            }
        }
    });
}

#[inline(never)]
fn deeper(depth: usize, f: &dyn Fn()) {
    if depth == 0 {
        f()
    } else {
        deeper(depth - 1, f)
    }
    black_box(());
}

pub(crate) fn run() {
    let mut best = [f64::INFINITY; SUBJECTS.len()];
    for _ in 0..RUNS {
        for ((_, allocator), best) in SUBJECTS.iter().zip(&mut best) {
            let start = Instant::now();
            pairs(*allocator, PAIRS);
            *best = best.min(start.elapsed().as_nanos() as f64 / PAIRS as f64);
        }
    }
    for ((name, _), ns) in SUBJECTS.iter().zip(best) {
        let ratio = Some(ns / best[0]);
        Line { ns: Some(ns), ratio, instructions: instructions(name), ..Line::new(CASE, name) }.print();
    }
}

/// Runs so many pairs of one subject, for callgrind.
pub(crate) fn count(subject: &str, pairs_wanted: usize) {
    let found = SUBJECTS.iter().find(|(name, _)| *name == subject);
    if let Some((_, allocator)) = found {
        pairs(*allocator, pairs_wanted);
    }
}

/// Instructions per pair: of two runs the difference, so that starting and ending do not count. `None` without valgrind.
fn instructions(subject: &str) -> Option<f64> {
    let (few, many) = (20_000, 60_000);
    let [few_count, many_count] = [few, many].map(|pairs| callgrind(subject, pairs));
    Some(many_count?.checked_sub(few_count?)? as f64 / (many - few) as f64)
}

fn callgrind(subject: &str, pairs: usize) -> Option<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe().ok()?);
    command.args(["count", subject, &pairs.to_string()]);
    let output = command.stdout(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected :"))?;
    output.status.success().then(|| collected.1.trim().parse().ok())?
}
