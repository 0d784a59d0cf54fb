//! Programs over heap-smp; the heap's books are recounted after each. Says how many steps were run, every million.
#![no_main]

use std::sync::atomic::{AtomicU64, Ordering};

use heap_smp::SmpAllocator;
use heap_test::{Limits, OP_BYTES, Program, cases::programs::check_program};

/// Beyond the largest slot and the smallest run, so that every kind of block occurs.
const LIMITS: Limits = Limits::DEFAULT.max_size(256 << 10);

/// Steps so far, in this process.
static STEPS: AtomicU64 = AtomicU64::new(0);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check_program(&Program::from_bytes(bytes, &LIMITS), SmpAllocator::new, &LIMITS);
    if bytes.len() % 16 == 0 {
        SmpAllocator::new().purge();
    }
    assert_eq!(SmpAllocator::new().validate(), Ok(()));
    let steps = (bytes.len() / OP_BYTES) as u64;
    let before = STEPS.fetch_add(steps, Ordering::Relaxed);
    if before / 1_000_000 != (before + steps) / 1_000_000 {
        eprintln!("smp: {} million steps", (before + steps) / 1_000_000);
    }
});

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
