//! Alignment: every power of two that the allocator serves, also after the block has moved (A2).
#![forbid(unsafe_code)]

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::limits::Limits;

/// Every alignment comes out, for sizes below, at and above it, with several blocks live at once.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn every_alignment_is_kept<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for align in limits.alignments() {
        let allocator = make();
        let mut budget = limits.budget();
        let mut blocks = Vec::new();
        for size in [1, align / 2 + 1, align - 1, align, align + 1, 3 * align + 5] {
            let layout = layout(size, align);
            for stamp in 0..2 {
                if !budget.take(layout) {
                    break;
                }
                blocks.push(ok(Block::alloc(&allocator, layout, stamp)));
            }
        }
        blocks.into_iter().for_each(|block| ok(block.free()));
    }
}

/// Growing and shrinking by `remap`, `resize` and `realloc` keeps the alignment (D-SM-09, D-PA-05).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn alignment_survives_changes_of_size<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for align in limits.alignments() {
        let sizes = [align, 3 * align + 1, 10 * align, 100_000, align / 2 + 1, 1];
        let sizes = sizes.map(|size| size.min(limits.max_size));
        if !limits.allow(layout(sizes.into_iter().max().unwrap_or(1), align), 24) {
            continue;
        }
        let allocator = make();
        let mut block = ok(Block::alloc(&allocator, layout(sizes[0], align), 1));
        for size in sizes {
            if !ok(block.remap(size)) {
                ok(block.realloc(layout(size, align)));
            }
            ok(block.resize(size / 2 + 1));
        }
        ok(block.free());
    }
}

/// `realloc` may change the alignment, up and down, and keeps the content.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn realloc_changes_the_alignment<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for size in [1, 48, 5000].into_iter().filter(|&size| size <= limits.max_size) {
        let allocator = make();
        let mut budget = limits.budget();
        let mut block = None;
        for align in limits.alignments().chain([1, limits.max_align, 8.min(limits.max_align)]) {
            let layout = layout(size, align);
            if !budget.take(layout) {
                break;
            }
            match &mut block {
                None => block = Some(ok(Block::alloc(&allocator, layout, 7))),
                Some(block) => ok(block.realloc(layout)),
            }
        }
        block.into_iter().for_each(|block| ok(block.free()));
    }
}
