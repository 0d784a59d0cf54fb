//! The four batteries of Zig's standard library, B1 to B4, as cases and as functions.
//!
//! Each stands behind a [`ValidationAllocator`].
//! The functions want an allocator that serves a few MiB; the cases shrink them to the allocator's limits.
#![forbid(unsafe_code)]

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::limits::Limits;
use crate::validation::ValidationAllocator;

/// The smallest page size of any platform, in bytes: the batteries' large alignments derive from it.
const PAGE_MIN: usize = 4096;

/// B1: many small blocks beside one that grows, shrinking, freeing and empty blocks.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn test_allocator<A: Allocator + ?Sized>(allocator: &A) {
    battery_1(allocator, 20_000);
}

/// B2: small blocks of every alignment from 1 to 64 bytes, grown and shrunk.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn test_allocator_aligned<A: Allocator + ?Sized>(allocator: &A) {
    battery_2(allocator, 64);
}

/// B3: blocks aligned to half a page, grown and shrunk.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn test_allocator_large_alignment<A: Allocator + ?Sized>(allocator: &A) {
    battery_3(allocator, PAGE_MIN / 2, 1);
}

/// B4: shrinking a block that is not aligned to 32 pages, as a page mapping might be, keeps its content.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn test_allocator_aligned_shrink<A: Allocator + ?Sized>(allocator: &A) {
    battery_4(allocator, 2 * PAGE_MIN + 50, 64);
}

/// [`test_allocator`], growing its large block as far as the limits go. Nothing below 4 KiB in total.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn b1_small_blocks_beside_a_growing_one<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let grown = (limits.max_size / 8).min(limits.total / 32).min(20_000);
    if grown >= 100 && limits.allow(layout(16, 8), 250) {
        battery_1(&make(), grown);
    }
}

/// [`test_allocator_aligned`], up to the limits' alignment.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn b2_every_small_alignment<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let max_align = limits.max_align.min(64);
    if limits.allow(layout(100, max_align), 30) {
        battery_2(&make(), max_align);
    }
}

/// [`test_allocator_large_alignment`], with smaller blocks when the limits want it.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn b3_large_alignment<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for divisor in [1, 10, 100] {
        let align = limits.max_align.min(PAGE_MIN / 2);
        if limits.allow(layout(20_000 / divisor, align), 4) {
            return battery_3(&make(), align, divisor);
        }
    }
}

/// [`test_allocator_aligned_shrink`], with smaller blocks when the limits want it.
///
/// # Panics
///
/// When the allocator breaks a promise.
pub fn b4_shrinking_keeps_content<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let size = (2 * PAGE_MIN + 50).min(limits.max_size);
    let count = (limits.total / (2 * limits.cost(layout(size, 16)))).min(64);
    if size >= 128 && count > 1 && limits.max_align >= 16 {
        battery_4(&make(), size, count);
    }
}

fn battery_1<A: Allocator + ?Sized>(inner: &A, grown: usize) {
    let allocator = &ValidationAllocator::new(inner);
    let mut pointers = ok(Block::alloc(allocator, layout(100 * 8, 8), 0));
    let mut items: Vec<_> = (0..100).map(|nth| ok(Block::alloc(allocator, layout(4, 4), nth))).collect();
    ok(pointers.realloc(layout(grown * 8, 8)));
    items.iter_mut().for_each(|item| ok(item.check()));
    items.into_iter().for_each(|item| ok(item.free()));
    if ok(pointers.resize(50 * 8)) {
        ok(pointers.resize(25 * 8));
    }
    ok(pointers.realloc(layout(0, 8)));
    ok(pointers.realloc(layout(10 * 8, 8)));
    assert!(pointers.usable() >= 80);
    ok(pointers.free());

    for align in [1, 8] {
        ok(ok(Block::alloc(allocator, layout(0, align), 0)).free());
    }
    let five = ok(Block::alloc(allocator, layout(5 * 4, 4), 5));
    assert!(five.usable() >= 20);
    ok(five.free());
}

fn battery_2<A: Allocator + ?Sized>(inner: &A, max_align: usize) {
    let allocator = &ValidationAllocator::new(inner);
    for align in (0..=max_align.ilog2()).map(|log2| 1 << log2) {
        let mut block = ok(Block::alloc(allocator, layout(10, align), align as u64));
        for grown in [100, 0, 100] {
            ok(block.realloc(layout(grown, align)));
            ok(block.resize(grown.min(10)));
        }
        ok(block.realloc(layout(0, align)));
        ok(block.free());
    }
}

fn battery_3<A: Allocator + ?Sized>(inner: &A, align: usize, divisor: usize) {
    let allocator = &ValidationAllocator::new(inner);
    let mut block = ok(Block::alloc(allocator, layout(500 / divisor, align), 3));
    ok(block.resize(100 / divisor));
    ok(block.realloc(layout(5000 / divisor, align)));
    ok(block.resize(10));
    ok(block.realloc(layout(20_000 / divisor, align)));
    ok(block.free());
}

fn battery_4<A: Allocator + ?Sized>(inner: &A, size: usize, max_blocks: usize) {
    let allocator = &ValidationAllocator::new(inner);
    let mut blocks = Vec::new();
    loop {
        let block = ok(Block::alloc(allocator, layout(size, 16), 4));
        let aligned = block.addr().is_multiple_of(32 * PAGE_MIN);
        blocks.push(block);
        if !aligned || blocks.len() == max_blocks {
            break;
        }
    }
    let mut block = blocks.pop().expect("the loop has pushed one");
    blocks.into_iter().for_each(|block| ok(block.free()));
    ok(block.realloc(layout(size / 2, 16)));
    ok(block.free());
}
