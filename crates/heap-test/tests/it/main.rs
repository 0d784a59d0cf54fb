//! The suite on allocators that are right, and on some that are not.

mod bump;
mod class_heap;
mod planted;
mod exhaust;
mod failing;
mod programs;
mod slots;
mod validation;

use bump::Bump;
use heap_core::Global;
use heap_test::Limits;

heap_test::conformance!(global, || Global; sync);
heap_test::conformance!(global_within_64_kib, || Global, Limits::DEFAULT.total(64 << 10); sync);
heap_test::conformance!(bump_in_a_large_buffer, || Bump::new(80 << 20); sync);
heap_test::conformance!(bump_in_a_small_buffer, || Bump::new(64 << 10), Limits::DEFAULT.total(60 << 10); sync);
heap_test::conformance!(bump_in_a_tiny_buffer, || Bump::new(1100), Limits::DEFAULT.total(1000).max_align(16); sync);
heap_test::conformance!(bump_over_nothing, || Bump::new(0), Limits::NOTHING; sync);
