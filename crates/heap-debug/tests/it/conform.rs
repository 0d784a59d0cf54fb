//! A debug allocator is an allocator: the whole suite, in several shapes and over several others.

use heap_core::Global;
use heap_debug::{DebugAllocator, DebugConfig, Guard};
use heap_test::{FailingAllocator, Limits};

const QUIET: DebugConfig = DebugConfig::new().stack_trace_frames(0);

heap_test::conformance!(default, DebugAllocator::new; sync, owns, usable_size, usage);
heap_test::conformance!(without_traces, || DebugAllocator::with_config(QUIET); sync, owns, usable_size, usage);
heap_test::conformance!(over_global, || DebugAllocator::new_in(Global, QUIET); sync, owns, usable_size, usage);
heap_test::conformance!(over_another, || DebugAllocator::new_in(DebugAllocator::new_in(Global, QUIET), QUIET); sync);
heap_test::conformance!(over_a_failing_one, || DebugAllocator::new_in(
    FailingAllocator::new(Global, heap_test::Failures::default()),
    QUIET
));
heap_test::conformance!(without_quarantine, || {
    DebugAllocator::with_config(QUIET.quarantine(0).quarantine_large(0))
}; sync);
heap_test::conformance!(with_guard_pages, || {
    DebugAllocator::with_config(QUIET.guard(Guard::All).quarantine_large(1 << 20))
}, Limits::DEFAULT.total(8 << 20).max_align(4096); sync, owns);
heap_test::conformance!(guarded_now_and_then, || {
    DebugAllocator::with_config(QUIET.guard(Guard::Sampled(10)))
}; sync, owns);
heap_test::conformance!(that_never_shrinks, || {
    DebugAllocator::with_config(QUIET.shrink_in_place(false))
}; sync);
heap_test::conformance!(with_small_slabs, || {
    DebugAllocator::with_config(QUIET.slab_size(4096).never_unmap(true))
}; sync);
heap_test::conformance!(without_safety, || DebugAllocator::with_config(QUIET.safety(false)); sync);
