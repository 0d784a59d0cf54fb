//! [`PageAllocator`]: the conformance suite, and what it promises beyond it.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Mutex;

use heap_core::{Allocator, UsableSize};
use heap_os::{NEXT_MMAP_ADDR_HINT, OsError, PageAllocator, page_allocator, page_size, pages};

// U-PA-01
heap_test::conformance!(suite, || PageAllocator; sync, usable_size);

/// Held by tests that depend on the wish or change it.
static HINT: Mutex<()> = Mutex::new(());

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn alloc(size: usize, align: usize) -> NonNull<u8> {
    PageAllocator.alloc(layout(size, align)).unwrap().cast()
}

/// # Safety
/// As of `Allocator::free`.
unsafe fn free(block: NonNull<u8>, size: usize, align: usize) {
    // SAFETY: the caller's promise is the same.
    unsafe { PageAllocator.free(block, layout(size, align)) };
}

/// U-PA-01, the end of it: both ends of a block at page alignment; a page and a byte become a byte.
#[test]
fn a_block_is_writable_at_both_ends_and_shrinks_to_a_byte() {
    let page = page_size();
    let block = alloc(128, page);
    // SAFETY: our blocks, within their lengths, freed once.
    unsafe {
        block.write(1);
        block.add(127).write(2);
        free(block, 128, page);
        let block = alloc(page + 1, 1);
        block.write(7);
        let one = PageAllocator.realloc(block, layout(page + 1, 1), layout(1, 1)).unwrap().cast::<u8>();
        assert_eq!(one.read(), 7);
        free(one, 1, 1);
    }
}

/// D-PA-01
#[test]
fn a_fresh_block_is_zero_and_starts_a_page() {
    let page = page_size();
    for size in [1, page - 1, page, page + 1, 10 * page] {
        let block = PageAllocator.alloc(layout(size, 1)).unwrap();
        assert_eq!(block.len(), size.next_multiple_of(page));
        assert_eq!(block.cast::<u8>().addr().get() % page, 0);
        // SAFETY: our block, its whole length (A2).
        unsafe {
            assert!(block.as_ref().iter().all(|&byte| byte == 0));
            block.cast::<u8>().write_bytes(0xff, block.len());
            assert_eq!(PageAllocator.usable_size(block.cast(), layout(size, 1)), block.len());
            free(block.cast(), size, 1);
        }
    }
}

/// D-PA-03, the part that needs no look at the process
#[test]
fn every_alignment_up_to_a_gibibyte_is_honoured() {
    for log2 in 0..=30 {
        let block = alloc(page_size() + 1, 1 << log2);
        assert_eq!(block.addr().get() % (1 << log2), 0);
        // SAFETY: our block.
        unsafe {
            block.add(page_size()).write(1);
            free(block, page_size() + 1, 1 << log2);
        }
    }
}

/// D-PA-04: 2^40 by reserving: the machine has not so much memory.
#[cfg(target_pointer_width = "64")]
#[test]
fn an_alignment_of_a_tebibyte_succeeds_or_fails_cleanly() {
    let result = PageAllocator.alloc(layout(1, 1 << 40));
    if cfg!(target_os = "linux") {
        assert!(result.is_ok(), "Linux has the addresses");
    }
    if let Ok(block) = result {
        assert_eq!(block.cast::<u8>().addr().get() % (1 << 40), 0);
        // SAFETY: our block.
        unsafe {
            block.cast::<u8>().write(1);
            free(block.cast(), 1, 1 << 40);
        }
    }
}

/// D-PA-05
#[test]
fn remap_keeps_content_and_alignment() {
    let page = page_size();
    for align in [1, page, 4 * page, 1 << 21] {
        let sizes = [page, 3 * page, 64 * page, 2 * page, 1 << 22, page];
        let mut size = sizes[0];
        let mut block = alloc(size, align);
        // SAFETY: one block, followed as it moves; reads and writes within its length.
        unsafe {
            block.write(1);
            for new_size in sizes {
                // Something behind the block, so that it cannot grow in place.
                let fence = alloc(page, 1);
                let moved = PageAllocator.remap(block, layout(size, align), new_size);
                free(fence, page, 1);
                if cfg!(target_os = "linux") {
                    assert!(moved.is_some(), "{align} {size} to {new_size}");
                }
                let Some(moved) = moved else { continue };
                block = moved.cast();
                assert_eq!(block.addr().get() % align, 0, "{align}: {size} to {new_size}");
                // Every page bears its number but for those that are new.
                for index in 0..new_size / page {
                    let number = if index < size / page { index % 251 + 1 } else { 0 };
                    assert_eq!(usize::from(block.add(index * page).read()), number, "{size} to {new_size}");
                    block.add(index * page).write((index % 251 + 1) as u8);
                }
                size = new_size;
            }
            free(block, size, align);
        }
    }
}

/// D-PA-06
#[test]
fn absurd_lengths_are_refused_at_small_and_huge_alignments() {
    let page = page_size();
    let most = isize::MAX as usize;
    for (size, align) in [
        (most, 1),
        (most & !(page - 1), page),
        (most + 1 - (1 << 30), 1 << 30),
        (most - page, 1),
        (1 << (usize::BITS - 2), 1 << (usize::BITS - 2)),
    ] {
        match PageAllocator.alloc(layout(size, align)) {
            // Not absurd where half of all addresses may be free.
            // SAFETY: just allocated, and not used again.
            Ok(block) if usize::BITS < 64 => unsafe { PageAllocator.free(block.cast(), layout(size, align)) },
            given => assert!(given.is_err(), "{size} at {align}"),
        }
    }
    let block = alloc(1, 1);
    // SAFETY: our block; refusals leave it as it is.
    unsafe {
        block.write(5);
        for size in [usize::MAX, usize::MAX - page + 1, most, most + 1] {
            assert!(!PageAllocator.resize(block, layout(1, 1), size));
            assert!(PageAllocator.remap(block, layout(1, 1), size).is_none());
        }
        assert_eq!(block.read(), 5);
        free(block, 1, 1);
    }
}

/// On 32 bits the system may have 1.5 GiB, which is no size at an alignment of 1 GiB.
#[test]
fn a_size_that_no_layout_has_at_the_alignment_is_refused() {
    let align = 1 << (usize::BITS - 4);
    // The addresses may not be had; a page of that alignment may be had by chance.
    let Ok(block) = PageAllocator.alloc(layout(1, align)) else { return };
    let over = isize::MAX as usize + 1 - align + page_size();
    // SAFETY: our block; refusals leave it as it is.
    unsafe {
        assert!(!PageAllocator.resize(block.cast(), layout(1, align), over));
        assert!(PageAllocator.remap(block.cast(), layout(1, align), over).is_none());
        free(block.cast(), 1, align);
    }
}

/// D-PA-08
#[cfg(target_os = "linux")]
#[test]
fn a_freed_address_does_not_come_back_soon() {
    let _alone = HINT.lock();
    let mut seen = std::collections::HashSet::new();
    let mut again = 0;
    for _ in 0..200 {
        let block = alloc(1, 1);
        again += usize::from(!seen.insert(block.addr().get()));
        // SAFETY: our block.
        unsafe { free(block, 1, 1) };
    }
    assert!(again <= 2, "{again} of 200 addresses were handed out twice");
}

/// D-PA-09: the tutorial's thousand tiny blocks.
#[test]
fn a_thousand_tiny_blocks_are_distinct_and_writable() {
    let blocks: Vec<_> = (0..1000_u64).map(|i| (alloc(8, 8).cast::<u64>(), i)).collect();
    for &(block, i) in &blocks {
        // SAFETY: our blocks, of 8 bytes.
        unsafe { block.write(i) };
    }
    for &(block, i) in &blocks {
        // SAFETY: as above.
        unsafe {
            assert_eq!(block.read(), i);
            free(block.cast(), 8, 8);
        }
    }
}

/// D-PA-10
#[test]
fn threads_never_get_overlapping_blocks() {
    std::thread::scope(|scope| {
        for thread in 1..=8_u8 {
            scope.spawn(move || {
                for round in 0..200_usize {
                    let size = (round % 7 + 1) * page_size();
                    let align = 1 << (round % 16);
                    let block = alloc(size, align);
                    // SAFETY: our block.
                    unsafe {
                        assert_eq!((block.read(), block.add(size - 1).read()), (0, 0));
                        block.write(thread);
                        block.add(size - 1).write(thread);
                        std::thread::yield_now();
                        assert_eq!((block.read(), block.add(size - 1).read()), (thread, thread));
                        free(block, size, align);
                    }
                }
            });
        }
    });
}

/// D-PA-11, E-12-5: a mebibyte; 4096 bytes filled with zero.
#[test]
fn large_blocks_hold_what_is_written() {
    for size in [1 << 20, 4096] {
        let block = alloc(size, 1);
        // SAFETY: our block.
        unsafe {
            block.write_bytes(0, size);
            block.add(size - 1).write(9);
            assert_eq!(block.add(size - 1).read(), 9);
            free(block, size, 1);
        }
    }
}

/// D-PS-04
#[test]
fn no_hint_makes_an_allocation_fail_or_overlap() {
    let _alone = HINT.lock();
    let occupied = alloc(1, 1);
    // SAFETY: our blocks.
    unsafe {
        occupied.write(77);
        let near = occupied.addr().get();
        for hint in [
            0,
            1,
            4095,
            near,
            near + page_size(),
            near + 1,
            1 << 20,
            usize::MAX,
            usize::MAX / 2,
            usize::MAX << 12,
        ] {
            for align in [1, 1 << 16, 1 << 21] {
                NEXT_MMAP_ADDR_HINT.store(hint);
                let block = alloc(page_size(), align);
                assert_eq!(block.addr().get() % align, 0);
                assert_ne!(block, occupied);
                block.write(1);
                free(block, page_size(), align);
            }
        }
        assert_eq!(occupied.read(), 77);
        free(occupied, 1, 1);
    }
}

#[test]
fn the_handle_is_the_allocator() {
    assert_eq!(page_allocator(), PageAllocator);
    let handle: &dyn Allocator = &page_allocator();
    let block = handle.alloc(layout(10, 1)).unwrap();
    // SAFETY: our block; all values are one allocator (A5).
    unsafe { PageAllocator.free(block.cast(), layout(10, 1)) };
}

#[test]
fn raw_refusals_name_the_call() {
    let refused: OsError = pages::map(usize::MAX).unwrap_err();
    assert_eq!(refused.to_string(), "map refused (code -2)");
}
