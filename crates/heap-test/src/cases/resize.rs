//! Changing sizes: in place or refused, moved or refused, reallocated in any case.
#![forbid(unsafe_code)]

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::fault::Fault;
use crate::limits::Limits;

/// Sizes that cross class, page and mapping borders in both directions.
const SIZES: [usize; 16] =
    [1, 7, 8, 9, 100, 64, 1000, 1025, 4096, 4097, 3000, 32_768, 32_769, 10, 200_000, 1];

/// The sizes that a walk over all of [`SIZES`] may use, so that the allocator must serve every step.
fn sizes(limits: &Limits) -> impl Iterator<Item = usize> {
    let (max, mut budget) = (limits.max_size, limits.budget());
    let align = limits.max_align.min(8);
    let sizes = SIZES.into_iter().filter(move |&size| size <= max);
    sizes.take_while(move |&size| (0..2).all(|_| budget.take(layout(size, align))))
}

/// `resize` keeps address and content when it agrees, and everything when it refuses.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn resize_stays_in_place_or_changes_nothing<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for size in sizes(limits) {
        let allocator = make();
        let mut block = ok(Block::alloc(&allocator, layout(size, 1), 1));
        let neighbour = Block::alloc(&allocator, layout(size, 1), 2);
        for new_size in [size / 2 + 1, size, size + 1, 2 * size, 100 * size, 1] {
            let (addr, held) = (block.addr(), block.layout());
            if ok(block.resize(new_size)) {
                assert_eq!(block.layout().size(), new_size);
            } else {
                assert_eq!(block.layout(), held);
            }
            assert_eq!(block.addr(), addr, "resize has moved a block");
        }
        neighbour.into_iter().for_each(|block| ok(block.free()));
        ok(block.free());
    }
}

/// `remap` keeps the content when it agrees, and everything when it refuses.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn remap_keeps_content_or_changes_nothing<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for size in sizes(limits) {
        let allocator = make();
        let mut block = ok(Block::alloc(&allocator, layout(size, 1), 1));
        let neighbour = Block::alloc(&allocator, layout(size, 1), 2);
        for new_size in [size + 1, 2 * size, 5 * size, size / 2 + 1, 1] {
            let (addr, held) = (block.addr(), block.layout());
            if !ok(block.remap(new_size)) {
                assert_eq!((block.addr(), block.layout()), (addr, held));
            }
        }
        neighbour.into_iter().for_each(|block| ok(block.free()));
        ok(block.free());
    }
}

/// `realloc` keeps the content on every way from one size to another, beside a live neighbour.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn realloc_keeps_the_content<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let Some(first) = sizes(limits).next() else { return };
    let align = limits.max_align.min(8);
    let mut block = ok(Block::alloc(&allocator, layout(first, align), 1));
    let neighbour = ok(Block::alloc(&allocator, layout(first, align), 2));
    for size in sizes(limits) {
        ok(block.realloc(layout(size, align)));
        ok(block.realloc(layout(size, align)));
    }
    ok(neighbour.free());
    ok(block.free());
}

/// A `realloc` that fails leaves the old block intact and owned (D-AL-04).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn a_failed_realloc_leaves_the_old_block<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for size in sizes(limits) {
        let allocator = make();
        let mut block = ok(Block::alloc(&allocator, layout(size, 1), 1));
        let huge = layout(isize::MAX as usize, 1);
        for _ in 0..3 {
            let before = block.layout();
            match block.realloc(huge) {
                Err(Fault::Refused { .. }) => assert_eq!(block.layout(), before),
                Err(fault) => panic!("{fault}"),
                // A 32-bit system may have so much.
                Ok(()) if usize::BITS < 64 => {}
                Ok(()) => panic!("realloc gave {} bytes", huge.size()),
            }
        }
        ok(block.free());
    }
}
