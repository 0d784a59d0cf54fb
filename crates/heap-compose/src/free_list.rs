//! [`FreeList`]: keeps freed blocks of like sizes for the next request.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize};

use crate::block::{Fresh, at_most, first};
use crate::free_blocks::FreeBlocks;

/// Blocks of `MIN..=MAX` bytes are asked for with `MAX` bytes, and on free put on a list, last in, first out.
///
/// Served from the list, a request costs one load. The link lies in the free block itself, so `MAX` holds at least a
/// pointer. Such blocks are aligned to the power of two in `MAX`, up to two words; requests of more alignment, and of
/// other sizes, go to the child as they are, and a block never changes sides. The list grows as the program frees:
/// [`release`](Self::release) gives it back, as dropping does. Stays on one thread. No `Usage`: the child counts what is on the list, too.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::FreeList;
/// use heap_core::{Allocator, Global};
///
/// let heap = FreeList::<Global, 17, 32>::new(Global);
/// let block = heap.alloc(Layout::new::<[u8; 20]>())?;
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), Layout::new::<[u8; 20]>()) };
/// let again = heap.alloc(Layout::new::<[u8; 30]>())?;
/// assert_eq!(again, block);
/// # unsafe { heap.free(again.cast(), Layout::new::<[u8; 30]>()) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - **L1** What is on the list is free, of the child, with [`LAYOUT`](Self::LAYOUT), and nobody else's.
/// - **L2** `is_listed` has one answer for all sizes of a block: with yes it came with `LAYOUT`.
#[derive(Debug)]
pub struct FreeList<A: Allocator, const MIN: usize, const MAX: usize> {
    child: A,
    list: FreeBlocks,
}

impl<A: Allocator, const MIN: usize, const MAX: usize> FreeList<A, MIN, MAX> {
    /// What the child is asked for where the list serves.
    pub const LAYOUT: Layout = {
        assert!(0 < MIN && MIN <= MAX && MAX >= size_of::<usize>(), "an empty range, or no room for a link");
        let (natural, word) = (1 << MAX.trailing_zeros(), align_of::<usize>());
        let align = if natural <= word { word } else { 2 * word };
        match Layout::from_size_align(MAX, align) {
            Ok(layout) => layout,
            Err(_) => Layout::new::<()>(),
        }
    };
    /// `child`, with an empty list.
    pub const fn new(child: A) -> Self {
        const { assert!(Self::LAYOUT.size() == MAX, "no layout is so large") }
        Self { child, list: FreeBlocks::new() }
    }
    /// Gives every block on the list back to the child. O(blocks on the list).
    pub fn release(&self) {
        while let Some(block) = self.list.pop() {
            // SAFETY: L1; it just left the list.
            unsafe { self.child.free(block, Self::LAYOUT) }
        }
    }
    #[inline]
    const fn is_listed(size: usize, layout: Layout) -> bool {
        MIN <= size && size <= MAX && layout.align() <= Self::LAYOUT.align()
    }
    #[inline]
    fn pop(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        let block = if Self::is_listed(layout.size(), layout) { self.list.pop() } else { None };
        block.map(|block| NonNull::slice_from_raw_parts(block, MAX))
    }
    /// What the client gets of an unlisted block of `size` bytes: no size that the list would serve (L2).
    #[inline]
    fn cut(block: NonNull<[u8]>, size: usize, layout: Layout) -> NonNull<[u8]> {
        if size < MIN && Self::is_listed(MIN, layout) { at_most(block, MIN - 1) } else { block }
    }
    #[inline]
    fn alloc_with(&self, layout: Layout, alloc: impl FnOnce(&A, Layout) -> Fresh) -> Fresh {
        if Self::is_listed(layout.size(), layout) {
            return alloc(&self.child, Self::LAYOUT).map(|block| first(block, MAX));
        }
        alloc(&self.child, layout).map(|block| Self::cut(block, layout.size(), layout))
    }
}

children! { [A: Allocator, const MIN: usize, const MAX: usize] FreeList<A, MIN, MAX>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, const MIN: usize, const MAX: usize] for FreeList<A, MIN, MAX> }

// SAFETY: by L2 each call for a block takes the side on which it was made. Listed blocks are the child's, with `LAYOUT`,
// and leave the list before a client has them (L1, A1); the others are the child's as they are, also of size zero (A3).
unsafe impl<A: Allocator, const MIN: usize, const MAX: usize> Allocator for FreeList<A, MIN, MAX> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if let Some(block) = self.pop(layout) {
            return Ok(block);
        }
        self.alloc_with(layout, A::alloc)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        match (Self::is_listed(layout.size(), layout), Self::is_listed(new_size, layout)) {
            (true, true) => true,
            // SAFETY: the caller's promise; the block is the child's as it is.
            (false, false) => unsafe { self.child.resize(block, layout, new_size) },
            _ => false,
        }
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        match (Self::is_listed(layout.size(), layout), Self::is_listed(new_size, layout)) {
            (true, true) => Some(NonNull::slice_from_raw_parts(block, MAX)),
            // SAFETY: the caller's promise; the block is the child's as it is.
            (false, false) => unsafe { self.child.remap(block, layout, new_size) }
                .map(|block| Self::cut(block, new_size, layout)),
            _ => None,
        }
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let listed = Self::is_listed(layout.size(), layout);
        // SAFETY: the caller's promise; by L2 a listed block came with `LAYOUT`, which has room for a link.
        unsafe { if listed { self.list.push(block) } else { self.child.free(block, layout) } }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let Some(block) = self.pop(layout) else { return self.alloc_with(layout, A::alloc_zeroed) };
        // SAFETY: L1: `MAX` bytes that are nobody's.
        unsafe { block.cast::<u8>().write_bytes(0, MAX) };
        Ok(block)
    }
}

// SAFETY: a listed block came with `MAX` bytes; of another the child knows, and the answer is cut as in `alloc` (L2).
unsafe impl<A: UsableSize, const MIN: usize, const MAX: usize> UsableSize for FreeList<A, MIN, MAX> {
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        if Self::is_listed(layout.size(), layout) {
            return MAX;
        }
        // SAFETY: the caller's promise; the block is the child's as it is.
        let usable = unsafe { self.child.usable_size(block, layout) };
        Self::cut(NonNull::slice_from_raw_parts(block, usable), layout.size(), layout).len()
    }
}

impl<A: Allocator, const MIN: usize, const MAX: usize> Drop for FreeList<A, MIN, MAX> {
    fn drop(&mut self) {
        self.release();
    }
}

impl<A: Allocator + Reset, const MIN: usize, const MAX: usize> Reset for FreeList<A, MIN, MAX> {
    fn reset(&mut self) {
        self.list.clear();
        self.child.reset();
    }
}

forward_owns! { [A: Owns, const MIN: usize, const MAX: usize] FreeList<A, MIN, MAX>, child }
