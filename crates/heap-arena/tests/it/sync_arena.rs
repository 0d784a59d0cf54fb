//! `SyncArena`: the same as `Arena`, from several threads, with lanes and without.

use std::sync::{Arc, Mutex};

use heap_arena::{Arena, ResetMode, SyncArena, SyncFixedBuffer, TypedAlloc};
use heap_core::{Allocator, Global};
use heap_os::PageAllocator;
use heap_test::Rng;

use crate::support::{Meter, SharedMeter, THREADS, assert_disjoint, at, buffer, layout, together};

heap_test::conformance!(sync_arena, SyncArena::new; sync, owns, reset, usage);
heap_test::conformance!(sync_arena_without_lanes, SyncArena::<Global, 0>::default; sync, owns, reset, usage);
heap_test::conformance!(sync_arena_with_two_lanes, SyncArena::<Global, 2>::default; sync, owns, reset, usage);
heap_test::conformance!(
    sync_arena_in_place,
    || SyncArena::<_>::new_in(SyncFixedBuffer::new(buffer(4 << 20))),
    heap_test::Limits::DEFAULT.total(1 << 20); sync, owns, reset, usage
);
heap_test::conformance!(
    sync_arena_over_pages, || SyncArena::<_>::new_in(PageAllocator); sync, owns, reset, usage
);

/// U-AR-01, for the shared arena.
#[test]
fn a_shared_arena_over_pages_passes_the_four_batteries() {
    let arena = SyncArena::<_>::new_in(PageAllocator);
    heap_test::test_allocator(&arena);
    heap_test::test_allocator_aligned(&arena);
    heap_test::test_allocator_large_alignment(&arena);
    heap_test::test_allocator_aligned_shrink(&arena);
}

/// Allocates on all threads until each has `bytes`; checks that nobody's content changes.
fn churn<A: Allocator + Sync, const N: usize>(arena: &SyncArena<A, N>, bytes: usize) {
    let blocks = together(|nth| {
        let (mut rng, mut blocks, mut left) = (Rng::new(nth as u64), Vec::new(), bytes);
        while left > 0 {
            let most = if rng.below(50) == 0 { 9000 } else { 120 };
            let size = (1 + rng.below(most)).min(left);
            let block = arena.alloc(layout(size, 1 << rng.below(6))).unwrap();
            // SAFETY: ours alone.
            unsafe { block.cast::<u8>().write_bytes(nth as u8, size) };
            left -= size;
            if rng.below(4) == 0 {
                // SAFETY: live, with some alignment that it has.
                unsafe { arena.free(block.cast(), layout(size, 1)) };
            } else {
                blocks.push((at(block), block.len(), nth as u8));
            }
        }
        blocks
    });
    for &(addr, len, stamp) in blocks.iter().flatten() {
        let first = std::ptr::with_exposed_provenance::<u8>(addr);
        // SAFETY: a live block of `len` initialised bytes, whose threads have ended.
        assert!(unsafe { std::slice::from_raw_parts(first, len) }.iter().all(|&byte| byte == stamp));
    }
    assert_disjoint(blocks.iter().flatten().map(|&(addr, len, _)| (addr, len)).collect());
}

/// D-AR-15
#[test]
fn threads_share_no_byte_and_the_child_gets_everything_back() {
    let meter = SharedMeter::default();
    {
        let mut arena = SyncArena::<_>::new_in(&meter);
        for round in 0..5 {
            churn(&arena, 60_000);
            assert!(arena.used() >= THREADS * 60_000 / 2);
            assert_eq!(arena.held(), meter.0.lock().unwrap().live_bytes());
            assert!(arena.reset([ResetMode::RetainCapacity, ResetMode::FreeAll][round % 2]));
        }
    }
    assert_eq!(meter.0.lock().unwrap().live_blocks(), 0);
}

/// D-AR-15, and D-AR-13: chunks that grow under the threads.
#[test]
fn threads_share_no_byte_while_chunks_grow_in_place() {
    let meter = SharedMeter::over(Meter::in_place());
    let arena = SyncArena::<_, 0>::new_in(&meter);
    churn(&arena, 5_000);
    assert!(meter.0.lock().unwrap().calls.get().resize > 0);
    assert_eq!(arena.held(), meter.0.lock().unwrap().live_bytes());
    drop(arena);
    assert_eq!(meter.0.lock().unwrap().live_blocks(), 0);
}

/// D-AR-10: a big request that fails leaves the rest of the chunk to small ones (W-15).
#[test]
fn after_a_failed_big_request_small_ones_still_succeed() {
    let arena = SyncArena::<_, 0>::new_in(Meter::default());
    let first = arena.alloc(layout(100, 1)).unwrap();
    arena.child().allow(0);
    let used = arena.used();
    for _ in 0..10 {
        assert!(arena.alloc(layout(600, 1)).is_err());
        assert!(arena.alloc(layout(isize::MAX as usize, 1)).is_err());
    }
    assert_eq!(arena.used(), used);
    let room = arena.capacity() - used;
    assert_eq!(at(arena.alloc(layout(room, 1)).unwrap()), at(first) + 100);
    assert!(arena.alloc(layout(1, 1)).is_err());
}

/// D-AR-10, through a lane.
#[test]
fn after_a_failed_big_request_a_lane_and_the_chunk_serve_small_ones() {
    let arena = SyncArena::<_>::new_in(Meter::default());
    arena.alloc(layout(104, 8)).unwrap();
    arena.child().allow(0);
    for size in [1000, 5000, isize::MAX as usize / 8] {
        assert!(arena.alloc(layout(size, 8)).is_err());
    }
    let small = std::iter::repeat_with(|| arena.alloc(layout(8, 8))).take_while(Result::is_ok).count();
    assert!(104 + small * 8 + 16 > arena.capacity(), "{small} in {arena:?}");
}

/// D-AR-11
#[test]
fn absurd_requests_leave_everything_as_it_was() {
    let arena = SyncArena::<_>::new_in(Meter::default());
    let block = arena.alloc(layout(16, 16)).unwrap();
    let (used, held) = (arena.used(), arena.held());
    for log2 in 0..usize::BITS - 1 {
        let align = 1usize << log2;
        let most = isize::MAX as usize - (align - 1);
        for size in [most, most - 1, most / 2 + 1].into_iter().filter(|&size| size > 0) {
            if size as u64 > 1 << 40 || align as u64 > 1 << 40 {
                assert!(arena.alloc(layout(size, align)).is_err(), "{size} at {align}");
            }
        }
    }
    // SAFETY: the block is live with this layout.
    unsafe {
        for size in [isize::MAX as usize, isize::MAX as usize - 15, usize::MAX, usize::MAX - 16] {
            assert!(!arena.resize(block.cast(), layout(16, 16), size));
        }
    }
    assert_eq!((arena.used(), arena.held(), arena.chunks()), (used, held, 1));
}

/// D-AR-01, D-AR-02, D-AR-03, with a lane and without.
#[test]
fn the_newest_block_grows_shrinks_and_comes_back() {
    fn check<const N: usize>() {
        let arena = SyncArena::<Global, N>::default();
        let old = arena.alloc(layout(16, 8)).unwrap();
        let new = arena.alloc(layout(16, 8)).unwrap();
        // SAFETY: both are live, with the layouts that the calls agreed to.
        unsafe {
            assert!(arena.resize(new.cast(), layout(16, 8), 64));
            assert!(arena.resize(new.cast(), layout(64, 8), 8));
            let next = arena.alloc(layout(8, 8)).unwrap();
            assert_eq!(at(next), at(new) + 8);
            assert!(!arena.resize(old.cast(), layout(16, 8), 17));
            assert!(arena.resize(old.cast(), layout(16, 8), 8));
            arena.free(next.cast(), layout(8, 8));
            arena.free(new.cast(), layout(8, 8));
            assert_eq!(at(arena.alloc(layout(100, 8)).unwrap()), at(new));
        }
    }
    check::<0>();
    check::<16>();
}

#[test]
fn a_block_that_outgrows_its_lane_stays_in_place_while_the_chunk_has_room() {
    let arena = SyncArena::<_>::with_capacity_in(1 << 20, Meter::default()).unwrap();
    let block = arena.alloc(layout(8, 8)).unwrap();
    let mut size = 8;
    // SAFETY: live, with the layouts that the calls agreed to.
    unsafe {
        while size < 500_000 {
            assert!(arena.resize(block.cast(), layout(size, 8), size * 2));
            size *= 2;
        }
        block.cast::<u8>().write_bytes(1, size);
        let next = at(arena.alloc(layout(8, 8)).unwrap());
        assert!(next >= at(block) + size, "what follows is behind it");
        assert!(!arena.resize(block.cast(), layout(size, 8), size + 1));
    }
    assert_eq!((arena.chunks(), arena.child().calls.get().alloc), (1, 1));
}

/// D-AR-05, D-AR-06, D-AR-07, D-AR-09
#[test]
fn resets_keep_what_their_mode_says() {
    let mut arena = SyncArena::<_>::new_in(Meter::default());
    assert!(arena.reset(ResetMode::RetainCapacity));
    let fill = |arena: &SyncArena<Meter>| (0..300).for_each(|_| assert!(arena.alloc(layout(100, 4)).is_ok()));
    fill(&arena);
    let before = arena.capacity();
    assert!(arena.chunks() > 3 && arena.reset(ResetMode::RetainCapacity));
    assert_eq!((arena.chunks(), arena.capacity(), arena.used()), (1, before, 0));
    let calls = arena.child().calls.get();
    for _ in 0..5 {
        fill(&arena);
        assert!(arena.reset(ResetMode::RetainCapacity));
    }
    assert_eq!(arena.child().calls.get(), calls, "it has converged");
    for limit in [20_000, 1, 0] {
        fill(&arena);
        assert!(arena.reset(ResetMode::RetainWithLimit(limit)));
        assert_eq!((arena.capacity(), arena.held() > 0), (limit, limit > 0));
        assert_eq!(arena.held(), arena.child().live_bytes());
    }
    fill(&arena);
    arena.child().allow(0);
    let largest = arena.child().sizes().into_iter().max().unwrap();
    assert!(!arena.reset(ResetMode::RetainCapacity), "D-AR-08");
    assert_eq!(arena.child().sizes(), [largest]);
    assert!(arena.alloc(layout(largest / 2, 1)).is_ok());
    assert!(arena.reset(ResetMode::FreeAll));
    assert_eq!((arena.capacity(), arena.child().live_blocks()), (0, 0));
}

/// W-14: what the child gives beyond the request is used; the limit is exact all the same.
#[test]
fn all_that_the_child_gives_is_used_within_the_limit() {
    let arena = SyncArena::<_>::new_in(Meter::pages());
    (0..30).for_each(|_| assert!(arena.alloc(layout(100, 1)).is_ok()));
    assert_eq!((arena.child().sizes(), arena.held()), (vec![4096], 4096));
    let arena = SyncArena::<_, 0>::new_in(Meter::pages());
    arena.set_limit(Some(10_000));
    while arena.alloc(layout(10, 1)).is_ok() {}
    assert!(arena.held() == 10_000 && arena.used() > 9_800, "{arena:?}");
}

#[test]
fn the_limit_is_exact_under_threads() {
    let arena = SyncArena::new();
    arena.set_limit(Some(100_000));
    let taken: usize = together(|_| {
        let mut taken = 0;
        while arena.alloc(layout(48, 8)).is_ok() {
            taken += 48;
            assert!(arena.held() <= 100_000);
        }
        taken
    })
    .into_iter()
    .sum();
    assert!(taken <= 100_000 && taken > 50_000, "{taken}");
}

#[test]
fn registered_values_are_dropped_once_in_reverse_order() {
    struct Noted(usize, Arc<Mutex<Vec<usize>>>);
    impl Drop for Noted {
        fn drop(&mut self) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut arena = SyncArena::new();
    together(|nth| {
        for i in 0..50 {
            arena.alloc_drop(Noted(nth * 100 + i, log.clone())).map_err(drop).unwrap();
        }
    });
    arena.reset(ResetMode::RetainCapacity);
    let dropped = std::mem::take(&mut *log.lock().unwrap());
    assert_eq!(dropped.len(), THREADS * 50);
    for nth in 0..THREADS {
        let own: Vec<_> = dropped.iter().filter(|&&n| n / 100 == nth).map(|n| n % 100).collect();
        assert!(own.iter().copied().eq((0..50).rev()), "thread {nth}: {own:?}");
    }
    arena.alloc_drop(Noted(7, log.clone())).map_err(drop).unwrap();
    drop(arena);
    assert_eq!(*log.lock().unwrap(), [7]);
}

/// D-AR-14: marks for a thread of its own, on a shared arena.
#[test]
fn an_arena_on_a_shared_arena_has_scopes() {
    let shared = SyncArena::new();
    together(|nth| {
        let mut own = Arena::new_in(&shared);
        for _ in 0..100 {
            let sum: usize =
                own.scoped(|scope| scope.alloc_iter((0..nth).cycle().take(nth)).unwrap().iter().sum());
            assert_eq!(sum, (0..nth).sum());
        }
        assert_eq!(own.used(), 0);
    });
}

#[test]
fn threads_come_and_go_and_their_lanes_are_used_again() {
    let arena = SyncArena::new();
    for round in 0..200 {
        std::thread::scope(|scope| {
            for n in 0..2 {
                let arena = &arena;
                scope.spawn(move || {
                    for i in 0..20 {
                        assert_eq!(*arena.alloc_value(n + i + round).unwrap(), n + i + round);
                    }
                });
            }
        });
    }
    // 400 threads took 80 to 160 bytes each; were every thread's piece new, there would be 100 KiB in use.
    assert!(arena.used() < 90_000, "{arena:?}");
}

#[test]
fn a_thread_can_allocate_while_it_ends() {
    static ARENA: SyncArena = SyncArena::new();
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            assert_eq!(ARENA.alloc_str("late").unwrap(), "late");
        }
    }
    thread_local! { static LATE: Late = const { Late }; }
    for before in [true, false] {
        std::thread::spawn(move || {
            if before {
                LATE.with(|_| ());
                ARENA.alloc_value(1).unwrap();
            } else {
                ARENA.alloc_value(1).unwrap();
                LATE.with(|_| ());
            }
        })
        .join()
        .unwrap();
    }
    assert!(ARENA.used() > 0);
}
