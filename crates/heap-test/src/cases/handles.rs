//! One allocator, many handles: references, trait objects, and the value itself after a move (A1, A5).

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::limits::Limits;

/// A reference to an allocator and a trait object of it serve the same blocks (A5).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn handles_share_their_blocks<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let layout = layout(limits.max_size.min(40), limits.max_align.min(8));
    if !limits.allow(layout, 4) {
        return;
    }
    let object: &dyn Allocator = &allocator;
    let by_value = ok(Block::alloc(&allocator, layout, 1)).detach();
    let by_reference = ok(Block::alloc(&&allocator, layout, 2)).detach();
    let by_object = ok(Block::alloc(object, layout, 3)).detach();
    // SAFETY: all three are live blocks of `allocator`, which every handle here refers to.
    let blocks =
        unsafe { (by_value.attach(object), by_reference.attach(&allocator), by_object.attach(&object)) };
    ok(blocks.0.free());
    ok(blocks.1.free());
    ok(blocks.2.free());
}

/// Blocks stay live when the allocator value moves (A1).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn moving_the_allocator_keeps_its_blocks<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let layout = layout(limits.max_size.min(200), limits.max_align.min(16));
    let count = limits.count_of(layout).min(60) / 2;
    let blocks: Vec<_> =
        (0..count).map(|nth| ok(Block::alloc(&allocator, layout, nth as u64)).detach()).collect();
    let moved = Box::new(allocator);
    for (nth, block) in blocks.into_iter().enumerate() {
        // SAFETY: the block is live and came from this allocator before it moved.
        let mut block = unsafe { block.attach(&*moved) };
        ok(block.check());
        ok(ok(Block::alloc(&*moved, layout, nth as u64)).free());
        ok(block.free());
    }
}
