//! Programs over `Global`: fuzzes the replay itself, and is the pattern for the other targets.
#![no_main]

use heap_core::Global;
use heap_test::{Limits, Program, cases::programs::check_program};

/// Larger blocks cost several times as much here, in page faults and in AddressSanitizer's own books.
const LIMITS: Limits = Limits::DEFAULT.max_size(64 << 10);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check_program(&Program::from_bytes(bytes, &LIMITS), || Global, &LIMITS);
});

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
