//! Marks, rewinds and scopes of what threads share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use heap_arena::{ResetMode, SyncArena, SyncFixedBuffer, SyncRewind, SyncScope, TypedAlloc};
use heap_core::{AllocError, Allocator, Global, Owns};
use heap_test::Rng;

use crate::support::{Meter, SharedMeter, assert_disjoint, at, buffer, layout, together};

/// Allocates from all threads at once, large blocks too; no byte is anybody else's. Returns the blocks.
fn crowd(scope: &(impl Allocator + Sync)) -> Vec<(usize, usize)> {
    let blocks = together(|nth| {
        let mut rng = Rng::new(nth as u64);
        let take = |_| {
            let size = if rng.below(20) == 0 { 6000 } else { 1 + rng.below(200) };
            let block = scope.alloc(layout(size, 1 << rng.below(5))).unwrap();
            // SAFETY: ours alone.
            unsafe { block.cast::<u8>().write_bytes(nth as u8, size) };
            (block, nth as u8)
        };
        let blocks: Vec<_> = (0..60).map(take).collect();
        let whole = |&(block, stamp): &(std::ptr::NonNull<[u8]>, u8)| {
            // SAFETY: live, and written above.
            unsafe { block.as_ref() }.iter().all(|&byte| byte == stamp)
        };
        assert!(blocks.iter().all(whole));
        blocks.into_iter().map(|(block, _)| (at(block), block.len())).collect::<Vec<_>>()
    });
    let blocks: Vec<_> = blocks.into_iter().flatten().collect();
    assert_disjoint(blocks.clone());
    blocks
}

#[test]
fn what_threads_allocate_in_a_scope_is_gone_after_it() {
    fn check<const N: usize>() {
        let meter = SharedMeter::default();
        let mut arena = SyncArena::<_, N>::new_in(&meter);
        let kept = arena.alloc(layout(100, 4)).unwrap();
        // SAFETY: ours.
        unsafe { kept.cast::<u8>().write_bytes(0x11, 100) };
        let used = arena.used();
        for _ in 0..4 {
            arena.scoped(|scope| {
                let blocks = crowd(&scope);
                assert!(
                    blocks.iter().all(|(block, len)| block + len <= at(kept) || *block >= at(kept) + 100)
                );
            });
            assert_eq!(arena.used(), used);
            assert_eq!(arena.held(), meter.0.lock().unwrap().live_bytes());
            assert!(arena.high_water() > 8 * 60 * 50, "{}", arena.high_water());
        }
        // SAFETY: made before the scopes, and written then.
        assert!(unsafe { kept.as_ref() }.iter().all(|&byte| byte == 0x11));
        drop(arena);
        assert_eq!(meter.0.lock().unwrap().live_blocks(), 0);
    }
    check::<0>();
    check::<2>();
    check::<16>();
}

#[test]
fn a_rewind_gives_each_lane_back_what_it_had() {
    let mut arena = SyncArena::new();
    let before = arena.alloc(layout(24, 8)).unwrap();
    let mark = arena.mark();
    let first = arena.alloc(layout(24, 8)).unwrap();
    assert_eq!(at(first), at(before) + 24, "the rest of the lane's piece");
    for _ in 0..1000 {
        arena.alloc(layout(100, 8)).unwrap();
    }
    assert!(arena.chunks() > 2);
    // SAFETY: nothing made since the mark is used.
    unsafe { arena.rewind(mark) };
    assert_eq!(at(arena.alloc(layout(24, 8)).unwrap()), at(first));
    // SAFETY: nothing made since the mark is used. (It is still a mark: nothing earlier was rewound to.)
    unsafe { arena.rewind(mark) };
    assert_eq!(at(arena.alloc(layout(24, 8)).unwrap()), at(first));
}

/// A lane that another thread began after the mark has nothing left after the rewind.
#[test]
fn a_lane_that_came_after_the_mark_begins_anew() {
    let mut arena = SyncArena::new();
    arena.alloc(layout(8, 8)).unwrap();
    let mark = arena.mark();
    for _ in 0..3 {
        let taken: Vec<_> = together(|_| at(arena.alloc(layout(64, 8)).unwrap()));
        assert_disjoint(taken.iter().map(|&block| (block, 64)).collect());
        // SAFETY: nothing made since the mark is used.
        unsafe { arena.rewind(mark) };
        let again: Vec<_> = together(|_| at(arena.alloc(layout(64, 8)).unwrap()));
        assert_disjoint(again.iter().map(|&block| (block, 64)).collect());
        // SAFETY: as above.
        unsafe { arena.rewind(mark) };
    }
}

#[test]
fn a_rewind_to_the_very_start_keeps_the_largest_chunk() {
    let mut arena = SyncArena::<_, 0>::new_in(Meter::default());
    let mark = arena.mark();
    for round in 0..4 {
        arena.alloc(layout(100, 8)).unwrap();
        arena.alloc(layout(5000, 8)).unwrap();
        // SAFETY: nothing made since the mark is used.
        unsafe { arena.rewind(mark) };
        assert_eq!((arena.used(), arena.chunks()), (0, 1));
        assert_eq!(arena.held(), arena.child().live_bytes());
        assert_eq!(
            arena.child().calls.get().alloc,
            if round == 0 { 2 } else { 3 },
            "both fit the third chunk"
        );
    }
}

#[test]
fn scopes_across_a_chunk_border_settle_without_child_calls() {
    let mut arena = SyncArena::<_, 0>::new_in(Meter::default());
    arena.alloc(layout(300, 1)).unwrap();
    let header = arena.held() - arena.capacity();
    let mut round = |sizes: &[usize]| {
        arena.scoped(|scope| sizes.iter().for_each(|&size| assert!(scope.alloc(layout(size, 1)).is_ok())));
        assert_eq!(arena.used(), 300);
        arena.child().calls.get().alloc
    };
    for _ in 0..4 {
        round(&[100, 400, 3000, 10, 5000]);
    }
    let calls = round(&[100, 400, 3000, 10, 5000]);
    for _ in 0..10 {
        assert_eq!(round(&[100, 400, 3000, 10, 5000]), calls);
    }
    assert!(arena.chunks() <= 2);
    assert_eq!((arena.held(), arena.capacity()), (arena.child().live_bytes(), arena.held() - 2 * header));
}

#[test]
fn a_spare_that_does_not_fit_gives_way_when_memory_is_short() {
    let mut arena = SyncArena::<_, 0>::new_in(Meter::default());
    arena.set_limit(Some(4096));
    arena.alloc(layout(100, 1)).unwrap();
    let header = 512 - arena.capacity();
    let mark = arena.mark();
    arena.alloc(layout(2000, 1)).unwrap();
    // SAFETY: nothing made since the mark is used.
    unsafe { arena.rewind(mark) };
    assert_eq!((arena.child().sizes(), arena.chunks()), (vec![512, 2000 + header], 2));
    arena.alloc(layout(3000, 1)).unwrap();
    assert_eq!(arena.child().sizes(), [512, 3000 + header]);
    assert!(arena.alloc(layout(2000, 1)).is_err());
    assert_eq!(arena.held(), arena.child().live_bytes());
}

#[test]
fn a_reset_takes_the_spare_in() {
    for mode in [ResetMode::RetainCapacity, ResetMode::FreeAll] {
        let mut arena = SyncArena::<_, 0>::new_in(Meter::default());
        arena.alloc(layout(100, 1)).unwrap();
        let first = arena.capacity();
        arena.scoped(|scope| assert!(scope.alloc(layout(2000, 1)).is_ok()));
        let capacity = arena.capacity();
        assert_eq!((arena.chunks(), capacity), (2, first + 2000));
        assert!(arena.reset(mode));
        let kept = if mode == ResetMode::FreeAll { 0 } else { capacity };
        assert_eq!((arena.capacity(), arena.held()), (kept, arena.child().live_bytes()));
    }
}

#[test]
fn a_scope_leaves_its_thread_a_piece_and_the_next_takes_none() {
    let mut arena = SyncArena::<Global, 256>::default();
    // As another thread sees it, which counts the pieces of this one's lane.
    let taken = |arena: &SyncArena<Global, 256>| {
        std::thread::scope(|threads| threads.spawn(|| arena.used()).join().unwrap())
    };
    let mut places = Vec::new();
    for round in 0..4 {
        let mark = arena.mark();
        let before = taken(&arena);
        let blocks: Vec<_> = (0..10).map(|_| at(arena.alloc(layout(24, 8)).unwrap())).collect();
        assert_eq!(taken(&arena) == before, round != 0, "only the first takes a piece");
        assert_eq!(arena.used(), 240);
        places.push(blocks);
        // SAFETY: nothing made since the mark is used.
        unsafe { arena.rewind(mark) };
        assert_eq!(arena.used(), 0);
    }
    assert!(places.iter().all(|blocks| *blocks == places[0]));
}

#[test]
fn nested_scopes_return_one_by_one_and_outer_values_stay() {
    let mut arena = SyncArena::new();
    let total = arena.scoped(|mut one| {
        let kept = one.alloc_iter(0..100u64)?;
        let used = AtomicUsize::new(0);
        for _ in 0..3 {
            one.scoped(|mut two| {
                crowd(&two);
                let middle = two.alloc_slice_copy(&[2u64; 100])?;
                two.scoped(|three| crowd(&three));
                assert!(middle.iter().all(|&n| n == 2));
                used.fetch_add(middle.len(), Ordering::Relaxed);
                Ok::<_, AllocError>(())
            })?;
        }
        assert!(kept.iter().copied().eq(0..100));
        Ok::<_, AllocError>(used.into_inner())
    });
    assert_eq!((total, arena.used()), (Ok(300), 0));
}

/// Notes its number when dropped, and panics if that is asked for.
struct Noted<'a>(usize, &'a Mutex<Vec<usize>>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.1.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(self.0);
        assert!(self.0 < 1000, "as asked");
    }
}

#[test]
fn a_scope_drops_the_values_of_all_threads_once_before_the_outer_ones() {
    let log = Mutex::new(Vec::new());
    let mut arena = SyncArena::new();
    arena.scoped(|mut outer| {
        outer.alloc_drop(Noted(900, &log)).map_err(drop).unwrap();
        outer.scoped(|inner| {
            together(|nth| {
                for n in 0..10 {
                    inner.alloc_drop(Noted(nth * 10 + n, &log)).map_err(drop).unwrap();
                }
            });
            assert!(log.lock().unwrap().is_empty());
        });
        assert_eq!(log.lock().unwrap().len(), 80);
        outer.alloc_drop(Noted(901, &log)).map_err(drop).unwrap();
    });
    let mut dropped = log.into_inner().unwrap();
    assert_eq!(dropped.split_off(80), [901, 900]);
    for nth in 0..8 {
        let own = dropped.iter().filter(|&&n| n / 10 == nth).map(|n| n % 10);
        assert!(own.eq((0..10).rev()), "each thread's own, the latest first");
    }
    dropped.sort_unstable();
    assert!(dropped.into_iter().eq(0..80));
}

#[test]
fn a_rewind_drops_what_was_registered_since_the_mark() {
    let one = std::sync::Arc::new(());
    let mut arena = SyncArena::new();
    arena.alloc_drop(one.clone()).unwrap();
    let mark = arena.mark();
    together(|_| assert!(arena.alloc_drop(one.clone()).is_ok()));
    assert_eq!(std::sync::Arc::strong_count(&one), 10);
    // SAFETY: nothing made since the mark is used.
    unsafe { arena.rewind(mark) };
    assert_eq!(std::sync::Arc::strong_count(&one), 2);
    drop(arena);
    assert_eq!(std::sync::Arc::strong_count(&one), 1);
}

#[test]
fn a_scope_with_a_destructor_that_panics_drops_the_others_and_rewinds() {
    let log = Mutex::new(Vec::new());
    let mut arena = SyncArena::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        arena.scoped(|scope| {
            for n in [1, 1000, 3] {
                scope.alloc_drop(Noted(n, &log)).map_err(drop).unwrap();
            }
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(
        (arena.used(), log.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())),
        (0, vec![3, 1000, 1])
    );
}

#[test]
fn a_leaked_guard_drops_nothing_and_the_arena_lives_on() {
    let mut arena = SyncArena::new();
    {
        let log = Mutex::new(Vec::new());
        let mut guard = arena.scope();
        guard.enter().alloc_drop(Noted(1000, &log)).map_err(drop).unwrap();
        std::mem::forget(guard);
    }
    assert!(arena.used() > 0);
    arena.scoped(|scope| drop(crowd(&scope)));
    arena.reset(ResetMode::FreeAll);
    assert_eq!(arena.used(), 0);
}

/// The scope is made on one thread and ended on another.
#[test]
fn a_guard_can_end_on_another_thread() {
    let log = Mutex::new(Vec::new());
    let mut arena = SyncArena::new();
    let mut guard = arena.scope();
    guard.enter().alloc_drop(Noted(1, &log)).map_err(drop).unwrap();
    std::thread::scope(|threads| drop(threads.spawn(move || drop(guard))));
    assert_eq!((arena.used(), log.into_inner().unwrap()), (0, vec![1]));
}

#[test]
fn collections_of_threads_live_in_a_scope() {
    let mut arena = SyncArena::new();
    arena.scoped(|scope| {
        let sums = together(|nth| {
            let mut list = allocator_api2_02::vec::Vec::new_in(&scope);
            list.extend(0..1000 + nth);
            list.iter().sum::<usize>()
        });
        assert!(sums.iter().enumerate().all(|(nth, &sum)| sum == (0..1000 + nth).sum()));
    });
    assert_eq!(arena.used(), 0);
}

#[test]
fn the_high_water_mark_survives_frees_rewinds_and_resets() {
    let mut arena = SyncArena::<Global, 0>::default();
    let block = arena.alloc(layout(3000, 1)).unwrap();
    assert!(arena.is_last(block));
    // SAFETY: live, with its layout.
    unsafe { arena.free(block.cast(), layout(3000, 1)) };
    let small = arena.alloc(layout(500, 1)).unwrap();
    assert!(arena.is_last(small) && !arena.is_last(block));
    assert_eq!((arena.used(), arena.high_water()), (500, 3000));
    arena.scoped(|scope| assert!(scope.alloc(layout(4000, 1)).is_ok()));
    assert_eq!((arena.used(), arena.high_water()), (500, 4500));
    arena.reset(ResetMode::RetainCapacity);
    let block = arena.alloc(layout(4600, 1)).unwrap();
    // SAFETY: live, with its layout.
    assert!(unsafe { arena.resize(block.cast(), layout(4600, 1), 10) });
    assert_eq!((arena.used(), arena.high_water()), (10, 4600));
    let (state, child) = arena.into_state();
    // SAFETY: the child that it came from.
    let arena = unsafe { SyncArena::promote(state, child) };
    assert_eq!((arena.used(), arena.high_water()), (10, 4600));
}

/// D-AR-12, for the shared arena.
#[test]
fn a_state_can_be_stored_and_promoted_again() {
    let meter = SharedMeter::default();
    let arena = SyncArena::<_>::new_in(&meter);
    let block = arena.alloc(layout(1000, 8)).unwrap();
    let (state, _) = arena.into_state();
    assert_eq!(meter.0.lock().unwrap().live_blocks(), 1);
    // SAFETY: the child that it came from.
    let arena = unsafe { SyncArena::promote(state, &meter) };
    assert!(arena.owns(block.cast()) && arena.is_last(block));
    together(|_| assert!(arena.alloc(layout(100, 8)).is_ok()));
    drop(arena);
    assert_eq!(meter.0.lock().unwrap().live_blocks(), 0);
}

#[test]
fn a_shared_buffer_has_scopes_too() {
    let mut buffer = SyncFixedBuffer::new(buffer(1 << 20));
    let kept = buffer.alloc(layout(64, 1)).unwrap();
    for _ in 0..3 {
        buffer.scoped(|mut scope| {
            crowd(&scope);
            scope.scoped(|inner| drop(crowd(&inner)));
        });
        assert_eq!((buffer.used(), buffer.remaining()), (64, (1 << 20) - 64));
        assert!(buffer.is_last(kept));
    }
}

/// What a scope hands to threads is an allocator that may be shared and sent.
#[test]
fn scopes_may_be_shared_between_threads() {
    fn shared<T: Sync + Send>(_: &T) {}
    fn check<B: SyncRewind + Sync>(scope: &SyncScope<'_, '_, B>) {
        shared(scope);
    }
    let mut arena = SyncArena::new();
    shared(&arena.mark());
    arena.scoped(|scope| check(&scope));
}
