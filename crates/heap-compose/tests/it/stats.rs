//! [`Stats`]: the numbers are right, alone and for many threads, and with `()` there are none.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;
use std::sync::Barrier;
use std::thread;

use heap_arena::Arena;
use heap_compose::{Counts, Null, Stats};
use heap_core::{AllocError, Allocator, Global, Reset, SizeClasses, Usage};
use heap_test::{Limits, Program};

use crate::support::{alloc, buffer, free, generous, layout, remap, resize};

/// Hands out blocks at address 1 that nobody may touch, of any size.
struct Boundless;

// SAFETY: none: no test uses a block of it.
unsafe impl Allocator for Boundless {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Ok(NonNull::slice_from_raw_parts(layout.dangling_ptr(), layout.size()))
    }
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, _new_size: usize) -> bool {
        false
    }
    unsafe fn free(&self, _block: NonNull<u8>, _layout: Layout) {}
}

#[test]
fn every_number_is_right_after_a_mixed_sequence() {
    let heap = Stats::new(buffer(2000));
    let counts = heap.counts();
    let (first, second) = (alloc(&heap, 100), alloc(&heap, 200));
    assert_eq!(
        (counts.allocs(), counts.live_bytes(), counts.live_blocks(), counts.high_water()),
        (2, 300, 2, 300)
    );
    assert!(heap.alloc(layout(5000, 1)).is_err() && heap.alloc_zeroed(layout(5000, 1)).is_err());
    assert_eq!((counts.failures(), counts.live_bytes()), (2, 300));
    assert!(resize(&heap, second, 200, 500) && !resize(&heap, first, 100, 101));
    assert_eq!(
        (counts.resizes(), counts.refusals(), counts.live_bytes(), counts.high_water()),
        (1, 1, 600, 600)
    );
    assert_eq!(remap(&heap, second, 500, 50), Some(second));
    assert_eq!((counts.remaps(), counts.live_bytes(), counts.high_water()), (1, 150, 600));
    assert!(remap(&heap, first, 100, 1000).is_none());
    free(&heap, second, 50);
    free(&heap, first, 100);
    assert_eq!((counts.frees(), counts.refusals(), counts.live_bytes(), counts.live_blocks()), (2, 2, 0, 0));
    assert_eq!((counts.high_water(), heap.used()), (600, 0));
}

#[test]
fn the_histogram_counts_requests_by_size_class() {
    let heap = Stats::new(Global);
    let sizes = [1, 8, 9, 100, 112, 113, 4096, 100_000];
    let blocks = sizes.map(|size| (alloc(&heap, size), size));
    let expected = [(8, 2), (16, 1), (112, 2), (128, 1), (4096, 1), (114_688, 1)];
    assert_eq!(heap.counts().histogram().collect::<Vec<_>>(), expected);
    for (block, size) in blocks {
        free(&heap, block, size);
    }
    assert_eq!(
        heap.counts().histogram().collect::<Vec<_>>(),
        expected,
        "it tells what was asked for, not what lives"
    );
}

#[test]
fn every_size_that_a_layout_can_have_has_a_place_in_the_histogram() {
    // Says that it has all the memory there is, and is never asked to show it.
    let heap = Stats::new(Boundless);
    let classes = SizeClasses::count_up_to(isize::MAX as usize);
    for class in 0..classes {
        alloc(&heap, SizeClasses::class_size(class).min(isize::MAX as usize));
    }
    assert_eq!(heap.counts().histogram().count(), classes);
}

#[test]
fn requests_of_size_zero_are_not_counted() {
    let heap = Stats::new(Global);
    let none = heap.alloc(layout(0, 8)).unwrap();
    // SAFETY: a block of size zero.
    unsafe { heap.free(none.cast(), layout(0, 8)) };
    assert_eq!((heap.counts().allocs(), heap.counts().frees()), (0, 0));
}

/// The child would let a block shrink to nothing; a block of size zero that is never freed would then live for ever.
#[test]
fn a_block_does_not_shrink_to_nothing_and_out_of_the_books() {
    let heap = Stats::new(buffer(100));
    let block = alloc(&heap, 10);
    assert!(!resize(&heap, block, 10, 0) && remap(&heap, block, 10, 0).is_none());
    free(&heap, block, 10);
    assert_eq!(heap.counts().live_blocks(), 0);
}

#[test]
fn slack_is_given_out_only_where_nothing_is_counted() {
    let (counted, off) = (Stats::new(generous()), Stats::<_, ()>::with_counter(generous()));
    let (exact, slack) = (counted.alloc(layout(97, 1)).unwrap(), off.alloc(layout(97, 1)).unwrap());
    assert_eq!((exact.len(), slack.len()), (97, 112));
    free(&counted, exact.cast(), 97);
    free(&off, slack.cast(), 112);
}

#[test]
fn with_nothing_counted_the_type_is_its_child() {
    assert_eq!(size_of::<Stats<Arena, ()>>(), size_of::<Arena>());
    assert_eq!(size_of::<Stats<Null, ()>>(), 0);
    assert_eq!(Stats::<_, ()>::with_counter(Null).counts().high_water(), 0);
}

#[test]
fn a_reset_frees_what_was_live() {
    let mut heap = Stats::<_, Cell<usize>>::with_counter(Arena::new());
    (0..10).for_each(|_| _ = alloc(&heap, 10));
    heap.reset();
    let counts = heap.counts();
    assert_eq!(
        (counts.live_bytes(), counts.live_blocks(), counts.frees(), counts.high_water()),
        (0, 0, 10, 100)
    );
}

#[test]
fn a_random_program_leaves_nothing_live_and_both_counters_agree() {
    let heap = Stats::new(Stats::<_, Cell<usize>>::with_counter(Global));
    for seed in 0..20 {
        Program::from_seed(seed, 500, &Limits::DEFAULT).run(&heap, &Limits::DEFAULT).unwrap();
        let (atomic, cell) = (heap.counts(), heap.child().counts());
        assert_eq!((atomic.live_bytes(), atomic.live_blocks()), (0, 0));
        assert_eq!(format!("{atomic:?}"), format!("{cell:?}"));
        assert!(atomic.histogram().eq(cell.histogram()));
    }
}

/// All threads hold all their blocks at once, and one more free and alloc each never shows in the high-water mark.
#[test]
fn threads_are_counted_exactly() {
    const THREADS: usize = 8;
    const BLOCKS: usize = 500;
    let (heap, full) = (&Stats::new(Global), &Barrier::new(THREADS));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let size = 16 * (thread + 1);
                let blocks: Vec<_> = (0..BLOCKS).map(|_| alloc(heap, size)).collect();
                full.wait();
                for &block in &blocks {
                    free(heap, block, size);
                    free(heap, alloc(heap, size), size);
                }
            });
        }
    });
    let (counts, each): (&Counts, _) = (heap.counts(), 2 * BLOCKS);
    assert_eq!((counts.allocs(), counts.frees()), (THREADS * each, THREADS * each));
    assert_eq!((counts.live_bytes(), counts.live_blocks()), (0, 0));
    assert_eq!(counts.high_water(), BLOCKS * (1..=THREADS).map(|nth| 16 * nth).sum::<usize>());
    assert_eq!(counts.histogram().map(|(_, made)| made).sum::<usize>(), THREADS * each);
}
