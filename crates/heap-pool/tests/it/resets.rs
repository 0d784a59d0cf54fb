//! Resets: what they keep, what they call, and that pools work afterwards.

use heap_pool::{Pool, PoolOptions, RawPool, ResetMode, SyncPool};
use heap_test::{CountingAllocator, FailingAllocator, Failures, TestAllocator};

use crate::support::{Drops, addresses, assert_apart, fixed, layout};

const MODES: [ResetMode; 4] = [
    ResetMode::FreeAll,
    ResetMode::RetainCapacity,
    ResetMode::RetainWithLimit(80),
    ResetMode::RetainWithLimit(usize::MAX),
];

/// D-MP-02
#[test]
fn the_three_modes_keep_what_they_say_and_leak_nothing() {
    for (mode, kept) in MODES.into_iter().zip([Some(0), None, Some(10), None]) {
        let child = TestAllocator::new();
        let mut pool = Pool::<u64, _>::new_in(&child);
        for round in 0..3 {
            (0..1000).for_each(|n| _ = pool.create(n).unwrap());
            let before = pool.slots();
            assert!(pool.reset(mode), "{mode:?}, round {round}");
            assert_eq!((pool.slots(), pool.live()), (kept.unwrap_or(before), 0), "{mode:?}, round {round}");
        }
        assert!(pool.create(1).is_ok());
    }
}

/// D-MP-03
#[test]
fn a_pool_that_may_not_grow_has_the_same_slots_after_any_reset() {
    for mode in MODES {
        let mut pool = fixed::<u64>(20);
        for round in 0..3 {
            assert_apart(addresses(&pool, 20), 8, 8);
            assert!(pool.create(1).is_err(), "{mode:?}, round {round}");
            assert!(pool.reset(mode));
        }
        assert!(pool.reset(mode), "twice");
        assert_eq!(addresses(&pool, 20).len(), 20);
        assert!(pool.create(1).is_err());
    }
}

#[test]
fn what_a_reset_gave_back_is_fetched_again_as_soon_as_the_child_can() {
    let child = FailingAllocator::new(TestAllocator::new(), Failures::Never);
    let mut pool = Pool::<u64, _>::with_options_in(PoolOptions::new().growable(false), &child);
    pool.preheat(7).unwrap();
    pool.reset(ResetMode::FreeAll);
    child.set_failures(Failures::From(0));
    assert!(pool.create(1).is_err());
    child.set_failures(Failures::Never);
    assert_eq!((0..9).filter(|&n| pool.create(n).is_ok()).count(), 7);
}

#[test]
fn a_reset_that_keeps_everything_calls_nobody_and_the_next_round_neither() {
    let child = CountingAllocator::new(TestAllocator::new());
    let mut pool = Pool::<u64, _>::new_in(&child);
    for round in 0..5 {
        let items: Vec<_> = (0..1000).map(|n| pool.create(n).unwrap()).collect();
        for item in items.into_iter().step_by(3) {
            // SAFETY: a live item, not used again.
            unsafe { pool.destroy(item) };
        }
        let calls = child.calls();
        assert!(pool.reset(ResetMode::RetainCapacity));
        assert_eq!(child.calls(), calls);
        assert!(round == 0 || calls.alloc < 8, "{calls:?}");
    }
}

#[test]
fn a_refused_smaller_slab_is_reported_and_the_pool_works() {
    let child = FailingAllocator::new(TestAllocator::new(), Failures::Never);
    let mut pool = Pool::<u64, _>::new_in(&child);
    pool.preheat(1000).unwrap();
    child.set_failures(Failures::From(0));
    assert!(!pool.reset(ResetMode::RetainWithLimit(80)));
    assert!(pool.create(1).is_err());
    child.set_failures(Failures::Never);
    assert!(pool.create(1).is_ok());
}

/// D-MP-07: a reset and the pool's own drop do not run `Drop`; `clear` does.
#[test]
fn resets_forget_values_and_clear_drops_them() {
    let drops = Drops::default();
    let mut pool = Pool::new();
    for _ in 0..10 {
        pool.create(drops.one()).unwrap();
    }
    pool.reset(ResetMode::RetainCapacity);
    assert_eq!(drops.count(), 0);
    for _ in 0..10 {
        pool.create(drops.one()).unwrap();
    }
    pool.clear();
    assert_eq!((drops.count(), pool.live()), (10, 0));
    pool.clear();
    pool.create(drops.one()).unwrap();
    drop(pool);
    assert_eq!(drops.count(), 10);
}

/// Panics when it is dropped, if it says so.
struct Explodes(bool, #[expect(dead_code, reason = "it is dropped")] crate::support::CountsDrop);

impl Drop for Explodes {
    fn drop(&mut self) {
        assert!(!self.0, "as it was told");
    }
}

#[test]
fn a_panic_while_clearing_leaves_an_empty_pool() {
    let drops = Drops::default();
    let mut pool = Pool::new();
    for nth in 0..10 {
        pool.create(Explodes(nth == 4, drops.one())).unwrap();
    }
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.clear())).unwrap_err();
    assert!((1..10).contains(&drops.count()));
    assert_eq!(pool.live(), 0);
    assert!(pool.create(Explodes(false, drops.one())).is_ok());
}

#[test]
fn shared_pools_are_reset_with_what_lanes_have() {
    for mode in MODES {
        let child = TestAllocator::new();
        let mut pool: SyncPool<u64, _> = SyncPool::with_options_in(PoolOptions::new(), &child);
        for _ in 0..3 {
            let items: Vec<_> = (0..200).map(|n| pool.create(n).unwrap()).collect();
            let mut addresses: Vec<_> = items.iter().map(|item| item.addr().get()).collect();
            addresses.sort_unstable();
            addresses.dedup();
            assert_eq!(addresses.len(), 200);
            // SAFETY: a live item, not used again.
            items[..77].iter().for_each(|&item| unsafe { pool.destroy(item) });
            assert_eq!(pool.live(), 123);
            assert!(pool.reset(mode));
            assert_eq!(pool.live(), 0);
        }
    }
}

#[test]
fn a_raw_pool_that_was_never_used_can_be_reset_and_dropped() {
    for mode in MODES {
        assert!(RawPool::new(layout(10, 1)).reset(mode));
    }
}
