//! Who is asked, and with which layout: the parts that choose a child or change a layout.

use heap_arena::Arena;
use heap_compose::{
    Affix, Buckets, BySize, Fallback, FreeList, Inspect, Limit, MinAlign, MultipleOf, Null, Quantized,
    Scoped, Stats, Zeroize,
};
use heap_core::{Allocator, Global, Owns, UsableSize, Usage};
use heap_test::{Calls, CountingAllocator};

use crate::support::{Log, alloc, buffer, free, generous, layout, remap, resize, strict};

#[test]
fn fallback_frees_each_block_where_it_was_made() {
    let heap = Fallback::new(buffer(100), strict());
    let (first, second) = (alloc(&heap, 80), alloc(&heap, 80));
    assert!(heap.primary().owns(first) && !heap.primary().owns(second));
    assert_eq!(heap.fallback().live(), [(second.addr().get(), layout(80, 1))]);
    free(&heap, first, 80);
    free(&heap, second, 80);
    assert_eq!((heap.primary().used(), heap.fallback().live().len()), (0, 0));
    let again = alloc(&heap, 100);
    assert_eq!(again, first, "the primary is asked first again");
}

#[test]
fn fallback_leaves_a_block_with_its_child_when_that_cannot_grow_it() {
    let heap = Fallback::new(buffer(100), CountingAllocator::new(Global));
    let block = alloc(&heap, 80);
    assert!(!resize(&heap, block, 80, 200) && remap(&heap, block, 80, 200).is_none());
    assert_eq!(heap.fallback().calls(), Calls::default(), "the other child was not asked");
    assert!(resize(&heap, block, 80, 90));
    assert_eq!(remap(&heap, block, 90, 100), Some(block));
    // SAFETY: live with this layout.
    let moved = unsafe { heap.realloc(block, layout(100, 1), layout(200, 1)) }.unwrap().cast();
    assert_eq!(
        (heap.fallback().calls().alloc, heap.primary().used()),
        (1, 0),
        "`realloc` copies, and frees at home"
    );
    free(&heap, moved, 200);
}

#[test]
fn by_size_sends_the_border_itself_to_the_small_child() {
    let heap = BySize::new(strict(), strict(), 64);
    let (small, large) = (alloc(&heap, 64), alloc(&heap, 65));
    assert_eq!((heap.small().live().len(), heap.large().live().len()), (1, 1));
    assert!(!resize(&heap, small, 64, 65) && remap(&heap, small, 64, 65).is_none());
    assert!(!resize(&heap, large, 65, 64) && remap(&heap, large, 65, 64).is_none());
    free(&heap, small, 64);
    free(&heap, large, 65);
    assert_eq!((heap.small().live().len(), heap.large().live().len()), (0, 0));
}

/// The small child gives 112 bytes for 97; with 112 on free the block would go to the large child.
#[test]
fn by_size_gives_out_no_slack_that_would_lead_to_the_other_child() {
    let heap = BySize::new(generous(), generous(), 100);
    let block = heap.alloc(layout(97, 1)).unwrap();
    assert_eq!(block.len(), 100);
    // SAFETY: live with this layout.
    assert_eq!(unsafe { heap.usable_size(block.cast(), layout(97, 1)) }, 100);
    // SAFETY: live with this layout.
    let moved = unsafe { heap.remap(block.cast(), layout(97, 1), 98) }.unwrap();
    assert_eq!(moved.len(), 100);
    free(&heap, moved.cast(), 100);
    assert!(heap.small().child().live().is_empty());
}

#[test]
fn a_bucket_sees_one_size_only() {
    let logs: [Log; 3] = Default::default();
    let heap =
        Buckets::<_, 3, 10>::new(logs.each_ref().map(|log| Inspect::new(strict(), |event| log.see(event))));
    for size in 1..=30 {
        let block = alloc(&heap, size);
        let bound = size.div_ceil(10) * 10;
        assert!(resize(&heap, block, size, bound) && !resize(&heap, block, bound, bound + 1));
        assert!(!resize(&heap, block, bound, bound - 10), "the bucket below, or nothing");
        free(&heap, block, bound);
    }
    assert!(heap.alloc(layout(31, 1)).is_err());
    for (log, bound) in logs.iter().zip([10, 20, 30]) {
        let (made, freed) = log.layouts();
        assert_eq!(
            (made.as_slice(), freed.as_slice()),
            ([layout(bound, 1); 10].as_slice(), [layout(bound, 1); 10].as_slice())
        );
    }
}

#[test]
fn min_align_asks_and_frees_with_the_raised_alignment() {
    let log = Log::default();
    let heap = MinAlign::<_, 64>::new(Inspect::new(strict(), |event| log.see(event)));
    for (asked, given) in [(1, 64), (64, 64), (256, 256)] {
        let block = heap.alloc(layout(10, asked)).unwrap();
        // SAFETY: live with this layout.
        unsafe { heap.free(block.cast(), layout(10, asked)) };
        assert_eq!(log.layouts(), (vec![layout(10, given)], vec![layout(10, given)]));
    }
}

#[test]
fn quantized_resizes_within_a_step_without_asking() {
    let heap = Quantized::<_, MultipleOf<100>>::new(CountingAllocator::new(strict()));
    let block = alloc(&heap, 101);
    for size in [150, 200, 101, 199] {
        assert!(resize(&heap, block, 101, size));
        assert_eq!(remap(&heap, block, 101, size), Some(block));
    }
    assert_eq!(heap.child().calls(), Calls { alloc: 1, ..Calls::default() });
    assert!(!resize(&heap, block, 200, 201));
    free(&heap, block, 137);
    assert!(heap.child().inner().live().is_empty());
}

/// An allocator whose fresh memory is zero does not clear it again: so the child must be asked for zeros.
#[test]
fn zeroed_memory_is_asked_of_the_child() {
    fn asks_for_zeros(name: &str, heap: impl Fn(&CountingAllocator<Global>) -> Calls) {
        let child = CountingAllocator::new(Global);
        assert_eq!(heap(&child), Calls { alloc_zeroed: 1, ..Calls::default() }, "{name}");
    }
    macro_rules! each {
        ($($part:expr),+ $(,)?) => { $(asks_for_zeros(stringify!($part), |child| {
            let make = $part;
            let heap = make(child);
            let zeros = heap.alloc_zeroed(layout(40, 8)).unwrap();
            let calls = child.calls();
            // SAFETY: live with this layout.
            unsafe { heap.free(zeros.cast(), layout(40, 8)) };
            calls
        });)+ };
    }
    each!(
        |child| Fallback::new(Null, child),
        |child| BySize::new(child, Null, 40),
        |child| Buckets::<_, 1, 64>::new([child]),
        |child| MinAlign::<_, 64>::new(child),
        |child| Quantized::<_, MultipleOf<64>>::new(child),
        |child| Affix::<_, u8, u8>::new(child, 1, 2),
        |child| Scoped::new(child),
        |child| FreeList::<_, 8, 64>::new(child),
        |child| Limit::new(child, 1000),
        |child| Stats::new(child),
        |child| Inspect::new(child, |_| ()),
        |child| Zeroize::new(child),
    );
}

#[test]
fn usage_of_a_pair_is_the_sum() {
    let heap = Fallback::new(buffer(100), Limit::new(Arena::new(), 1000));
    let (first, second) = (alloc(&heap, 60), alloc(&heap, 60));
    assert_eq!((heap.used(), heap.capacity()), (120, 160));
    free(&heap, first, 60);
    free(&heap, second, 60);
    assert_eq!(heap.used(), 0);
}
