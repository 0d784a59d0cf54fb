//! Programs over heap-smp; the heap's books are recounted after each.
#![no_main]

use heap_smp::SmpAllocator;
use heap_test::{Limits, Program, cases::programs::check_program};

/// Beyond the largest slot and the smallest run, so that every kind of block occurs.
const LIMITS: Limits = Limits::DEFAULT.max_size(256 << 10);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check_program(&Program::from_bytes(bytes, &LIMITS), SmpAllocator::new, &LIMITS);
    if bytes.len() % 16 == 0 {
        SmpAllocator::new().purge();
    }
    assert_eq!(SmpAllocator::new().validate(), Ok(()));
});

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
