//! Sizes of zero (A3), and memory that must be zero.
#![forbid(unsafe_code)]

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::limits::{Budget, Limits};

/// Zero-sized blocks are dangling and aligned, and no number of them exhausts the allocator (A3, D-AL-01).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn zero_sized_blocks_take_no_memory<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let kept: Vec<_> =
        limits.alignments().map(|align| ok(Block::alloc(&allocator, layout(0, align), 0))).collect();
    for align in limits.alignments() {
        for _ in 0..1000 {
            ok(ok(Block::alloc(&allocator, layout(0, align), 0)).free());
            ok(Block::alloc_zeroed(&allocator, layout(0, align), 0)).forget();
        }
    }
    kept.into_iter().for_each(|block| ok(block.free()));
    // Alignments that no memory could have are free, too.
    let huge = layout(0, 1 << (usize::BITS - 2));
    ok(ok(Block::alloc(&allocator, huge, 0)).free());
}

/// `realloc` from zero bytes allocates and to zero bytes frees (D-AL-03, D-AL-04).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn realloc_from_and_to_zero<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for size in [1, 100, 10_000] {
        for align in limits.alignments().filter(|&align| align <= 4096) {
            if !limits.allow(layout(size, align), 2) {
                continue;
            }
            let allocator = make();
            let mut block = ok(Block::alloc(&allocator, layout(0, align), 1));
            ok(block.realloc(layout(size, align)));
            ok(block.realloc(layout(0, align)));
            assert_eq!(block.usable(), 0);
            ok(block.realloc(layout(0, 1)));
            ok(block.realloc(layout(size, align)));
            ok(block.free());
        }
    }
}

/// A block without memory cannot grow in place, and one that is resized to nothing is freed or left alone.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn resize_and_remap_of_zero_sizes_are_safe<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let mut empty = ok(Block::alloc(&allocator, layout(0, 1), 1));
    for size in [1, 8, 100, usize::MAX] {
        assert!(!ok(empty.resize(size)), "resize made {size} bytes of none");
    }
    ok(empty.resize(0));
    ok(empty.remap(0));
    ok(empty.free());
    for size in [1, 100, 10_000] {
        if limits.allow(layout(size, 1), 4) {
            let mut block = ok(Block::alloc(&allocator, layout(size, 1), 2));
            ok(block.resize(0));
            ok(block.free());
            let mut block = ok(Block::alloc(&allocator, layout(size, 1), 3));
            ok(block.remap(0));
            ok(block.free());
        }
    }
}

/// `alloc_zeroed` gives zero bytes over the whole returned length, also where memory is used again.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn zeroed_blocks_are_zero_after_dirty_use<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let mut allocator = make();
    let mut budget = limits.budget();
    for size in limits.boundary_sizes().filter(|&size| size != 0) {
        let layout = layout(size, limits.max_align.min(8));
        let served = |budget: &mut Budget| (0..4).all(|_| budget.take(layout));
        if !served(&mut budget) {
            (allocator, budget) = (make(), limits.budget());
            if !served(&mut budget) {
                continue;
            }
        }
        for stamp in 0..2 {
            ok(ok(Block::alloc(&allocator, layout, stamp)).free());
            ok(ok(Block::alloc_zeroed(&allocator, layout, stamp)).free());
        }
    }
}
