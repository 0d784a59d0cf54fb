//! Programs over an allocator with a planted bug, which must be found in seconds: the fuzzer's own test.
#![no_main]
#![allow(dead_code, reason = "the modules belong to heap-test's tests, which use more of them")]

#[path = "../../crates/heap-test/tests/it/bump.rs"]
mod bump;
#[path = "../../crates/heap-test/tests/it/class_heap.rs"]
mod class_heap;

use class_heap::{Bug, ClassHeap};
use heap_test::{Limits, Program, cases::programs::check_program};

const LIMITS: Limits = Limits::DEFAULT.max_size(64 << 10);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let make = || ClassHeap::with_buffer(Bug::FreesOneSizeToTheNextClass, 8 << 20);
    check_program(&Program::from_bytes(bytes, &LIMITS), make, &LIMITS);
});

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
