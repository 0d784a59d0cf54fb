//! Programs over heap-smp; the heap's books are recounted after each. Says how many steps were run, every million.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "../../crates/heap-smp/tests/it/fuzzed.rs"]
mod fuzzed;

/// Steps so far, in this process.
static STEPS: AtomicUsize = AtomicUsize::new(0);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let steps = fuzzed::replay(bytes);
    let before = STEPS.fetch_add(steps, Ordering::Relaxed);
    if before / 1_000_000 != (before + steps) / 1_000_000 {
        eprintln!("smp: {} million steps", (before + steps) / 1_000_000);
    }
});

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
