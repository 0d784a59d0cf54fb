//! [`Scoped`]: nothing is left behind.

use heap_compose::Scoped;
use heap_core::{Allocator, Reset};
use heap_test::ValidationAllocator;

use crate::support::{alloc, buffer, free, layout, remap, resize, strict};

#[test]
fn what_is_left_is_freed_on_drop() {
    let child = strict();
    let scope = Scoped::new(&child);
    let blocks: Vec<_> = (1..100).map(|size| alloc(&scope, size)).collect();
    for nth in [0, 98, 50, 51, 49] {
        free(&scope, blocks[nth], nth + 1);
    }
    assert_eq!(child.live().len(), 94);
    drop(scope);
    assert!(child.live().is_empty());
}

#[test]
fn blocks_of_any_alignment_that_moved_or_changed_size_are_freed_with_their_layout() {
    let child = strict();
    let mut scope = Scoped::new(&child);
    for align in (0..10).map(|log2| 1 << log2) {
        scope.alloc(layout(10, align)).unwrap();
        scope.alloc_zeroed(layout(3 * align, align)).unwrap();
        scope.alloc(layout(0, align)).unwrap();
    }
    let neighbours = [alloc(&scope, 100), alloc(&scope, 100), alloc(&scope, 100)];
    let moved =
        neighbours.map(|block| remap(&scope, block, 100, 100_000).expect("`Global` remaps to any size"));
    free(&scope, moved[1], 100_000);
    scope.reset();
    assert!(child.live().is_empty());
    alloc(&scope, 10);
    drop(scope);
    assert!(child.live().is_empty());
}

#[test]
fn a_block_that_was_resized_in_place_is_freed_with_its_new_size() {
    let child = ValidationAllocator::new(buffer(1000));
    let scope = Scoped::new(&child);
    let block = alloc(&scope, 100);
    assert!(resize(&scope, block, 100, 500) && !resize(&scope, block, 500, 5000));
    drop(scope);
    assert_eq!((child.faults(), child.live()), (vec![], vec![]));
}

/// One that only remembered where blocks were would free the moved one twice here, and its neighbours never.
#[test]
fn a_moved_block_keeps_its_place_among_its_neighbours() {
    let child = strict();
    let scope = Scoped::new(&child);
    let mut blocks: Vec<_> = (0..20).map(|_| (alloc(&scope, 50), 50)).collect();
    for round in 1..10 {
        for nth in (0..blocks.len()).step_by(round) {
            let (block, size) = blocks[nth];
            blocks[nth] = (remap(&scope, block, size, size * 2).unwrap(), size * 2);
        }
        let (block, size) = blocks.swap_remove(round);
        free(&scope, block, size);
        assert_eq!(child.live().len(), blocks.len());
    }
    drop(scope);
    assert!(child.live().is_empty());
}
