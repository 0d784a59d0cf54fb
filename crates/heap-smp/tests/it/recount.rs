//! The books are right at any moment: recounted again and again while threads allocate small and large blocks, in phases that make
//! depots overflow, runs park, and memory go back.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use heap_smp::SmpAllocator;

const THREADS: u64 = 4;
const STEPS: u64 = 40_000;

fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    *state >> 33
}

/// A size in bytes: what occurs differs from phase to phase.
fn size(phase: u64, random: u64) -> usize {
    let size = match phase {
        0 => 16 + random % 100,
        1 => 1 << (random % 14),
        2 if random.is_multiple_of(20) => 33_000 + random % 600_000,
        3 if random.is_multiple_of(100) => random % 300_000,
        _ => 64 + random % 400,
    };
    size as usize
}

fn work(thread: u64) {
    let mut state = thread;
    let mut held: Vec<Vec<u8>> = Vec::new();
    for step in 0..STEPS {
        let random = next(&mut state);
        held.push(black_box(Vec::with_capacity(size(step / (STEPS / 8) % 4, random))));
        if random.is_multiple_of(3) {
            let at = next(&mut state) as usize % held.len();
            held.swap_remove(at);
        }
        if held.len() > 4_000 {
            held.truncate(100);
        }
    }
}

#[test]
fn the_books_are_right_at_any_moment_while_threads_work() {
    let working = AtomicUsize::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let working = &working;
            scope.spawn(move || {
                work(thread);
                working.fetch_sub(1, Ordering::Relaxed);
            });
        }
        let mut recounts = 0;
        while working.load(Ordering::Relaxed) > 0 || recounts < 10 {
            assert_eq!(SmpAllocator::new().validate(), Ok(()), "after {recounts} that found nothing");
            recounts += 1;
            if recounts % 16 == 0 {
                SmpAllocator::new().purge();
            }
            thread::yield_now();
        }
    });
}
