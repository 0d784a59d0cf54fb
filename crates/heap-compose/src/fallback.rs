//! [`Fallback`]: the *or* of two allocators.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

/// Asks the primary, and where it has no memory, the fallback.
///
/// A block goes back to the child that made it: the primary must know its own ([`Owns`]). `resize` and `remap` stay with
/// that child and never move a block to the other; [`realloc`](Allocator::realloc), which copies, may. Costs one question
/// (`owns`) per free, resize and remap. Memory of the fallback must not itself come from the primary, or the primary
/// would take the fallback's blocks for its own.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::{Fallback, Null};
/// use heap_core::{Allocator, Global};
///
/// let heap = Fallback::new(Null, Global);
/// let layout = Layout::new::<[u64; 4]>();
/// let block = heap.alloc(layout)?;
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), layout) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "FallbackAllocator")]
pub struct Fallback<P, F> {
    primary: P,
    fallback: F,
}

impl<P: Owns, F> Fallback<P, F> {
    /// `primary` first, then `fallback`.
    pub const fn new(primary: P, fallback: F) -> Self {
        Self { primary, fallback }
    }
}

children! { [P, F] Fallback<P, F>, primary: P, fallback: F }
heap_core::impl_foreign_allocators! { impl[P: Owns, F: Allocator] for Fallback<P, F> }

// SAFETY: each block is one child's, with the layout unchanged, and by `Owns` every later call reaches that child, so A1,
// A2, A4 and A5 are the children's. Of size zero either child may be asked: it does nothing (A3).
unsafe impl<P: Owns, F: Allocator> Allocator for Fallback<P, F> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.primary.alloc(layout).or_else(|_| self.fallback.alloc(layout))
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new: usize) -> bool {
        let primary = self.primary.owns(block);
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe {
            if primary {
                self.primary.resize(block, layout, new)
            } else {
                self.fallback.resize(block, layout, new)
            }
        }
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new: usize) -> Option<NonNull<[u8]>> {
        let primary = self.primary.owns(block);
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe {
            if primary {
                self.primary.remap(block, layout, new)
            } else {
                self.fallback.remap(block, layout, new)
            }
        }
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let primary = self.primary.owns(block);
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe { if primary { self.primary.free(block, layout) } else { self.fallback.free(block, layout) } }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.primary.alloc_zeroed(layout).or_else(|_| self.fallback.alloc_zeroed(layout))
    }
}

// SAFETY: the promise of the child that made the block.
unsafe impl<P: Owns + UsableSize, F: UsableSize> UsableSize for Fallback<P, F> {
    #[inline]
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        let primary = self.primary.owns(block);
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe {
            if primary {
                self.primary.usable_size(block, layout)
            } else {
                self.fallback.usable_size(block, layout)
            }
        }
    }
}

forward_owns! { [P: Owns, F: Owns] Fallback<P, F>, primary, fallback }
forward_usage! { [P: Usage, F: Usage] Fallback<P, F>, primary, fallback }
forward_reset! { [P: Reset, F: Reset] Fallback<P, F>, primary, fallback }
