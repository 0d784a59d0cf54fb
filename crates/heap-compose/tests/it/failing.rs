//! D-FA-03: parts and stacks over a backing that fails, at every request in turn: no promise broken, no block lost.

use core::cell::Cell;

use heap_arena::Arena;
use heap_compose::{
    Affix, Buckets, BySize, Cascade, Fallback, FreeList, Inspect, Limit, MinAlign, Null, PowerOfTwo,
    Quantized, Scoped, Stats, Zeroize,
};
use heap_core::Allocator;
use heap_test::check_backing_failures;

use crate::support::buffer;

/// One test for each part; `$backing` is a reference to the failing allocator.
macro_rules! fails_well {
    ($($name:ident, $backing:ident, $heap:expr;)+) => { $(
        #[test]
        fn $name() {
            let orders = check_backing_failures(9, |$backing, client| client(&$heap));
            assert!(orders > 10, "the program asked the backing for almost nothing: {orders}");
        }
    )+ };
}

fails_well! {
    fallback_loses_nothing, backing, Fallback::new(buffer(1000), backing);
    fallback_with_a_failing_primary_loses_nothing, backing, Fallback::new(Arena::new_in(backing), Arena::new());
    by_size_loses_nothing, backing, BySize::new(backing, backing, 1000);
    buckets_lose_nothing, backing, Buckets::<_, 200, 512>::new([backing; 200]);
    min_align_loses_nothing, backing, MinAlign::<_, 256>::new(backing);
    quantized_loses_nothing, backing, Quantized::<_, PowerOfTwo>::new(backing);
    affix_loses_nothing, backing, Affix::<_, u64, u32>::new(backing, 1, 2);
    scoped_loses_nothing, backing, Scoped::new(backing);
    free_list_loses_nothing, backing, FreeList::<_, 1, 1024>::new(backing);
    cascade_loses_nothing, backing, Cascade::new(|bytes| Arena::with_capacity_in(bytes.max(5000), backing).ok());
    limit_loses_nothing, backing, Limit::new(backing, 200_000);
    limit_on_one_thread_loses_nothing, backing, Limit::<_, Cell<usize>>::with_counter(backing, 200_000);
    stats_lose_nothing, backing, Stats::new(backing);
    inspect_loses_nothing, backing, Inspect::new(backing, |_| ());
    zeroize_loses_nothing, backing, Zeroize::new(backing);
    a_stack_loses_nothing, backing,
        Stats::new(Limit::new(BySize::new(FreeList::<_, 1, 64>::new(Scoped::new(backing)), Fallback::new(Null, backing), 64), 300_000));
}

/// What a part counts is as before when the child has no memory, and what a failing program left is all given back.
#[test]
fn counts_agree_with_the_backing_after_every_failure() {
    check_backing_failures(3, |backing, client| {
        let heap = Stats::new(Limit::new(backing, usize::MAX));
        client(&heap);
        assert_eq!((heap.counts().live_bytes(), heap.counts().live_blocks()), (0, 0));
        assert_eq!(heap.child().remaining(), usize::MAX);
        assert_eq!(heap.counts().allocs(), backing.counters().allocations);
        assert_eq!(heap.counts().frees(), backing.counters().deallocations);
        assert!(heap.counts().failures() >= backing.counters().induced_failures.min(1));
    });
}

#[cfg(feature = "parking_lot")]
fails_well! {
    thread_safe_loses_nothing, backing, heap_compose::ThreadSafe::new(backing);
    per_thread_loses_nothing, backing, heap_compose::PerThread::<_, 3>::new([backing; 3]);
}

/// A failing allocator is an allocator like any other to a part, also behind a handle.
#[test]
fn handles_of_parts_fail_well_too() {
    check_backing_failures(4, |backing, client| {
        let heap = Limit::new(backing, 100_000);
        client(&(&heap as &dyn Allocator));
    });
}
