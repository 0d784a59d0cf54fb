//! [`BreakAllocator`] over a mock of growing memory, with the tests that every allocator of this kind has passed, and
//! over the program break.

use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;

use heap_core::{Allocator, AllocatorExt};
use heap_os::{BreakAllocator, FnBreak, Reservation};
use heap_test::Limits;

use crate::growing::{PAGE, assert_numbered, layout, new, numbered};

const WORD: usize = size_of::<usize>();

// D-SB-01: U-WA-12 (B1, B2) among them; D-SB-07: one lock, many threads.
heap_test::conformance!(suite, || new(), Limits::DEFAULT; sync);

/// # Safety
/// As of `Allocator::realloc`, at alignment 1.
unsafe fn realloc(alloc: &impl Allocator, block: NonNull<u8>, old: usize, new: usize) -> NonNull<u8> {
    // SAFETY: the caller's promise is the same.
    unsafe { alloc.realloc(block, layout(old, 1), layout(new, 1)) }.unwrap().cast()
}

/// U-WA-01, U-BR-01, U-WA-02, U-BR-02
#[test]
fn numbers_are_created_and_destroyed_in_either_order() {
    for reverse in [false, true] {
        let alloc = new();
        let mut items: Vec<_> = (0..513_u64).map(|number| alloc.create_with(|| number).unwrap()).collect();
        if reverse {
            items.reverse();
        }
        for (index, &item) in items.iter().enumerate() {
            // SAFETY: live items of this allocator, each destroyed once.
            unsafe {
                let expected = if reverse { 512 - index } else { index };
                assert_eq!(item.read(), expected as u64);
                alloc.destroy(item);
            }
        }
    }
}

/// U-WA-03, U-BR-03
#[test]
fn large_slices_interleave() {
    let alloc = new();
    let first = alloc.alloc_slice_with(42_768, |index| index as u64).unwrap();
    let second = alloc.alloc_slice_with(52_768, |index| index as u64).unwrap();
    // SAFETY: slices of this allocator, each freed once.
    unsafe { alloc.free_slice(first) };
    let third = alloc.alloc_slice_with(62_768, |index| index as u64).unwrap();
    for slice in [second, third] {
        // SAFETY: as above.
        unsafe {
            assert!(slice.as_ref().iter().enumerate().all(|(index, &number)| index as u64 == number));
            alloc.free_slice(slice);
        }
    }
}

/// U-WA-04, U-BR-04
#[test]
fn the_largest_request_is_out_of_memory() {
    let alloc = new();
    assert!(alloc.alloc(layout(isize::MAX as usize, 1)).is_err());
    assert!(alloc.alloc_slice::<u64>(usize::MAX).is_err());
    assert!(alloc.alloc(layout(1, 1 << (usize::BITS - 2))).is_err());
    assert_eq!(alloc.source().taken(), 0, "nothing was taken for it");
}

/// U-WA-05, U-BR-05
#[test]
fn a_byte_grows_to_two_in_place_and_to_seventeen() {
    let alloc = new();
    let four = |size| layout(size, 4);
    let block = alloc.alloc(four(1)).unwrap().cast::<u8>();
    // SAFETY: one block, followed as it moves.
    unsafe {
        block.write(0x12);
        let same = alloc.realloc(block, four(1), four(2)).unwrap().cast::<u8>();
        assert_eq!((same, same.read()), (block, 0x12));
        same.add(1).write(0x34);
        let moved = alloc.realloc(same, four(2), four(17)).unwrap().cast::<u8>();
        assert_eq!((moved.read(), moved.add(1).read()), (0x12, 0x34));
        alloc.free(moved, four(17));
    }
}

/// U-WA-06, U-BR-06
#[test]
fn twenty_bytes_shrink_in_place() {
    let alloc = new();
    let block = numbered(&alloc, 20);
    // SAFETY: one block, freed once with the layout it has by then.
    unsafe {
        assert!(alloc.resize(block, layout(20, 1), 17));
        assert_numbered(block, 17);
        assert!(alloc.resize(block, layout(17, 1), 16));
        assert_numbered(block, 16);
        alloc.free(block, layout(16, 1));
    }
}

/// U-WA-07, U-BR-07
#[test]
fn two_pages_less_some_grow_to_two_pages_and_beyond() {
    let alloc = new();
    let block = numbered(&alloc, 2 * PAGE - 20);
    // SAFETY: one block, followed as it moves.
    unsafe {
        let same = realloc(&alloc, block, 2 * PAGE - 20, 2 * PAGE - 10);
        assert_eq!(same, block);
        assert_numbered(same, 2 * PAGE - 20);
        let exact = realloc(&alloc, same, 2 * PAGE - 10, 2 * PAGE);
        let more = realloc(&alloc, exact, 2 * PAGE, 2 * PAGE + 1);
        assert_numbered(more, 2 * PAGE - 20);
        alloc.free(more, layout(2 * PAGE + 1, 1));
    }
}

/// U-WA-08, U-BR-08, U-WA-09, U-BR-09, U-WA-10, U-BR-10
#[test]
fn small_becomes_large_and_large_small() {
    let alloc = new();
    let block = numbered(&alloc, 70);
    // SAFETY: blocks followed as they move.
    unsafe {
        let large = realloc(&alloc, block, 70, 2 * PAGE + 50);
        assert_numbered(large, 70);
        assert!(alloc.resize(large, layout(2 * PAGE + 50, 1), 2 * PAGE + 1));
        assert_numbered(large, 70);
        assert!(alloc.resize(large, layout(2 * PAGE + 1, 1), 2 * PAGE + 1));
        let exact = realloc(&alloc, large, 2 * PAGE + 1, 2 * PAGE);
        assert_numbered(exact, 70);
        alloc.free(exact, layout(2 * PAGE, 1));

        let large = numbered(&alloc, 2 * PAGE + 50);
        let small = realloc(&alloc, large, 2 * PAGE + 50, 19);
        assert_numbered(small, 19);
        alloc.free(small, layout(19, 1));
    }
}

/// U-WA-11, U-BR-11
#[test]
fn objects_of_odd_sizes_come_and_go() {
    let alloc = new();
    let one = alloc.create_with(|| [1_u8; 1025]).unwrap();
    let other = alloc.create_with(|| [2_u8; 3000]).unwrap();
    // SAFETY: live items of this allocator, each destroyed once.
    unsafe {
        assert_eq!((one.as_ref()[1024], other.as_ref()[2999]), (1, 2));
        alloc.destroy(one);
        alloc.destroy(other);
    }
}

/// U-SB-01
#[test]
fn any_function_that_gives_memory_will_do() {
    let space = Reservation::new(1 << 24).unwrap();
    let used = Cell::new(1);
    let grow = |len: usize| {
        let start = used.replace(used.get() + len);
        space.commit(0..(start + len).next_multiple_of(heap_os::page_size())).ok()?;
        // SAFETY: in the reservation.
        Some(unsafe { space.ptr().add(start) })
    };
    // SAFETY: `grow` gives each byte once, in ascending order (and at odd addresses), and the reservation lives longer.
    let alloc = BreakAllocator::over(unsafe { FnBreak::new(grow) });
    for size in [1, 100, 10_000, 100_000] {
        let block = numbered(&alloc, size);
        // SAFETY: our block.
        unsafe {
            assert_numbered(block, size);
            alloc.free(block, layout(size, 1));
        }
    }
}

/// D-SB-02
#[test]
fn memory_taken_is_little_more_than_memory_asked() {
    let alloc = new();
    for _ in 0..1000 {
        alloc.alloc(layout(1000, 8)).unwrap();
    }
    let asked = 1000 * 1000;
    assert!(alloc.source().taken() <= asked + asked / 8 + PAGE, "{} bytes", alloc.source().taken());
}

/// D-SB-03
#[test]
fn when_the_source_runs_dry_requests_fail_and_what_is_there_still_serves() {
    let alloc = new();
    let limit = 4 * PAGE;
    alloc.source().limit.store(limit, Relaxed);
    assert!(alloc.alloc(layout(limit, 8)).is_err());
    for size in [24, 3 * PAGE / 4] {
        let mut blocks = Vec::new();
        while let Ok(block) = alloc.alloc(layout(size, 8)) {
            // SAFETY: our block.
            unsafe { block.cast::<u8>().write_bytes(blocks.len() as u8, size) };
            blocks.push(block.cast::<u8>());
        }
        assert!(blocks.len() * size > limit / 2, "{} blocks of {size}", blocks.len());
        for (index, block) in blocks.into_iter().enumerate() {
            // SAFETY: our blocks.
            unsafe {
                assert_eq!((block.read(), block.add(size - 1).read()), (index as u8, index as u8));
                alloc.free(block, layout(size, 8));
            }
        }
    }
}

/// D-SB-04
#[test]
fn every_alignment_is_honoured_or_refused() {
    let alloc = new();
    for log2 in 0..=28 {
        for size in [1, 100, PAGE] {
            let block = alloc.alloc(layout(size, 1 << log2)).unwrap().cast::<u8>();
            assert_eq!(block.addr().get() % (1 << log2), 0);
            // SAFETY: our block.
            unsafe {
                block.write_bytes(1, size);
                alloc.free(block, layout(size, 1 << log2));
            }
        }
    }
    assert!(alloc.alloc(layout(1, 1 << (usize::BITS - 2))).is_err());
}

/// D-SB-05
#[test]
fn the_last_freed_is_reused_first() {
    let alloc = new();
    for size in [24, 8 * WORD] {
        let blocks: Vec<_> = (0..7).map(|_| numbered(&alloc, size)).collect();
        // Those between stay, so that nothing becomes one.
        for index in [1, 5, 3] {
            // SAFETY: our blocks, each freed once.
            unsafe { alloc.free(blocks[index], layout(size, 1)) };
        }
        for index in [3, 5, 1] {
            assert_eq!(numbered(&alloc, size), blocks[index]);
        }
    }
    let large = numbered(&alloc, 5 * PAGE);
    let _fence = numbered(&alloc, 10);
    // SAFETY: our block.
    unsafe { alloc.free(large, layout(5 * PAGE, 1)) };
    assert_eq!(numbered(&alloc, 5 * PAGE), large);
}

/// D-SB-06, as far as it holds here: blocks become one when they are freed, for which both their ends must be known.
#[test]
fn a_freed_block_keeps_its_content_but_for_three_words_at_the_start_and_one_at_the_end() {
    let alloc = new();
    for size in [8 * WORD, 1000, PAGE] {
        let (block, fence) = (numbered(&alloc, size), numbered(&alloc, 1));
        // SAFETY: the memory outlives the block: it is the reservation's.
        unsafe {
            alloc.free(block, layout(size, 1));
            for index in 3 * WORD..size - WORD {
                assert_eq!(block.add(index).read(), index as u8, "byte {index} of {size}");
            }
            alloc.free(fence, layout(1, 1));
        }
    }
}

#[test]
fn a_block_grows_down_into_the_free_memory_before_it_but_not_for_little() {
    let alloc = new();
    let blocks = [1000, 3000, 3000, 1].map(|size| numbered(&alloc, size));
    let taken = alloc.source().taken();
    // SAFETY: blocks followed as they move.
    unsafe {
        alloc.free(blocks[1], layout(3000, 1));
        let same = alloc.remap(blocks[2], layout(3000, 1), 3100);
        assert!(same.is_none(), "less than an eighth");
        assert!(!alloc.resize(blocks[2], layout(3000, 1), 6000), "not in place");
        let moved = alloc.remap(blocks[2], layout(3000, 1), 5000).unwrap();
        assert_eq!((moved.cast(), moved.len()), (blocks[1], 5000));
        assert_numbered(moved.cast(), 3000);
        assert!(alloc.resize(moved.cast(), layout(5000, 1), 6000), "what is left is behind it");
        assert_eq!(realloc(&alloc, moved.cast(), 6000, 6000), blocks[1]);
        alloc.free(blocks[0], layout(1000, 1));
        let aligned = layout(6000, 4096);
        let block = alloc.alloc(aligned).unwrap().cast();
        assert!(
            alloc.remap(block, aligned, 12_000).is_none_or(|same| same.cast() == block),
            "it would not be aligned"
        );
    }
    assert!(alloc.source().taken() <= taken + 2 * PAGE);
}

#[test]
fn vectors_that_grow_side_by_side_leave_few_holes() {
    let alloc = new();
    let mut blocks: Vec<_> = (0..200).map(|_| (numbered(&alloc, 4096), 4096)).collect();
    for round in 0..3 {
        // Every other one goes, and the rest becomes twice as large: as many bytes as before.
        let mut index = 0;
        blocks.retain(|&(block, size)| {
            index += 1;
            // SAFETY: our blocks, each freed once.
            (index + round) % 2 == 0
                || unsafe {
                    alloc.free(block, layout(size, 1));
                    false
                }
        });
        for (block, size) in &mut blocks {
            // SAFETY: followed as it moves.
            unsafe { *block = realloc(&alloc, *block, *size, 2 * *size) };
            *size *= 2;
        }
    }
    // A third more where blocks grow upwards only.
    assert!(alloc.source().taken() <= 200 * 4096 * 5 / 4, "{}", alloc.source().taken());
    for (block, size) in blocks {
        // SAFETY: our blocks.
        unsafe {
            assert_numbered(block, 4096);
            alloc.free(block, layout(size, 1));
        }
    }
}

/// D-SB-08
#[test]
fn memory_that_somebody_else_takes_in_between_makes_a_gap() {
    let alloc = new();
    let mut blocks = Vec::new();
    for round in 0..20 {
        let size = PAGE / 2 + round * 1000;
        blocks.push((numbered(&alloc, size), size));
        alloc.source().jump(round % 3 * PAGE);
    }
    for (block, size) in blocks {
        // SAFETY: our blocks.
        unsafe {
            assert_numbered(block, size);
            alloc.free(block, layout(size, 1));
        }
    }
}

/// D-SB-09
#[test]
fn a_power_of_two_takes_a_power_of_two() {
    for log2 in 5..20 {
        let (size, alloc) = (1 << log2, new());
        for _ in 0..64 {
            numbered(&alloc, size);
        }
        let taken = alloc.source().taken();
        assert!(taken <= 64 * size + 8 * size + 2 * PAGE, "{taken} bytes for 64 blocks of {size}");
    }
}

/// Freed memory is used before the source is asked for more, whatever sizes it was freed in.
#[test]
fn what_was_freed_in_small_pieces_serves_a_large_request() {
    let alloc = new();
    let blocks: Vec<_> = (0..1000).map(|_| numbered(&alloc, 1000)).collect();
    let taken = alloc.source().taken();
    for &index in &[1, 0] {
        for block in blocks.iter().skip(index).step_by(2) {
            // SAFETY: our blocks, each freed once.
            unsafe { alloc.free(*block, layout(1000, 1)) };
        }
    }
    numbered(&alloc, 1_000_000);
    assert_eq!(alloc.source().taken(), taken);
}

#[test]
fn growth_adds_only_what_is_missing_behind_the_last_free_block() {
    let alloc = new();
    numbered(&alloc, 20 * PAGE);
    let block = numbered(&alloc, 2 * PAGE);
    // SAFETY: our block.
    unsafe { alloc.free(block, layout(2 * PAGE, 1)) };
    let before = alloc.source().taken();
    numbered(&alloc, 3 * PAGE);
    assert!(alloc.source().taken() <= before + PAGE);
}
