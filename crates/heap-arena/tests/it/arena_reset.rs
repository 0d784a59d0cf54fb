//! `Arena::reset` in its three modes, `alloc_drop`, and what happens when things fail.

use std::sync::{Arc, Mutex};

use heap_arena::{Arena, ResetMode};
use heap_core::Allocator;
use heap_test::Rng;

use crate::support::{Meter, at, layout};

fn fill(arena: &Arena<impl Allocator>, bytes: usize) {
    for _ in 0..bytes / 100 {
        arena.alloc(layout(100, 4)).unwrap();
    }
}

/// U-AR-02
#[test]
fn rounds_of_random_blocks_reset_with_the_capacity_kept() {
    let mut rng = Rng::new(3);
    let mut arena = Arena::new_in(Meter::default());
    for _ in 0..25 {
        assert!(arena.reset(ResetMode::RetainCapacity));
        let mut left = 256 + rng.below(16384 - 256);
        while left > 0 {
            let size = (16 + rng.below(256 - 16)).min(left);
            let block = arena.alloc(layout(size, 32)).unwrap();
            assert_eq!((block.len(), at(block) % 32), (size, 0));
            // SAFETY: ours.
            unsafe { block.cast::<u8>().write_bytes(0xEE, size) };
            left -= size;
        }
    }
    arena.reset(ResetMode::FreeAll);
    assert_eq!(arena.child().live_blocks(), 0);
}

/// U-AR-03
#[test]
fn a_limit_of_one_or_two_bytes_is_kept_to_the_byte() {
    for limit in [1, 2] {
        let mut arena = Arena::new_in(Meter::default());
        arena.alloc(layout(1000, 1)).unwrap();
        arena.alloc(layout(1000, 1)).unwrap();
        assert_eq!(arena.chunks(), 2);
        assert!(arena.reset(ResetMode::RetainWithLimit(limit)));
        assert_eq!((arena.chunks(), arena.capacity()), (1, limit));
        assert!(arena.alloc(layout(limit, 1)).is_ok());
        assert_eq!(arena.chunks(), 1);
    }
}

/// D-AR-05
#[test]
fn retained_capacity_becomes_one_chunk_and_then_costs_no_call() {
    let mut arena = Arena::new_in(Meter::default());
    fill(&arena, 100_000);
    let capacity = arena.capacity();
    assert!(arena.chunks() > 5);
    assert!(arena.reset(ResetMode::RetainCapacity));
    assert_eq!((arena.chunks(), arena.capacity(), arena.used()), (1, capacity, 0));
    assert_eq!(arena.held(), arena.child().live_bytes());
    let calls = arena.child().calls.get();
    for _ in 0..10 {
        fill(&arena, 100_000);
        assert!(arena.reset(ResetMode::RetainCapacity));
    }
    assert_eq!(arena.child().calls.get(), calls);
}

/// D-AR-06
#[test]
fn a_limit_keeps_the_smaller_of_itself_and_the_capacity() {
    for limit in [0, 1, 100, 512 - 16, 4096, 50_000, 1 << 20] {
        for meter in [Meter::default(), Meter::in_place(), Meter::pages()] {
            let mut arena = Arena::new_in(meter);
            fill(&arena, 20_000);
            let before = arena.capacity();
            assert!(arena.reset(ResetMode::RetainWithLimit(limit)));
            assert_eq!(arena.capacity(), before.min(limit));
            assert_eq!(arena.chunks(), usize::from(limit != 0));
            fill(&arena, 20_000);
        }
    }
}

/// D-AR-07
#[test]
fn free_all_gives_everything_back() {
    let mut arena = Arena::new_in(Meter::default());
    fill(&arena, 20_000);
    arena.child().allow(0);
    assert!(arena.reset(ResetMode::FreeAll));
    assert_eq!((arena.capacity(), arena.held(), arena.child().live_blocks()), (0, 0, 0));
    arena.child().allow_all();
    fill(&arena, 20_000);
}

/// D-AR-08
#[test]
fn a_reset_that_gets_no_memory_keeps_the_largest_chunk() {
    let mut arena = Arena::new_in(Meter::default());
    fill(&arena, 20_000);
    let largest = arena.child().sizes().into_iter().max().unwrap();
    arena.child().allow(0);
    // The budget is what was live before the reset: enough for the new chunk only once the old one is gone.
    assert!(!arena.reset(ResetMode::RetainCapacity));
    assert_eq!((arena.chunks(), arena.capacity()), (1, largest - 16));
    assert_eq!(arena.child().sizes(), [largest]);
    let calls = arena.child().calls.get().alloc;
    fill(&arena, largest - 200);
    assert_eq!(arena.child().calls.get().alloc, calls);
    drop(arena);
}

/// D-AR-09
#[test]
fn an_arena_that_was_never_used_can_be_reset_and_dropped() {
    for mode in [ResetMode::FreeAll, ResetMode::RetainCapacity, ResetMode::RetainWithLimit(100)] {
        let mut arena = Arena::new_in(Meter::default());
        assert!(arena.reset(mode));
        assert_eq!((arena.capacity(), arena.used(), arena.high_water()), (0, 0, 0));
        assert_eq!(arena.child().calls.get().alloc, 0);
    }
}

#[test]
fn the_high_water_mark_survives_frees_and_resets() {
    let mut arena = Arena::new();
    let block = arena.alloc(layout(3000, 1)).unwrap();
    // SAFETY: live, with its layout.
    unsafe { arena.free(block.cast(), layout(3000, 1)) };
    arena.alloc(layout(500, 1)).unwrap();
    assert_eq!((arena.used(), arena.high_water()), (500, 3000));
    arena.reset(ResetMode::RetainCapacity);
    let block = arena.alloc(layout(2500, 1)).unwrap();
    // SAFETY: live, with its layout.
    assert!(unsafe { arena.resize(block.cast(), layout(2500, 1), 10) });
    assert_eq!((arena.used(), arena.high_water()), (10, 3000));
    arena.alloc(layout(4000, 1)).unwrap();
    assert_eq!(arena.high_water(), 4010);
}

/// Notes its number when dropped, and panics if that is asked for.
struct Noted(u32, Arc<Mutex<Vec<u32>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0);
        assert!(self.0 < 100, "as asked");
    }
}

#[test]
fn values_that_need_it_are_dropped_at_reset_in_reverse_order() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut arena = Arena::new();
    for n in 0..3 {
        assert_eq!(arena.alloc_drop(Noted(n, log.clone())).unwrap().0, n);
        arena.alloc_drop(n).unwrap();
    }
    arena.reset(ResetMode::RetainCapacity);
    assert_eq!(*log.lock().unwrap(), [2, 1, 0]);
    arena.alloc_drop(Noted(7, log.clone())).unwrap();
    let (state, child) = arena.into_state();
    assert_eq!(log.lock().unwrap().len(), 3);
    // SAFETY: the child that it came from.
    drop(unsafe { Arena::promote(state, child) });
    assert_eq!(*log.lock().unwrap(), [2, 1, 0, 7]);
}

#[test]
fn a_destructor_that_panics_keeps_neither_the_others_nor_the_chunks() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let meter = Arc::new(Mutex::new(Meter::default()));
    let guard = meter.lock().unwrap();
    for by_drop in [true, false] {
        let mut arena = Arena::new_in(&*guard);
        for n in [1, 100, 3] {
            arena.alloc_drop(Noted(n, log.clone())).map_err(drop).unwrap();
        }
        let log_of = || std::mem::take(&mut *log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            if by_drop {
                drop(arena);
            } else {
                arena.reset(ResetMode::FreeAll);
            }
        }));
        assert!(panicked.is_err());
        assert_eq!(log_of(), [3, 100, 1]);
        assert_eq!(guard.live_blocks(), 0, "dropped, or left to the arena and then dropped");
    }
}
