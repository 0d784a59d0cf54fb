//! The shared pool as an [`Allocator`] of blocks that fit a slot, and what else it can do as one.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use heap_arena::ResetMode;
use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use super::SyncRawPool;

// SAFETY: A1: as for `RawPool`; a slot is in one lane, in the shared part, or handed out (N2). A2: checked by `SlotLayout::block`. A3, A4:
// checked first. A5: nothing depends on the address of the pool.
unsafe impl<A: Allocator, const N: usize> Allocator for SyncRawPool<A, N> {
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

heap_core::impl_foreign_allocators! { impl[A: Allocator, const N: usize] for SyncRawPool<A, N> }

// SAFETY: as for `RawPool`. Takes the lock; O(slabs).
unsafe impl<A: Allocator, const N: usize> Owns for SyncRawPool<A, N> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.shared.with(|shared| shared.raw.owns(block))
    }
}

// SAFETY: a block with memory is a whole slot.
unsafe impl<A: Allocator, const N: usize> UsableSize for SyncRawPool<A, N> {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        self.slot.usable(layout)
    }
}

impl<A: Allocator, const N: usize> Reset for SyncRawPool<A, N> {
    /// [`SyncRawPool::reset`] with [`ResetMode::RetainCapacity`].
    fn reset(&mut self) {
        SyncRawPool::reset(self, ResetMode::RetainCapacity);
    }
}

/// In bytes of slots. Those in lanes count as used, since other threads cannot have them.
impl<A: Allocator, const N: usize> Usage for SyncRawPool<A, N> {
    fn used(&self) -> usize {
        self.shared.with(|shared| (shared.raw.live() - shared.chained()) * self.slot.size())
    }
    fn capacity(&self) -> usize {
        self.shared.with(|shared| shared.raw.capacity())
    }
}

impl<A: Allocator, const N: usize> fmt::Debug for SyncRawPool<A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncRawPool")
            .field("slot_size", &self.slot.size())
            .field("slots", &self.slots())
            .field("lanes", &N)
            .finish_non_exhaustive()
    }
}
