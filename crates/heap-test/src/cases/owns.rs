//! The capability traits: [`Owns`], [`UsableSize`], [`Reset`], [`Usage`].

use core::ptr::NonNull;

use heap_core::{Allocator, Owns, Reset, UsableSize, Usage};

use super::{layout, ok};
use crate::block::Block;
use crate::limits::Limits;

/// Every byte of a live block is owned; the stack, other memory and another instance's blocks are not.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn live_blocks_are_owned_and_foreign_ones_are_not<A: Allocator + Owns>(
    make: impl Fn() -> A,
    limits: &Limits,
) {
    let (allocator, local) = (make(), 0_u8);
    assert!(!allocator.owns(NonNull::from(&local)), "the stack is not the allocator's");
    assert!(!allocator.owns(NonNull::<u64>::dangling().cast()), "a dangling pointer is not the allocator's");
    let static_ = NonNull::from(&0_u8);
    assert!(!allocator.owns(static_), "static memory is not the allocator's");
    for size in [1, 100, 5000, 300_000] {
        if limits.allow(layout(size, 1), 2) {
            let block = ok(Block::alloc(&allocator, layout(size, 1), 1));
            let ends = [block.addr(), block.addr() + size - 1];
            for addr in ends {
                let byte = block.as_ptr().with_addr(addr.try_into().expect("no block lies at address zero"));
                assert!(allocator.owns(byte), "a byte of a live block of {size} bytes is not owned");
            }
            ok(block.free());
        }
    }
}

/// The usable size is at least the requested one, can be written, and can be passed back.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn the_usable_size_can_be_used_and_passed_back<A: Allocator + UsableSize>(
    make: impl Fn() -> A,
    limits: &Limits,
) {
    let mut budget = limits.budget();
    let allocator = make();
    for size in limits.boundary_sizes().filter(|&size| size != 0 && size < 100_000) {
        if !budget.take(layout(size, 1)) {
            break;
        }
        let mut block = ok(Block::alloc(&allocator, layout(size, 1), 1));
        // SAFETY: the block is live with this layout.
        let usable = unsafe { allocator.usable_size(block.as_ptr(), block.layout()) };
        assert!(usable >= size, "{usable} usable bytes of {size}");
        // SAFETY: `UsableSize` promises that they may be used.
        unsafe { block.use_up_to(usable) };
        block.claim_usable();
        ok(block.free());
    }
}

/// After a reset the allocator serves as much as a new one.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn a_reset_allocator_serves_again<A: Allocator + Reset>(make: impl Fn() -> A, limits: &Limits) {
    let mut allocator = make();
    let layout = layout(limits.max_size.min(100), limits.max_align.min(8));
    let count = limits.count_of(layout).min(1000);
    for round in 0..3 {
        for stamp in 0..count {
            ok(Block::alloc(&allocator, layout, (round * count + stamp) as u64)).forget();
        }
        allocator.reset();
        allocator.reset();
    }
    let blocks: Vec<_> = (0..count).map(|stamp| ok(Block::alloc(&allocator, layout, stamp as u64))).collect();
    blocks.into_iter().for_each(|block| ok(block.free()));
}

/// What is used lies between what clients hold and what the allocator holds.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn usage_covers_what_is_live<A: Allocator + Usage>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let layout = layout(limits.max_size.min(200), limits.max_align.min(8));
    let count = limits.count_of(layout).min(100);
    let before = allocator.used();
    let mut blocks = Vec::new();
    for stamp in 0..count {
        blocks.push(ok(Block::alloc(&allocator, layout, stamp as u64)));
        let live = blocks.len() * layout.size();
        assert!(allocator.used() - before >= live, "{} used, {live} live", allocator.used());
        assert!(allocator.used() <= allocator.capacity());
    }
    blocks.into_iter().for_each(|block| ok(block.free()));
    assert!(allocator.used() <= allocator.capacity());
}
