//! Changes of size, and limits on the bytes that may be live.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, AllocatorExt, Global};
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, OnViolation, ViolationKind};
use heap_test::{FailingAllocator, Failures};

const PAGE: usize = 4096;
/// As large as in the tests of the original: two of its pages, above every small block.
const TWO_PAGES: usize = 256 << 10;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("small")
}

fn alloc<A: Allocator>(debug: &DebugAllocator<A>, size: usize) -> NonNull<u8> {
    Allocator::alloc(debug, bytes(size)).expect("there is memory").cast()
}

/// Reallocates, and says whether the block stayed.
fn realloc<A: Allocator>(debug: &DebugAllocator<A>, block: &mut NonNull<u8>, from: usize, to: usize) -> bool {
    let before = *block;
    // SAFETY: a live block of that size.
    let moved = unsafe { Allocator::realloc(debug, before, bytes(from), bytes(to)) };
    *block = moved.expect("there is memory").cast();
    *block == before
}

/// U-DB-01, U-DB-02
#[test]
fn blocks_go_in_the_order_they_came_or_the_other() {
    for reverse in [false, true] {
        let debug = DebugAllocator::new();
        let mut blocks: Vec<_> = (0..513).map(|_| alloc(&debug, 8)).collect();
        if reverse {
            blocks.reverse();
        }
        // SAFETY: each is live, and freed once.
        blocks.into_iter().for_each(|block| unsafe { Allocator::free(&debug, block, bytes(8)) });
        assert_eq!(debug.deinit(), Check::Ok);
    }
}

/// U-DB-03, U-DB-16
#[test]
fn large_and_odd_sizes_are_served_in_between() {
    let debug = DebugAllocator::new();
    let sizes = [1028, 60 << 10, 1025, 3000, 100_000, 30 << 10, 1 << 20];
    let blocks = sizes.map(|size| alloc(&debug, size));
    for (block, size) in blocks.into_iter().zip(sizes) {
        // SAFETY: live, and freed once.
        unsafe { Allocator::free(&debug, block, bytes(size)) };
    }
    assert_eq!(debug.deinit(), Check::Ok);
}

/// U-DB-04
#[test]
fn the_largest_request_is_refused() {
    let debug = DebugAllocator::new();
    let most = Layout::from_size_align(isize::MAX as usize, 1).expect("the largest layout");
    assert_eq!(Allocator::alloc(&debug, most), Err(AllocError));
    assert_eq!(debug.deinit(), Check::Ok);
}

/// U-DB-05, U-DB-06
#[test]
fn small_blocks_keep_their_place_in_their_class_only() {
    let debug = DebugAllocator::new();
    let mut block = alloc(&debug, 1);
    // SAFETY: live blocks, with their sizes.
    unsafe {
        block.write(7);
        assert!(realloc(&debug, &mut block, 1, 2));
        block.add(1).write(8);
        realloc(&debug, &mut block, 2, 17);
        assert_eq!((block.read(), block.add(1).read()), (7, 8));
        realloc(&debug, &mut block, 17, 20);
        assert!(debug.resize(block, bytes(20), 17));
        assert!(!debug.resize(block, bytes(17), 16), "another class");
        assert_eq!((block.read(), block.add(1).read()), (7, 8));
        Allocator::free(&debug, block, bytes(17));
    }
}

/// U-DB-07, U-DB-08, U-DB-09, U-DB-11
#[test]
fn large_blocks_keep_their_place_where_they_can_and_their_bytes_always() {
    let debug = DebugAllocator::new();
    let mut block = alloc(&debug, TWO_PAGES - 20);
    // SAFETY: live blocks, with their sizes.
    unsafe {
        block.write(0x12);
        block.add(60).write(0x34);
        assert!(realloc(&debug, &mut block, TWO_PAGES - 20, TWO_PAGES - 10));
        assert!(realloc(&debug, &mut block, TWO_PAGES - 10, TWO_PAGES));
        realloc(&debug, &mut block, TWO_PAGES, TWO_PAGES + 1);
        realloc(&debug, &mut block, TWO_PAGES + 1, 70);
        realloc(&debug, &mut block, 70, TWO_PAGES + 50);
        assert_eq!((block.read(), block.add(60).read()), (0x12, 0x34));
        block.add(16).write(0x56);
        assert!(debug.resize(block, bytes(TWO_PAGES + 50), TWO_PAGES + 1));
        assert!(debug.resize(block, bytes(TWO_PAGES + 1), TWO_PAGES + 1));
        realloc(&debug, &mut block, TWO_PAGES + 1, 19);
        assert_eq!((block.read(), block.add(16).read()), (0x12, 0x56));
        Allocator::free(&debug, block, bytes(19));
    }
}

/// U-DB-10, U-DB-14
#[test]
fn a_larger_alignment_keeps_the_bytes() {
    let debug = DebugAllocator::new();
    for (size, align) in [(TWO_PAGES, TWO_PAGES), (PAGE + 16, 64), (16, PAGE), (4 * TWO_PAGES, 16)] {
        let block = alloc(&debug, TWO_PAGES + 50);
        let new = Layout::from_size_align(size, align).expect("small");
        // SAFETY: live blocks, with their layouts.
        unsafe {
            block.write(0x12);
            let moved = Allocator::realloc(&debug, block, bytes(TWO_PAGES + 50), new);
            let moved = moved.expect("there is memory").cast::<u8>();
            assert!(moved.addr().get().is_multiple_of(align) && moved.read() == 0x12);
            Allocator::free(&debug, moved, new);
        }
    }
    assert_eq!(debug.deinit(), Check::Ok);
}

/// U-DB-13: memory that is dirty, small and nobody's pages.
#[test]
fn it_works_in_a_small_dirty_buffer() {
    let mut dirty = vec![core::mem::MaybeUninit::new(0xEE_u8); 100_000];
    let buffer = heap_arena::FixedBuffer::new(&mut dirty);
    let debug = DebugAllocator::new_in(&buffer, DebugConfig::new());
    let blocks: Vec<_> = (0..100).map(|_| alloc(&debug, 24)).collect();
    // SAFETY: each is live, and freed once.
    blocks.into_iter().for_each(|block| unsafe { Allocator::free(&debug, block, bytes(24)) });
    assert_eq!(debug.deinit(), Check::Ok);
}

/// U-DB-15
#[test]
fn a_large_block_does_not_shrink_into_a_small_one_in_place() {
    let debug = DebugAllocator::new_in(FailingAllocator::new(Global, Failures::From(3)), DebugConfig::new());
    let block = alloc(&debug, TWO_PAGES + 50);
    // SAFETY: a live block, with its size.
    unsafe {
        block.write(0x12);
        assert!(!debug.resize(block, bytes(TWO_PAGES + 50), 19));
        assert_eq!(block.read(), 0x12);
        Allocator::free(&debug, block, bytes(TWO_PAGES + 50));
    }
}

const LIMITED: DebugConfig = DebugConfig::new().requested_memory_limit(Some(1010));

/// U-DB-17
#[test]
fn the_limit_is_kept_to_the_byte() {
    let debug = DebugAllocator::with_config(LIMITED);
    let small = alloc(&debug, 4);
    let large = alloc(&debug, 1000);
    assert_eq!(debug.requested_bytes(), 1004);
    assert_eq!(Allocator::alloc(&debug, bytes(8)), Err(AllocError));
    // SAFETY: live blocks, freed once.
    unsafe {
        Allocator::free(&debug, small, bytes(4));
        assert_eq!(debug.requested_bytes(), 1000);
        Allocator::free(&debug, large, bytes(1000));
        assert_eq!(debug.requested_bytes(), 0);
        Allocator::free(&debug, alloc(&debug, 1010), bytes(1010));
    }
}

/// U-DB-18
#[test]
fn the_counter_follows_the_requested_sizes() {
    let debug = DebugAllocator::new();
    let mut block = alloc(&debug, PAGE + 1);
    for (from, to) in [(PAGE + 1, 1), (1, 2)] {
        realloc(&debug, &mut block, from, to);
        assert_eq!(debug.requested_bytes(), to);
    }
    // SAFETY: a live block, with its size.
    unsafe { Allocator::free(&debug, block, bytes(2)) };
    assert_eq!(debug.requested_bytes(), 0);
}

/// D-DB-15
#[test]
fn the_limit_is_rolled_back_saturates_and_survives_a_wrong_size() {
    let config = DebugConfig::new().requested_memory_limit(Some(usize::MAX));
    let config = config.on_violation(OnViolation::Record).format(Format::Silent);
    let failing = FailingAllocator::new(Global, Failures::From(0));
    let debug = DebugAllocator::new_in(failing, config);
    assert_eq!(Allocator::alloc(&debug, bytes(100)), Err(AllocError));
    debug.set_requested_memory_limit(100);
    assert_eq!(debug.requested_bytes(), 0);

    let debug = DebugAllocator::with_config(config);
    debug.set_requested_memory_limit(100);
    assert_eq!(Allocator::alloc(&debug, bytes(isize::MAX as usize)), Err(AllocError));
    for _ in 0..3 {
        let block = alloc(&debug, 100);
        // SAFETY: a live block; the size is wrong, and the recorded one counts.
        unsafe { Allocator::free(&debug, block, bytes(40)) };
    }
    let kinds: Vec<_> = debug.violations().map(|violation| violation.kind).collect();
    assert_eq!(kinds, [ViolationKind::WrongSize; 3]);
    assert_eq!(debug.forget_violations(), 3);
}

/// D-DB-16
#[test]
fn the_limit_holds_for_growth_and_never_for_shrinking() {
    let debug = DebugAllocator::with_config(LIMITED);
    let block = alloc(&debug, 1005);
    // SAFETY: a live block, with its sizes.
    unsafe {
        assert!(debug.resize(block, bytes(1005), 1010));
        assert!(!debug.resize(block, bytes(1010), 1011));
        debug.set_requested_memory_limit(10);
        assert!(debug.resize(block, bytes(1010), 1000));
        assert!(!debug.resize(block, bytes(1000), 1001));
        Allocator::free(&debug, block, bytes(1000));
    }
}

/// D-SA-01
#[test]
fn blocks_that_may_not_shrink_in_place_move() {
    let debug = DebugAllocator::with_config(DebugConfig::new().shrink_in_place(false));
    let block = alloc(&debug, 40);
    // SAFETY: live blocks, with their sizes.
    unsafe {
        block.write(5);
        assert!(!debug.resize(block, bytes(40), 39));
        let moved = debug.remap(block, bytes(40), 39).expect("it moves").cast::<u8>();
        assert!(moved != block && moved.read() == 5);
        Allocator::free(&debug, moved, bytes(39));
    }
}

/// The typed helpers of heap-core work as over any allocator.
#[test]
fn typed_blocks_are_counted_by_their_size() {
    let debug = DebugAllocator::new();
    let numbers = debug.dupe(&[7_u64; 10]).expect("there is memory");
    assert_eq!((debug.requested_bytes(), debug.live_blocks()), (80, 1));
    // SAFETY: allocated just above, with this length.
    unsafe { debug.free_slice(numbers) };
    assert_eq!(debug.live_blocks(), 0);
}

/// U-SA-01
#[test]
fn the_four_batteries_pass_in_the_shape_of_the_safe_allocator() {
    let debug = heap_debug::SafeAllocator::with_config(DebugConfig::new().shrink_in_place(false));
    heap_test::test_allocator(&debug);
    heap_test::test_allocator_aligned(&debug);
    heap_test::test_allocator_large_alignment(&debug);
    heap_test::test_allocator_aligned_shrink(&debug);
    assert_eq!(debug.deinit(), Check::Ok);
}
