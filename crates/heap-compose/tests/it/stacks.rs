//! Stacks of parts, read from the outside in: what each is for, and that it keeps every promise of an allocator.
//!
//! The order matters where parts count, limit or lock: `Stats<Limit<..>>` sees what the limit refuses, `Limit<Stats<..>>`
//! does not; a lock around `Scoped` makes it shared, a lock inside would guard its child only.

use heap_arena::Arena;
use heap_compose::{
    Affix, BySize, Cascade, Fallback, FreeList, Inspect, Limit, MinAlign, Null, PowerOfTwo, Quantized,
    Scoped, Stats, Zeroize,
};
use heap_core::Global;
use heap_os::PageAllocator;
use heap_test::conformance;

use crate::support::{Strict, buffer, strict};

/// More than the suite asks for: the limits are there, and are not reached.
const PLENTY: usize = 1 << 30;

// One request of a server: memory at hand first, then the heap; no more than its share; and the log says how much.
conformance!(
    request,
    || Stats::new(Limit::new(Fallback::new(buffer(16 << 10), Global), PLENTY));
    usage
);

// The same without a heap: what the buffer cannot hold gets pages of its own from the system.
conformance!(
    pages_next,
    || Stats::new(Limit::new(Fallback::new(buffer(256 << 10), PageAllocator), PLENTY));
    usage
);

// A small-object heap: three free lists over an arena, each for a range of sizes; what is larger goes past them.
type Small = FreeList<FreeList<FreeList<Arena, 129, 256>, 65, 128>, 8, 64>;
fn small() -> Small {
    FreeList::new(FreeList::new(FreeList::new(Arena::new())))
}
conformance!(small_objects, || BySize::new(small(), strict(), 256));

// The same with sizes rounded before they come to the lists, so that a growing block stays where it is for longer.
conformance!(growing_objects, || Quantized::<_, PowerOfTwo>::new(BySize::new(small(), Global, 256)); usable_size);

// Keys: cleared when they are freed, each on cache lines of its own, and no more of them than can be locked in memory.
conformance!(keys, || Zeroize::new(MinAlign::<_, 64>::new(Limit::new(strict(), PLENTY))); usage);

// Arenas that come and go: each of bounded size, made when the others are full and dropped when they are empty.
fn bounded_arena(bytes: usize) -> Option<Limit<Arena>> {
    let bytes = bytes.max(64 << 10);
    Some(Limit::new(Arena::with_capacity(bytes).ok()?, bytes))
}
conformance!(bounded_arenas, || Stats::new(Cascade::new(bounded_arena)); owns, reset);

// Two children that both know their blocks, so the pair knows them, too: it can be a primary itself.
conformance!(
    knows_its_blocks,
    || Fallback::new(Fallback::new(buffer(4 << 10), Limit::new(Arena::new(), 1 << 20)), Arena::new());
    owns, usage, reset
);

// A guard word behind each block, checked by whoever sees the frees; and everything is freed with the plugin.
const GUARD: u64 = 0x5AFE_5AFE_5AFE_5AFE;
type Guarded = Affix<Strict, (), u64>;
conformance!(plugin, || {
    Scoped::new(Inspect::new(Guarded::new(strict(), (), GUARD), |event| {
        if let heap_compose::Event::Free { block, layout } = event
            && layout.size() != 0
        {
            // SAFETY: the block is still there, and is one of `Guarded`.
            let guard = unsafe { Guarded::suffix(block, layout).map(|guard| guard.read()) };
            assert_eq!(guard, Some(GUARD), "something wrote past the end of a block");
        }
    }))
});

// Nothing but a buffer: what does not fit is refused, and nobody is asked.
conformance!(
    no_heap_at_all,
    || BySize::new(FreeList::<_, 1, 64>::new(buffer(512 << 10)), Fallback::new(buffer(512 << 10), Null), 64),
    heap_test::Limits::DEFAULT.total(256 << 10);
    owns, reset
);

/// Stacks for many threads.
#[cfg(feature = "parking_lot")]
mod shared {
    use heap_compose::{Buckets, PerThread, ThreadSafe};
    use heap_core::SizeClasses;

    use super::*;

    // A lock for each range of sizes: threads that want different sizes do not wait for each other.
    conformance!(
        lock_per_size,
        || {
            let small = Buckets::<_, 8, 64>::new([(); 8].map(|()| ThreadSafe::new(Arena::new())));
            Stats::new(BySize::new(small, Global, 512))
        };
        sync, usage
    );

    // A cache of free blocks for each thread, over an arena of its own, refilled for all from one heap.
    conformance!(
        thread_caches,
        || PerThread::<_, 4>::new([(); 4].map(|()| FreeList::<_, 16, 128>::new(Arena::new_in(Global))));
        sync, owns, reset
    );

    // An arena for all threads, whose blocks are gone with it, and a limit for all of them together.
    conformance!(shared_scope, || Limit::new(ThreadSafe::new(Scoped::new(Stats::new(strict()))), PLENTY); sync, usage, reset);

    /// A program may choose its parts by a type alias, and the unused ones are not there.
    #[test]
    fn unused_parts_take_no_room() {
        type Unused<A> = Stats<Limit<Quantized<Zeroize<A>, PowerOfTwo>, ()>, ()>;
        assert_eq!(
            size_of::<Unused<Arena>>(),
            size_of::<Arena>() + size_of::<usize>(),
            "the limit is a number"
        );
        assert!(SizeClasses::count_up_to(1 << 20) * size_of::<usize>() < size_of::<Stats<Arena>>());
    }
}
