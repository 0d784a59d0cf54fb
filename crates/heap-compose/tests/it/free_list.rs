//! [`FreeList`]: what is kept, for whom, and when it goes back.

use heap_arena::Arena;
use heap_compose::FreeList;
use heap_core::{Allocator, Reset};
use heap_test::CountingAllocator;

use crate::support::{alloc, free, layout, remap, resize, strict};

#[test]
fn the_last_freed_block_is_the_next_one_and_the_child_is_not_asked() {
    let heap = FreeList::<_, 17, 64>::new(CountingAllocator::new(strict()));
    let blocks: Vec<_> = (0..10).map(|_| alloc(&heap, 64)).collect();
    blocks.iter().for_each(|&block| free(&heap, block, 20));
    let before = heap.child().calls();
    for (&block, size) in blocks.iter().rev().zip(17..) {
        assert_eq!(alloc(&heap, size), block);
    }
    assert_eq!(heap.child().calls(), before);
    blocks.iter().for_each(|&block| free(&heap, block, 64));
    assert_eq!(heap.child().inner().live().len(), 10, "they are kept");
    heap.release();
    assert!(heap.child().inner().live().is_empty(), "and given back");
}

#[test]
fn a_dropped_list_gives_its_blocks_back() {
    let child = strict();
    let heap = FreeList::<_, 1, 100>::new(&child);
    let blocks: Vec<_> = (1..50).map(|size| (alloc(&heap, size), size)).collect();
    blocks.into_iter().for_each(|(block, size)| free(&heap, block, size));
    assert_eq!(child.live().len(), 49);
    drop(heap);
    assert!(child.live().is_empty());
}

#[test]
fn other_sizes_and_alignments_pass_by() {
    let heap = FreeList::<_, 17, 32>::new(strict());
    for (size, align) in [(16, 1), (33, 1), (20, 32), (1000, 4096)] {
        let block = heap.alloc(layout(size, align)).unwrap();
        assert_eq!(
            heap.child().live(),
            [(block.addr().get(), layout(size, align))],
            "the layout is untouched"
        );
        // SAFETY: live with this layout.
        unsafe { heap.free(block.cast(), layout(size, align)) };
        assert!(heap.child().live().is_empty());
    }
}

#[test]
fn a_block_changes_size_on_its_own_side_only() {
    let heap = FreeList::<_, 17, 32>::new(strict());
    let (inside, outside) = (alloc(&heap, 20), alloc(&heap, 100));
    assert!(resize(&heap, inside, 20, 32) && resize(&heap, inside, 32, 17));
    assert!(!resize(&heap, inside, 17, 16) && !resize(&heap, inside, 17, 33));
    assert!(remap(&heap, inside, 17, 33).is_none());
    assert!(!resize(&heap, outside, 100, 20) && remap(&heap, outside, 100, 20).is_none());
    let outside = remap(&heap, outside, 100, 16).expect("`Global` remaps to any size");
    free(&heap, outside, 16);
    free(&heap, inside, 17);
}

#[test]
fn the_child_is_asked_for_the_largest_size_at_its_natural_alignment() {
    let word = size_of::<usize>();
    assert_eq!(FreeList::<Arena, 1, 64>::LAYOUT, layout(64, 2 * word), "no more than two words");
    assert_eq!(FreeList::<Arena, 1, 24>::LAYOUT, layout(24, 8));
    assert_eq!(FreeList::<Arena, 1, 98>::LAYOUT, layout(98, word), "a link needs a word");
}

#[test]
fn recycled_zeroed_blocks_are_zero_again() {
    let heap = FreeList::<_, 1, 64>::new(strict());
    let block = alloc(&heap, 64);
    // SAFETY: live with this layout.
    unsafe { block.write_bytes(0xFF, 64) };
    free(&heap, block, 64);
    let zeros = heap.alloc_zeroed(layout(10, 1)).unwrap();
    // SAFETY: live, with as many bytes as were returned, all written.
    assert!(unsafe { zeros.as_ref() }.iter().all(|&byte| byte == 0));
    assert_eq!((zeros.cast(), zeros.len()), (block, 64));
    free(&heap, block, 64);
}

#[test]
fn a_reset_forgets_the_list() {
    let mut heap = FreeList::<_, 1, 64>::new(Arena::new());
    let block = alloc(&heap, 64);
    free(&heap, block, 64);
    heap.reset();
    assert_eq!(heap.child().used(), 0);
    let (first, second) = (alloc(&heap, 64), alloc(&heap, 64));
    assert_ne!(first, second, "a block that was on the list would be handed out twice");
}
