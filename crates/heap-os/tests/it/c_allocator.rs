//! The C library's heap as allocators.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::{Allocator, UsableSize};
use heap_os::{CAllocator, RawCAllocator, c_allocator, raw_c_allocator};
use heap_test::Limits;

// U-CA-01
heap_test::conformance!(suite, || CAllocator; sync, usable_size);
// U-RC-01
heap_test::conformance!(raw_suite, || RawCAllocator, Limits::DEFAULT.max_align(MAX_ALIGN); sync);

/// `malloc`'s alignment: two words, but on 32-bit x86.
const MAX_ALIGN: usize = if cfg!(target_arch = "x86") { 16 } else { 2 * size_of::<usize>() };

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// D-CA-01
#[test]
fn shrinking_in_place_always_succeeds() {
    for align in [1, 16, 64, 4096] {
        for (size, smaller) in [(2, 1), (100, 1), (5000, 4999), (1 << 20, 1 << 10)] {
            let block = c_allocator().alloc(layout(size, align)).unwrap().cast::<u8>();
            // SAFETY: our block, freed once with the layout it has by then.
            unsafe {
                block.write(3);
                assert!(CAllocator.resize(block, layout(size, align), smaller));
                assert_eq!(block.read(), 3);
                CAllocator.free(block, layout(smaller, align));
            }
        }
    }
}

/// D-CA-02
#[test]
fn growing_in_place_succeeds_up_to_the_usable_size_and_not_beyond() {
    for align in [1, 64] {
        for size in [1, 13, 100, 1000, 100_000] {
            let old = layout(size, align);
            let block = CAllocator.alloc(old).unwrap().cast::<u8>();
            // SAFETY: our block, freed once; `usable` bytes of it may be used.
            unsafe {
                let usable = CAllocator.usable_size(block, old);
                assert!(!CAllocator.resize(block, old, usable + 1));
                assert!(CAllocator.resize(block, old, usable));
                block.write_bytes(1, usable);
                CAllocator.free(block, layout(usable, align));
            }
        }
    }
}

/// D-CA-03
#[test]
fn alignments_up_to_64_kib_are_honoured_for_small_lengths_and_around_themselves() {
    for log2 in 0..=16 {
        let align = 1_usize << log2;
        let around = [align - 1, align, align + 1].into_iter().filter(|&size| size > 0);
        let blocks: Vec<(NonNull<u8>, Layout)> = (1..=100)
            .chain(around)
            .map(|size| (CAllocator.alloc(layout(size, align)).unwrap().cast(), layout(size, align)))
            .collect();
        for (block, layout) in blocks {
            assert_eq!(block.addr().get() % align, 0, "{layout:?}");
            // SAFETY: our block.
            unsafe {
                block.write_bytes(1, layout.size());
                CAllocator.free(block, layout);
            }
        }
    }
}

/// D-CA-04
#[test]
fn large_blocks_are_remapped_by_the_library() {
    let (size, larger) = (1 << 22, 1 << 26);
    let block = CAllocator.alloc(layout(size, 8)).unwrap().cast::<u8>();
    // SAFETY: our block, followed as it moves.
    unsafe {
        block.add(size - 1).write(8);
        let moved = CAllocator.remap(block, layout(size, 8), larger).expect("realloc").cast::<u8>();
        assert_eq!(moved.add(size - 1).read(), 8);
        CAllocator.free(moved, layout(larger, 8));
    }
}

/// D-RC-01
#[test]
fn the_bare_heap_refuses_what_malloc_does_not_align() {
    assert!(raw_c_allocator().alloc(layout(64, 2 * MAX_ALIGN)).is_err());
    let block = raw_c_allocator().alloc(layout(1, MAX_ALIGN)).unwrap().cast::<u8>();
    assert_eq!(block.addr().get() % MAX_ALIGN, 0);
    // SAFETY: our block.
    unsafe { raw_c_allocator().free(block, layout(1, MAX_ALIGN)) };
}

/// D-RC-02
#[test]
fn the_bare_heap_never_resizes_and_remap_keeps_the_content() {
    let block = RawCAllocator.alloc(layout(1000, 8)).unwrap().cast::<u8>();
    // SAFETY: our block, followed as it moves.
    unsafe {
        for index in 0..1000 {
            block.add(index).write(index as u8);
        }
        for size in [1, 999, 1000, 1001] {
            assert!(!RawCAllocator.resize(block, layout(1000, 8), size));
        }
        let grown = RawCAllocator.remap(block, layout(1000, 8), 100_000).unwrap().cast::<u8>();
        let shrunk = RawCAllocator.remap(grown, layout(100_000, 8), 500).unwrap().cast::<u8>();
        for index in 0..500 {
            assert_eq!(shrunk.add(index).read(), index as u8);
        }
        RawCAllocator.free(shrunk, layout(500, 8));
    }
}

/// On 32 bits the library gives two gigabytes, which no layout can say.
#[test]
fn a_size_that_no_layout_has_is_refused_by_both() {
    let old = layout(1000, MAX_ALIGN);
    let top = isize::MAX as usize + 1 - MAX_ALIGN;
    fn check(alloc: impl Allocator, old: Layout, top: usize) {
        let block = alloc.alloc(old).unwrap().cast::<u8>();
        // SAFETY: our block; refusals leave it as it is.
        unsafe {
            for size in [top + 1, isize::MAX as usize, isize::MAX as usize + 1, usize::MAX] {
                assert!(!alloc.resize(block, old, size), "{size}");
                assert!(alloc.remap(block, old, size).is_none(), "{size}");
            }
            alloc.free(block, old);
        }
    }
    check(CAllocator, old, top);
    check(RawCAllocator, old, top);
}
