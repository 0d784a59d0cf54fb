//! Absurd requests: refused, and nothing has happened (A4).
#![forbid(unsafe_code)]

use core::alloc::Layout;

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::fault::Fault;
use crate::limits::Limits;

/// The largest size that a layout of this alignment can have.
const fn largest(align: usize) -> usize {
    isize::MAX as usize - (align - 1)
}

/// A few live blocks, so that there is a state to be left untouched.
fn some_blocks<'a, A: Allocator>(allocator: &'a A, limits: &Limits) -> Vec<Block<'a, A>> {
    let layout = layout(limits.max_size.min(30), 1);
    let count = limits.count_of(layout).min(30) / 3;
    (0..count).map(|nth| ok(Block::alloc(allocator, layout, nth as u64))).collect()
}

/// Sizes near the end of the address space are refused at every alignment; live blocks and later requests are as
/// before (W-01).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn absurd_sizes_are_refused<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let mut blocks = some_blocks(&allocator, limits);
    let aligns = (0..usize::BITS - 2).rev().map(|log2| 1_usize << log2);
    let layouts = aligns.flat_map(|align| {
        let top = largest(align);
        [top, top - 1, top - 4096.min(top / 2), top / 2 + 1].map(|size| layout(size, align))
    });
    let mut served = 0;
    for layout in layouts {
        for alloc in [Block::alloc, Block::alloc_zeroed] {
            // Where gigabytes are to be had, clearing and wiping them takes a second each time: a few will do.
            if served < 4 {
                served += usize::from(served_after_all(alloc(&allocator, layout, 0)));
            }
        }
    }
    blocks.iter_mut().for_each(|block| ok(block.check()));
    blocks.into_iter().for_each(|block| ok(block.free()));
    some_blocks(&allocator, limits).into_iter().for_each(|block| ok(block.free()));
}

/// On a 64-bit system nobody has so much; on a 32-bit one 2 GiB may succeed, and then it must be usable.
fn served_after_all<A: Allocator>(block: Result<Block<'_, A>, Fault>) -> bool {
    match block {
        Ok(block) if usize::BITS < 64 => ok(block.free()),
        Ok(block) => panic!("an absurd request was served: {block:?}"),
        Err(Fault::Refused { .. }) => return false,
        Err(fault) => panic!("{fault}"),
    }
    true
}

/// Alignments beyond what the allocator need serve give an aligned block or a refusal.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn absurd_alignments_are_kept_or_refused<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let mut blocks = some_blocks(&allocator, limits);
    for align in (0..usize::BITS - 1).map(|log2| 1_usize << log2).filter(|&align| align > limits.max_align) {
        match Block::alloc(&allocator, layout(1, align), 1) {
            Ok(block) => ok(block.free()),
            Err(Fault::Refused { .. }) => {}
            Err(fault) => panic!("{fault}"),
        }
    }
    blocks.iter_mut().for_each(|block| ok(block.check()));
    blocks.into_iter().for_each(|block| ok(block.free()));
}

/// Absurd new sizes are refused by `resize` and `remap`, and the block is as before (D-AL-02).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn absurd_new_sizes_are_refused<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    for held in [1, 100, 5000, 100_000].map(|size| layout(size, limits.max_align.min(16))) {
        if !limits.allow(held, 2) {
            continue;
        }
        let allocator = make();
        let mut block = ok(Block::alloc(&allocator, held, 1));
        let top = largest(held.align());
        // In the upper half of 32 bits a block ends before the address space by less than an object may have.
        let wraps = (usize::MAX - block.addr()).max(top + 1);
        for size in [top + 1, usize::MAX - 4096, wraps, usize::MAX - 1, usize::MAX] {
            assert!(!ok(block.resize(size)) && !ok(block.remap(size)), "agreed to {size} bytes");
        }
        for size in [top, top - 4096, top / 2].into_iter().filter(|_| usize::BITS >= 64) {
            assert!(!ok(block.resize(size)) && !ok(block.remap(size)), "agreed to {size} bytes");
        }
        assert_eq!(block.layout(), held);
        ok(block.free());
    }
}

/// Served until memory is out, the allocator says `AllocError`, keeps what is live and serves again afterwards.
///
/// For allocators with a finite total only, up to 1 MiB.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn exhaustion_is_an_error_and_not_the_end<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    if limits.total == 0 || limits.total > 1 << 20 {
        return;
    }
    let allocator = make();
    let small = Layout::new::<u8>();
    let large = layout(limits.max_size.min(1000), 1);
    let mut blocks = Vec::new();
    for layout in [large, small] {
        // Four times the total is more than any allocator understates itself by; one that grows is let go.
        for stamp in 0..4 * limits.count_of(layout) as u64 {
            match Block::alloc(&allocator, layout, stamp) {
                Ok(block) => blocks.push(block),
                Err(fault) => {
                    assert_eq!(fault, Fault::Refused { layout });
                    break;
                }
            }
        }
    }
    assert!(!blocks.is_empty());
    blocks.iter_mut().for_each(|block| ok(block.check()));
    // The last block first, which every allocator that reuses anything can take back.
    let last = blocks.pop();
    drop(last);
    blocks.into_iter().rev().for_each(|block| ok(block.free()));
    ok(ok(Block::alloc(&allocator, layout(0, 1), 0)).free());
}
