//! `Arena` as an allocator: blocks, growth, failure, limits.

use std::alloc::Layout;

use heap_arena::{Arena, ResetMode};
use heap_core::{Allocator, Global, Owns};
use heap_os::PageAllocator;

use crate::support::{Meter, at, layout};

heap_test::conformance!(arena, Arena::new; owns, reset, usage);
heap_test::conformance!(arena_in_place, || Arena::new_in(Meter::in_place()); owns, reset, usage);
heap_test::conformance!(arena_with_capacity, || Arena::with_capacity(1 << 20).unwrap(); owns, reset, usage);

heap_test::conformance!(arena_over_pages, || Arena::new_in(PageAllocator); owns, reset, usage);

/// U-AR-01
#[test]
fn an_arena_over_pages_passes_the_four_batteries() {
    let arena = Arena::new_in(PageAllocator);
    heap_test::test_allocator(&arena);
    heap_test::test_allocator_aligned(&arena);
    heap_test::test_allocator_large_alignment(&arena);
    heap_test::test_allocator_aligned_shrink(&arena);
}

/// D-AR-01
#[test]
fn the_newest_block_gives_its_space_back_and_an_older_one_does_not() {
    let arena = Arena::new();
    let (first, second) = (arena.alloc(layout(24, 8)).unwrap(), arena.alloc(layout(40, 8)).unwrap());
    assert!(arena.is_last(second) && !arena.is_last(first));
    // SAFETY: each block is live, passed with its layout, and not used after it is freed.
    unsafe {
        arena.free(second.cast(), layout(40, 8));
        let again = arena.alloc(layout(40, 8)).unwrap();
        assert_eq!(at(again), at(second));
        assert!(arena.resize(again.cast(), layout(40, 8), 8));
        let behind = arena.alloc(layout(8, 8)).unwrap();
        assert_eq!(at(behind), at(second) + 8);
        arena.free(first.cast(), layout(24, 8));
        assert_ne!(at(arena.alloc(layout(24, 8)).unwrap()), at(first));
    }
}

/// D-AR-02
#[test]
fn freeing_newest_first_recovers_everything() {
    let arena = Arena::new();
    let blocks: Vec<_> =
        (1..20).map(|n| (arena.alloc(layout(8 * n % 50 + 1, 1)).unwrap(), 8 * n % 50 + 1)).collect();
    let high = arena.used();
    for (block, size) in blocks.into_iter().rev() {
        // SAFETY: live, with its layout.
        unsafe { arena.free(block.cast(), layout(size, 1)) };
    }
    assert_eq!((arena.used(), arena.high_water()), (0, high));
}

/// D-AR-03
#[test]
fn an_older_block_may_shrink_but_not_grow() {
    let arena = Arena::new();
    let old = arena.alloc(layout(64, 8)).unwrap();
    let newest = arena.alloc(layout(8, 8)).unwrap();
    // SAFETY: `old` is live with these layouts.
    unsafe {
        assert!(!arena.resize(old.cast(), layout(64, 8), 65));
        assert!(arena.resize(old.cast(), layout(64, 8), 32));
        assert!(arena.remap(old.cast(), layout(32, 8), 33).is_none());
    }
    assert!(arena.is_last(newest));
}

/// D-AR-04: our rule. Each chunk is as large as all before it together, the first has 512 bytes.
#[test]
fn the_capacity_doubles_and_child_calls_are_logarithmic() {
    let arena = Arena::new_in(Meter::default());
    for _ in 0..200 {
        arena.alloc(layout(100, 1)).unwrap();
    }
    assert_eq!(arena.child().sizes(), [512, 512, 1024, 2048, 4096, 8192, 16384]);
    for _ in 0..100_000 {
        arena.alloc(layout(100, 1)).unwrap();
    }
    assert_eq!(arena.child().calls.get().alloc, 16);
    assert_eq!(arena.held(), arena.child().live_bytes());
}

/// D-AR-10
#[test]
fn after_the_child_refused_what_fits_still_succeeds() {
    let arena = Arena::new_in(Meter::default());
    let block = arena.alloc(layout(100, 1)).unwrap();
    // SAFETY: 100 bytes of ours.
    unsafe { block.cast::<u8>().write_bytes(0x5A, 100) };
    arena.child().allow(0);
    let used = arena.used();
    for size in [500, 4096, 1 << 30] {
        assert!(arena.alloc(layout(size, 1)).is_err());
    }
    assert_eq!(arena.used(), used);
    let room = arena.capacity() - used;
    assert_eq!(at(arena.alloc(layout(room, 1)).unwrap()), at(block) + 100);
    // SAFETY: still ours.
    assert!(unsafe { block.as_ref() }.iter().all(|&byte| byte == 0x5A));
}

#[test]
fn a_child_that_refuses_the_wish_is_asked_for_the_least() {
    let arena = Arena::new_in(Meter::default());
    arena.alloc(layout(5000, 1)).unwrap();
    arena.child().allow(200);
    arena.alloc(layout(100, 1)).unwrap();
    assert_eq!(arena.child().sizes(), [5016, 116]);
}

/// D-AR-11
#[test]
fn absurd_requests_leave_everything_as_it_was() {
    let arena = Arena::new_in(Meter::default());
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

/// D-AR-13
#[test]
fn a_full_chunk_grows_in_place_where_the_child_can() {
    let arena = Arena::new_in(Meter::in_place());
    let blocks: Vec<_> = (0..300).map(|_| at(arena.alloc(layout(100, 4)).unwrap())).collect();
    assert!(blocks.windows(2).all(|pair| pair[1] == pair[0] + 100), "one chunk, no gaps");
    assert_eq!((arena.chunks(), arena.child().live_blocks()), (1, 1));
    assert_eq!(arena.child().sizes(), [32768]);
    assert_eq!(arena.child().calls.get().resize, 6, "the wish doubles, so the calls are few");
}

/// D-AR-13, for a block that outgrows its chunk.
#[test]
fn the_newest_block_grows_past_its_chunk_where_the_child_can() {
    let arena = Arena::new_in(Meter::in_place());
    let block = arena.alloc(layout(100, 4)).unwrap();
    // SAFETY: live, with the layouts that the calls agreed to.
    unsafe {
        assert!(arena.resize(block.cast(), layout(100, 4), 40_000));
        block.cast::<u8>().write_bytes(1, 40_000);
        assert!(!arena.resize(block.cast(), layout(40_000, 4), 100_000), "beyond the child's room");
    }
    assert_eq!((arena.chunks(), arena.used()), (1, 40_000));
}

/// W-14: what the child gives beyond the request is used.
#[test]
fn all_that_the_child_gives_is_used() {
    let arena = Arena::new_in(Meter::pages());
    for _ in 0..40 {
        arena.alloc(layout(100, 1)).unwrap();
    }
    assert_eq!(arena.child().sizes(), [4096]);
    assert_eq!(arena.capacity(), 4096 - 16);
}

/// D-AR-14
#[test]
fn arenas_in_arenas_free_everything_with_the_outer_one() {
    let meter = Meter::default();
    {
        let outer = Arena::new_in(&meter);
        let inner = Arena::new_in(&outer);
        let innermost = Arena::new_in(&inner);
        for _ in 0..1000 {
            innermost.alloc(layout(33, 8)).unwrap();
        }
        std::mem::forget(innermost);
        assert!(meter.live_bytes() > 33_000);
    }
    assert_eq!(meter.live_blocks(), 0);
}

/// D-AR-12
#[test]
fn a_state_can_be_stored_and_promoted_again() {
    let meter = Meter::default();
    let arena = Arena::new_in(&meter);
    let block = arena.alloc(layout(1000, 8)).unwrap();
    let (state, _) = arena.into_state();
    assert_eq!(meter.live_blocks(), 1);
    // SAFETY: the child that it came from.
    let arena = unsafe { Arena::promote(state, &meter) };
    // SAFETY: live, with its layout.
    unsafe { arena.free(block.cast(), layout(1000, 8)) };
    assert_eq!(at(arena.alloc(layout(1000, 8)).unwrap()), at(block));
    let (state, _) = arena.into_state();
    // SAFETY: the child that it came from.
    drop(unsafe { Arena::promote(state, &meter) });
    assert_eq!(meter.live_blocks(), 0);
}

#[test]
fn zero_sizes_take_nothing() {
    let arena = Arena::new_in(Meter::default());
    for align in [1, 8, 4096] {
        let none = arena.alloc(layout(0, align)).unwrap();
        assert_eq!((none.len(), at(none) % align), (0, 0));
        // SAFETY: of size zero.
        unsafe {
            assert!(!arena.resize(none.cast(), layout(0, align), 1));
            arena.free(none.cast(), layout(0, align));
        }
    }
    assert_eq!((arena.used(), arena.child().calls.get().alloc), (0, 0));
}

/// W-16: a limit for each arena.
#[test]
fn the_limit_is_exact_and_can_be_lifted() {
    let arena = Arena::new_in(Meter::pages());
    arena.set_limit(Some(10_000));
    let mut blocks = 0;
    while arena.alloc(layout(10, 1)).is_ok() {
        blocks += 1;
    }
    assert!(arena.held() <= 10_000 && blocks >= 990, "{blocks} in {}", arena.held());
    assert_eq!(arena.limit(), Some(10_000));
    arena.set_limit(None);
    assert!(arena.alloc(layout(10, 1)).is_ok());
}

#[test]
fn reserved_bytes_need_no_child_call() {
    let arena = Arena::with_capacity_in(10_000, Meter::default()).unwrap();
    let calls = arena.child().calls.get();
    for _ in 0..10 {
        arena.alloc(layout(1000, 1)).unwrap();
    }
    assert_eq!(arena.child().calls.get(), calls);
    arena.reserve(50_000).unwrap();
    assert_eq!(arena.child().calls.get().alloc, 2);
    assert!(arena.reserve(usize::MAX).is_err());
    assert!(Arena::with_capacity(isize::MAX as usize).is_err());
}

#[test]
fn an_arena_owns_its_blocks_and_no_others() {
    let (one, two) = (Arena::new(), Arena::new());
    let blocks: Vec<_> = (0..100).map(|_| one.alloc(layout(100, 1)).unwrap()).collect();
    let foreign = two.alloc(layout(100, 1)).unwrap();
    assert!(blocks.iter().all(|block| one.owns(block.cast()) && !two.owns(block.cast())));
    assert!(two.owns(foreign.cast()) && !one.owns(foreign.cast()));
}

#[test]
fn collections_of_other_crates_live_in_an_arena() {
    let mut arena = Arena::new();
    {
        let mut map =
            hashbrown::HashMap::<_, _, std::hash::RandomState, _>::with_hasher_in(Default::default(), &arena);
        let mut list = allocator_api2_02::vec::Vec::new_in(&arena);
        for n in 0..1000 {
            map.insert(n, n * n);
            list.push(n);
        }
        assert!(list.iter().all(|n| map[n] == n * n));
    }
    assert!(arena.used() > 0);
    arena.reset(ResetMode::RetainCapacity);
    assert_eq!(arena.used(), 0);
}

#[test]
fn an_arena_can_move_to_another_thread_with_its_blocks() {
    let arena = Arena::new();
    let block = arena.alloc(Layout::new::<u64>()).unwrap().cast::<u64>();
    // SAFETY: ours.
    unsafe { block.write(7) };
    let addr = at(block);
    let arena = std::thread::spawn(move || {
        assert_ne!(at(arena.alloc(Layout::new::<u64>()).unwrap()), addr);
        arena
    });
    let arena = arena.join().unwrap();
    // SAFETY: the arena has been moved, neither reset nor dropped.
    assert_eq!(unsafe { block.read() }, 7);
    drop::<Arena<Global>>(arena);
}
