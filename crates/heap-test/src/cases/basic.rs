//! Blocks: whole, apart from each other, in the client's hands until it gives them back (A1, A2).
#![forbid(unsafe_code)]

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::limits::Limits;
use crate::rng::Rng;
use crate::shadow::Shadow;

/// A block is as long as asked and can be written over its whole length, at every size class boundary.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn blocks_are_writable_over_their_whole_length<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let mut allocator = make();
    let mut budget = limits.budget();
    for size in limits.boundary_sizes() {
        let layout = layout(size, limits.max_align.min(8));
        if !budget.take(layout) {
            (allocator, budget) = (make(), limits.budget());
            if !budget.take(layout) {
                continue;
            }
        }
        ok(ok(Block::alloc(&allocator, layout, size as u64)).free());
    }
}

/// Live blocks share no byte, and keep their content while others come and go.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn live_blocks_do_not_overlap<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let (mut shadow, mut rng, mut blocks) = (Shadow::new(), Rng::new(11), Vec::new());
    let mut budget = limits.budget();
    for stamp in 0..600 {
        let align = 1 << rng.below(1 + limits.max_align.min(64).ilog2() as usize);
        let layout = layout(1 + rng.below(limits.max_size.clamp(1, 5000)), align);
        if !budget.take(layout) {
            break;
        }
        let block = ok(Block::alloc(&allocator, layout, stamp));
        ok(shadow.insert(block.addr(), block.usable(), layout));
        blocks.push(block);
        if stamp % 3 == 2 {
            let freed = blocks.swap_remove(rng.below(blocks.len()));
            ok(shadow.remove(freed.addr(), freed.layout()));
            ok(freed.free());
        }
    }
    blocks.into_iter().for_each(|block| ok(block.free()));
}

/// Blocks may be freed in any order: last first, first first, at random.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn blocks_may_be_freed_in_any_order<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for (order, size) in [24, 100, 1000].into_iter().filter(|&size| size <= limits.max_size).enumerate() {
        let layout = layout(size, limits.max_align.min(8));
        let count = limits.count_of(layout).min(400) / 2;
        let allocator = make();
        for round in 0..2 {
            let mut blocks: Vec<_> = (0..count)
                .map(|nth| ok(Block::alloc(&allocator, layout, (round * count + nth) as u64)))
                .collect();
            match order {
                0 => blocks.reverse(),
                1 => {}
                _ => Rng::new(5).shuffle(&mut blocks),
            }
            blocks.into_iter().for_each(|block| ok(block.free()));
        }
    }
}

/// The client may pass back any size from the requested to the returned one (A2).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn any_size_up_to_the_returned_one_may_be_passed_back<A: Allocator>(
    make: impl Fn() -> A,
    limits: &Limits,
) {
    let allocator = make();
    let mut budget = limits.budget();
    for size in limits.boundary_sizes().filter(|&size| size < 10_000) {
        let layout = layout(size, limits.max_align.min(8));
        for way in 0..4_usize {
            // The second one is for what the change of size may take.
            if !(budget.take(layout) && budget.take(layout)) {
                return;
            }
            let mut block = ok(Block::alloc(&allocator, layout, size as u64));
            block.claim_usable();
            let claimed = block.layout().size();
            match way {
                0 => {}
                1 => drop(ok(block.resize(claimed.saturating_sub(1).max(1)))),
                2 => drop(ok(block.remap(claimed.saturating_sub(1).max(1)))),
                _ => ok(block.realloc(layout)),
            }
            ok(block.free());
        }
    }
}

/// One block after the other, each freed before the next, many times what the allocator has in total.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn freed_memory_serves_again<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    for size in limits.boundary_sizes().filter(|&size| size != 0).step_by(7) {
        let layout = layout(size, limits.max_align.min(8));
        let times = 4 * limits.count_of(layout);
        for stamp in 0..times.min(5000) as u64 {
            ok(ok(Block::alloc(&allocator, layout, stamp)).free());
        }
    }
}
