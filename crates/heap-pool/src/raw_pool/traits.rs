//! The pool as an [`Allocator`] of blocks that fit a slot, and what else it can do as one.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_arena::ResetMode;
use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use super::RawPool;

// SAFETY: A1: slots are disjoint pieces of slabs, which live until `reset` or drop and do not move with the pool; each is
// handed out once until it comes back (P2, F3, R1). A2: checked by `SlotLayout::block`. A3, A4: checked first. A5: nothing depends on the
// address of the pool.
unsafe impl<A: Allocator> Allocator for RawPool<A> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.slot.block(layout, || self.alloc_slot())
    }

    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        self.slot.stays(layout, new_size)
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's promise; with memory, it is a slot.
            unsafe { self.free_slot(block) };
        }
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator] for RawPool<A> }

// SAFETY: all live blocks with memory are slots of slabs, and those are ours alone (S1). O(slabs).
unsafe impl<A: Allocator> Owns for RawPool<A> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        // SAFETY: P1.
        self.used.iter().any(|slab| unsafe { slab.offset_of(block.addr().get()) }.is_some())
    }
}

// SAFETY: a block with memory is a whole slot.
unsafe impl<A: Allocator> UsableSize for RawPool<A> {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        self.slot.usable(layout)
    }
}

impl<A: Allocator> Reset for RawPool<A> {
    /// [`RawPool::reset`] with [`ResetMode::RetainCapacity`].
    fn reset(&mut self) {
        RawPool::reset(self, ResetMode::RetainCapacity);
    }
}

/// In bytes of slots.
impl<A: Allocator> Usage for RawPool<A> {
    fn used(&self) -> usize {
        self.live() * self.slot.size()
    }
    fn capacity(&self) -> usize {
        self.slots() * self.slot.size()
    }
}
