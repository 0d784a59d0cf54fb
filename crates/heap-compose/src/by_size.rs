//! [`BySize`]: small requests to one child, large ones to another.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::block::at_most;

/// Requests of at most `max_small` bytes go to the small child, all others to the large one.
///
/// The layout decides, so nothing is asked or stored. A block never crosses over: `resize` and `remap` past the border
/// are refused, and [`realloc`](Allocator::realloc) copies. So that the size on free decides as the size on alloc did,
/// no block of the small child is reported longer than `max_small` (A2).
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::{BySize, Null};
/// use heap_core::{Allocator, Global};
///
/// let heap = BySize::new(Null, Global, 64);
/// assert!(heap.alloc(Layout::new::<[u8; 64]>()).is_err(), "asks `Null`");
/// let block = heap.alloc(Layout::new::<[u8; 65]>())?;
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), Layout::new::<[u8; 65]>()) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Segregator")]
pub struct BySize<S, L> {
    small: S,
    large: L,
    max_small: usize,
}

impl<S, L> BySize<S, L> {
    /// Up to `max_small` bytes from `small`, more from `large`.
    pub const fn new(small: S, large: L, max_small: usize) -> Self {
        Self { small, large, max_small }
    }
    #[inline]
    const fn is_small(&self, size: usize) -> bool {
        size <= self.max_small
    }
}

children! { [S, L] BySize<S, L>, small: S, large: L }
heap_core::impl_foreign_allocators! { impl[S: Allocator, L: Allocator] for BySize<S, L> }

// SAFETY: a block's sizes (requested, returned, resized) are all on one side of the border, so every call for it reaches
// the child that made it, with the layout unchanged; A1 to A5 are that child's.
unsafe impl<S: Allocator, L: Allocator> Allocator for BySize<S, L> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if !self.is_small(layout.size()) {
            return self.large.alloc(layout);
        }
        self.small.alloc(layout).map(|block| at_most(block, self.max_small))
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new: usize) -> bool {
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe {
            match (self.is_small(layout.size()), self.is_small(new)) {
                (true, true) => self.small.resize(block, layout, new),
                (false, false) => self.large.resize(block, layout, new),
                _ => false,
            }
        }
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe {
            match (self.is_small(layout.size()), self.is_small(new)) {
                (true, true) => Some(at_most(self.small.remap(block, layout, new)?, self.max_small)),
                (false, false) => self.large.remap(block, layout, new),
                _ => None,
            }
        }
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let small = self.is_small(layout.size());
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe { if small { self.small.free(block, layout) } else { self.large.free(block, layout) } }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if !self.is_small(layout.size()) {
            return self.large.alloc_zeroed(layout);
        }
        self.small.alloc_zeroed(layout).map(|block| at_most(block, self.max_small))
    }
}

// SAFETY: the promise of the child that made the block; the small child's answer is cut as in `alloc`.
unsafe impl<S: UsableSize, L: UsableSize> UsableSize for BySize<S, L> {
    #[inline]
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe {
            if self.is_small(layout.size()) {
                self.small.usable_size(block, layout).min(self.max_small)
            } else {
                self.large.usable_size(block, layout)
            }
        }
    }
}

forward_owns! { [S: Owns, L: Owns] BySize<S, L>, small, large }
forward_usage! { [S: Usage, L: Usage] BySize<S, L>, small, large }
forward_reset! { [S: Reset, L: Reset] BySize<S, L>, small, large }
