//! Each part alone keeps every promise of an allocator, over children that watch it and over such as give more than
//! was asked for.

use core::cell::Cell;

use heap_arena::Arena;
use heap_compose::{
    Affix, Buckets, BySize, Cascade, Fallback, FreeList, Inspect, Limit, MinAlign, MultipleOf, Null,
    PowerOfTwo, Quantized, Scoped, Stats, ToSizeClass, Zeroize,
};
use heap_core::Global;
use heap_test::{Limits, conformance};

use crate::support::{buffer, generous, strict};

conformance!(null, || Null, Limits::NOTHING; sync, owns, usable_size, reset, usage);

conformance!(fallback, || Fallback::new(buffer(10_000), generous()));
conformance!(fallback_that_owns, || Fallback::new(Limit::new(Arena::new(), 10_000), Arena::new()); owns, reset, usage);

conformance!(by_size, || BySize::new(generous(), generous(), 1000); usable_size);
conformance!(by_size_that_owns, || BySize::new(Arena::new(), Arena::new(), 100); owns, reset, usage);

const IN_BUCKETS: Limits = Limits::DEFAULT.max_size(16 * 256);
conformance!(buckets, || Buckets::<_, 16, 256>::new([(); 16].map(|()| generous())), IN_BUCKETS; sync, usable_size);
conformance!(
    buckets_that_own,
    || Buckets::<_, 16, 256>::new([(); 16].map(|()| Arena::new())), IN_BUCKETS;
    owns, reset, usage
);

conformance!(min_align, || MinAlign::<_, 128>::new(generous()); sync, usable_size);
conformance!(min_align_that_owns, || MinAlign::<_, 4096>::new(Arena::new()); owns, reset, usage);

conformance!(multiples, || Quantized::<_, MultipleOf<48>>::new(generous()); sync, usable_size);
conformance!(powers_of_two, || Quantized::<_, PowerOfTwo>::new(strict()); usable_size);
conformance!(size_classes, || Quantized::<_, ToSizeClass>::new(Arena::new()); owns, usable_size, reset, usage);

conformance!(prefix, || Affix::<_, u32>::new(generous(), 7, ()));
conformance!(suffix, || Affix::<_, (), u64>::new(generous(), (), 7));
conformance!(both_affixes, || Affix::<_, [u64; 3], u16>::new(strict(), [1, 2, 3], 4); sync);
conformance!(affix_that_owns, || Affix::<_, u8, u8>::new(Arena::new(), 1, 2); owns, reset, usage);

conformance!(scoped, || Scoped::new(generous()); reset);
conformance!(scoped_that_owns, || Scoped::new(Arena::new()); owns, reset, usage);

conformance!(free_list, || FreeList::<_, 70, 256>::new(generous()); usable_size);
conformance!(free_list_of_all_small, || FreeList::<_, 1, 8>::new(strict()));
conformance!(free_list_that_owns, || FreeList::<_, 33, 100>::new(Arena::new()); owns, reset);

fn arena(bytes: usize) -> Option<Arena> {
    let arena = Arena::with_capacity(bytes.max(16 << 10)).ok()?;
    arena.set_limit(Some(arena.held()));
    Some(arena)
}
conformance!(cascade, || Cascade::new(arena); owns, reset, usage);
conformance!(cascade_of_one_child_per_block, || Cascade::new(|bytes| Some(Limit::new(arena(bytes)?, bytes))); owns);

const PLENTY: usize = 1 << 30;
conformance!(limit, || Limit::new(generous(), PLENTY); sync, usage);
conformance!(limit_on_one_thread, || Limit::<_, Cell<usize>>::with_counter(Arena::new(), PLENTY); owns, reset, usage);
conformance!(limit_that_is_reached, || Limit::new(strict(), 128 << 10), Limits::DEFAULT.total(128 << 10); sync, usage);

conformance!(stats, || Stats::new(generous()); sync, usage);
conformance!(stats_on_one_thread, || Stats::<_, Cell<usize>>::with_counter(Arena::new()); owns, reset, usage);
conformance!(stats_off, || Stats::<_, ()>::with_counter(generous()); sync);

conformance!(inspect, || Inspect::new(generous(), |_| ()); sync, usable_size);
conformance!(inspect_that_owns, || Inspect::new(Arena::new(), |_| ()); owns, reset, usage);

conformance!(zeroize, || Zeroize::new(generous()); sync);
conformance!(zeroize_that_owns, || Zeroize::new(Arena::new_in(Global)); owns, usage);

/// Parts with locks.
#[cfg(feature = "parking_lot")]
mod locked {
    use heap_compose::{PerThread, ThreadSafe};

    use super::*;

    /// D-TS-01
    mod ts_01 {
        use super::*;
        conformance!(over_an_arena, || ThreadSafe::new(Arena::new()); sync, owns, reset, usage);
        conformance!(over_a_fixed_buffer, || ThreadSafe::new(buffer(1 << 20)), Limits::DEFAULT.total(512 << 10); sync, owns, reset, usage);
    }
    conformance!(thread_safe, || ThreadSafe::new(generous()); sync, usable_size);
    conformance!(per_thread, || PerThread::<_, 3>::new([(); 3].map(|()| generous())); sync);
    conformance!(per_thread_that_owns, || PerThread::<_, 3>::new([(); 3].map(|()| Arena::new())); sync, owns, reset, usage);
}
