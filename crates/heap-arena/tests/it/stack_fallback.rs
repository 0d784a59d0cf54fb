//! `StackFallback` and `BufferFirst`: each block stays with the side that made it.

use heap_arena::{BufferFirst, FixedBuffer, StackFallback};
use heap_core::{Allocator, Global};

use crate::support::{Meter, at, buffer, layout};

heap_test::conformance!(stack_fallback, || &*Box::leak(Box::new(StackFallback::<4096>::new())));
heap_test::conformance!(stack_fallback_of_nothing, || &*Box::leak(Box::new(StackFallback::<0>::new())));
heap_test::conformance!(buffer_first, || BufferFirst::new(buffer(4096), Global));
heap_test::conformance!(buffer_first_of_nothing, || BufferFirst::new(&mut [], Global));

/// U-SF-01
#[test]
fn a_fresh_stack_fallback_passes_each_battery() {
    heap_test::test_allocator(&&StackFallback::<4096>::new());
    heap_test::test_allocator_aligned(&&StackFallback::<4096>::new());
    heap_test::test_allocator_large_alignment(&&StackFallback::<4096>::new());
    heap_test::test_allocator_aligned_shrink(&&StackFallback::<4096>::new());
}

/// U-BF-01
#[test]
fn a_ten_byte_buffer_serves_what_fits() {
    let alloc = BufferFirst::new(buffer(10), Meter::default());
    let inside = |size| {
        let block = alloc.alloc(layout(size, 1)).unwrap();
        // SAFETY: ours.
        unsafe { block.cast::<u8>().write_bytes(size as u8, size) };
        (block, alloc.in_buffer(block.cast()))
    };
    // SAFETY: each block is live, passed with its layout, and not used after it is freed.
    unsafe {
        let (ten, six) = (inside(10), inside(6));
        assert!(ten.1 && !six.1);
        alloc.free(ten.0.cast(), layout(10, 1));
        let (thirteen, seven, nine) = (inside(13), inside(7), inside(9));
        assert!(!thirteen.1 && seven.1 && !nine.1);
        for (block, _) in [six, thirteen, seven, nine] {
            assert!(block.as_ref().iter().all(|&byte| usize::from(byte) == block.len()));
            alloc.free(block.cast(), layout(block.len(), 1));
        }
    }
    assert_eq!((alloc.buffer().used(), alloc.fallback().live_blocks()), (0, 0));
    let four_kib = || BufferFirst::new(buffer(4096), Global);
    heap_test::test_allocator(&four_kib());
    heap_test::test_allocator_aligned(&four_kib());
    heap_test::test_allocator_large_alignment(&four_kib());
    heap_test::test_allocator_aligned_shrink(&four_kib());
}

/// D-SF-01
#[test]
fn every_call_for_a_block_goes_to_its_side() {
    let stack = StackFallback::<64, _>::new_in(Meter::in_place());
    let alloc = &stack;
    let (near, far) = (alloc.alloc(layout(40, 1)).unwrap(), alloc.alloc(layout(40, 1)).unwrap());
    assert!(stack.in_buffer(near.cast()) && !stack.in_buffer(far.cast()));
    let calls = stack.fallback().calls.get();
    // SAFETY: the blocks are live, with the layouts that the calls agreed to.
    unsafe {
        assert!(alloc.resize(near.cast(), layout(40, 1), 64));
        assert_eq!(at(alloc.remap(near.cast(), layout(64, 1), 10).unwrap()), at(near));
        assert!(alloc.remap(near.cast(), layout(10, 1), 65).is_none());
        alloc.free(near.cast(), layout(10, 1));
        assert_eq!(stack.fallback().calls.get(), calls, "the array's blocks never reach the fallback");
        assert!(alloc.resize(far.cast(), layout(40, 1), 50));
        assert!(alloc.remap(far.cast(), layout(50, 1), 60).is_some());
        alloc.free(far.cast(), layout(60, 1));
    }
    assert_eq!(stack.used(), 0, "and the fallback's never the array");
    let served = stack.fallback().calls.get();
    assert_eq!((served.resize, served.free), (calls.resize + 2, calls.free + 1));
}

/// D-SF-02
#[test]
fn a_block_that_outgrows_the_array_leaves_it_reusable() {
    let stack = StackFallback::<64>::new();
    let alloc = &stack;
    let block = alloc.alloc(layout(64, 1)).unwrap();
    // SAFETY: each block is live, with its layout, and not used after it was given up.
    unsafe {
        block.cast::<u8>().write_bytes(9, 64);
        let moved = alloc.realloc(block.cast(), layout(64, 1), layout(65, 1)).unwrap();
        assert!(!stack.in_buffer(moved.cast()));
        assert_eq!(moved.cast::<[u8; 64]>().read(), [9; 64]);
        assert_eq!(at(alloc.alloc(layout(64, 1)).unwrap()), at(block));
        alloc.free(moved.cast(), layout(65, 1));
    }
}

/// D-SF-03: there is no handle to fetch; every reference is the same allocator.
#[test]
fn a_second_reference_resets_nothing() {
    let mut stack = StackFallback::<64>::new();
    let (one, two) = (&stack, &stack);
    let block = one.alloc(layout(16, 1)).unwrap();
    assert_eq!(at(two.alloc(layout(16, 1)).unwrap()), at(block) + 16);
    // Moved while nobody borrows it: what was taken stays taken, at the new place.
    stack = std::hint::black_box(stack);
    assert_eq!(stack.used(), 32);
    let third = (&stack).alloc(layout(16, 16)).unwrap();
    assert!(stack.in_buffer(third.cast()) && at(third).is_multiple_of(16));
    stack.reset();
    assert_eq!(stack.used(), 0);
}

/// D-SF-04
#[test]
fn when_both_are_exhausted_it_is_out_of_memory() {
    let stack = StackFallback::<64, _>::new_in(FixedBuffer::new(buffer(64)));
    let alloc = &stack;
    assert!(alloc.alloc(layout(64, 1)).is_ok() && alloc.alloc(layout(64, 1)).is_ok());
    assert!(alloc.alloc(layout(1, 1)).is_err());
    let first = BufferFirst::new(buffer(64), FixedBuffer::new(buffer(64)));
    assert!(first.alloc(layout(64, 1)).is_ok() && first.alloc_zeroed(layout(64, 1)).is_ok());
    assert!(first.alloc(layout(1, 1)).is_err() && first.alloc_zeroed(layout(1, 1)).is_err());
}

/// D-SF-05
#[test]
fn with_an_empty_buffer_it_behaves_as_the_fallback() {
    let alloc = BufferFirst::new(&mut [], Meter::default());
    let block = alloc.alloc(layout(10, 2)).unwrap();
    assert!(!alloc.in_buffer(block.cast()));
    // SAFETY: live, with its layout.
    unsafe { alloc.free(block.cast(), layout(10, 2)) };
    let calls = alloc.fallback().calls.get();
    assert_eq!((calls.alloc, calls.free), (1, 1));
}
