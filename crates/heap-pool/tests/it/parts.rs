//! The raw pools under the conformance suite, and as children and parents of other allocators.

use heap_arena::Arena;
use heap_core::{AllocatorExt, Global, HeapBox};
use heap_pool::{Pool, PoolOptions, RawPool, SyncRawPool};
use heap_test::{Limits, TestAllocator, check_backing_failures};

use crate::support::layout;

/// A block takes a slot of 256 bytes, whatever it asks for.
const SLOT: usize = 256;
const LIMITS: Limits = Limits::DEFAULT.total(32 << 20).max_size(SLOT).max_align(64).overhead(SLOT);
const COUNT: usize = 2000;
const FIXED: Limits = LIMITS.total(COUNT * SLOT);
const PLAIN: PoolOptions = PoolOptions::new();

fn fixed(pool: RawPool) -> RawPool {
    pool.preheat(COUNT).unwrap();
    pool
}

heap_test::conformance!(raw_pool, || RawPool::new(layout(SLOT, 64)), LIMITS; reuses, owns, usable_size, reset, usage);
heap_test::conformance!(fixed_raw_pool, || fixed(RawPool::with_options_in(layout(SLOT, 64), PLAIN.growable(false), Global)),
    FIXED; reuses, owns, usable_size, reset, usage);
heap_test::conformance!(raw_pool_over_an_arena, || RawPool::new_in(layout(SLOT, 64), Arena::new()), LIMITS; reuses, reset);
heap_test::conformance!(sync_raw_pool, || SyncRawPool::new(layout(SLOT, 64)), LIMITS; sync, reuses, owns, usable_size, reset, usage);
heap_test::conformance!(sync_raw_pool_without_lanes,
    || SyncRawPool::<_, 0>::with_options_in(layout(SLOT, 64), PLAIN, Global), LIMITS; sync, reuses, owns, usable_size, reset, usage);
heap_test::conformance!(fixed_sync_raw_pool, || {
    let pool: SyncRawPool = SyncRawPool::with_options_in(layout(SLOT, 64), PLAIN.growable(false), Global);
    pool.preheat(COUNT).unwrap();
    pool
}, FIXED; sync, reuses, owns, usable_size, reset, usage);

#[test]
fn a_pool_is_the_child_of_a_pool() {
    let child = TestAllocator::new();
    let slabs = RawPool::new_in(layout(4096, 64), &child);
    // 4096 bytes hold so many slots of 64, the header and the bits.
    let options = PoolOptions::new().first_slab(60).max_slab(60);
    let pools: [Pool<[u64; 8], _>; 3] = std::array::from_fn(|_| Pool::with_options_in(options, &slabs));
    for pool in &pools {
        (0..200).for_each(|n| _ = pool.create([n; 8]).unwrap());
        assert!(pool.slots() > 200, "all of a slab is used: {}", pool.slots());
    }
    assert_eq!(slabs.live(), 12);
    drop(pools);
    assert_eq!(slabs.live(), 0);
}

#[test]
fn blocks_of_any_fitting_layout_take_one_slot_each() {
    let pool = RawPool::new(layout(24, 8));
    let number = pool.create::<u32>().unwrap();
    let text = HeapBox::print_in(format_args!("{}", "a text of 24 bytes ....."), &pool).unwrap();
    assert_eq!((text.len(), pool.live()), (24, 2));
    assert!(pool.dupe(&[0_u8; 25]).is_err() && pool.create::<u128>().is_err());
    drop(text);
    // SAFETY: a live item of this allocator.
    unsafe { pool.destroy(number) };
    assert_eq!(pool.live(), 0);
}

/// Slots in which any block of `check_backing_failures` fits.
const LARGE: (usize, usize) = (100_000, 4096);

#[test]
fn whatever_the_child_refuses_is_an_error_above_and_nothing_is_lost() {
    let options = PLAIN.first_slab(1).max_slab(3);
    for seed in 0..5 {
        let orders = check_backing_failures(seed, |backing, client| {
            client(&RawPool::with_options_in(layout(LARGE.0, LARGE.1), options, backing));
        });
        assert!(orders > 5, "the child was asked: {orders}");
        check_backing_failures(seed, |backing, client| {
            client(&SyncRawPool::<_, 16>::with_options_in(layout(LARGE.0, LARGE.1), options, backing));
        });
    }
}
