//! [`Quantized`]: sizes rounded up before the child sees them.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::block::{Fresh, first, with_size};
use crate::rounding::Rounding;

/// Asks the child for sizes rounded up by `Q`, and gives the client the whole of them.
///
/// A block is then resized within its step without asking anyone, and a child that keeps blocks by size (a free list,
/// a cache) sees few sizes. The price is the slack. The roundings are [`MultipleOf`](crate::MultipleOf),
/// [`PowerOfTwo`](crate::PowerOfTwo), [`ToSizeClass`](crate::ToSizeClass), or your own [`Rounding`].
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::{MultipleOf, Quantized};
/// use heap_core::{Allocator, Global};
///
/// let heap = Quantized::<Global, MultipleOf<64>>::new(Global);
/// let layout = Layout::new::<[u8; 100]>();
/// let block = heap.alloc(layout)?;
/// assert_eq!(block.len(), 128);
/// // SAFETY: allocated just above with this layout; then of 128 bytes.
/// unsafe {
///     assert!(heap.resize(block.cast(), layout, 128));
///     heap.free(block.cast(), Layout::new::<[u8; 128]>());
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "Quantizer")]
pub struct Quantized<A, Q> {
    child: A,
    rounding: PhantomData<fn() -> Q>,
}

impl<A, Q: Rounding> Quantized<A, Q> {
    /// `child`, asked for rounded sizes only.
    pub const fn new(child: A) -> Self {
        Self { child, rounding: PhantomData }
    }
    /// The layout that the child is asked for.
    #[inline]
    fn rounded(layout: Layout, size: usize) -> Option<Layout> {
        if size == 0 { with_size(layout, 0) } else { with_size(layout, Q::round(size)?) }
    }
    #[inline]
    fn alloc_with(&self, layout: Layout, alloc: impl FnOnce(&A, Layout) -> Fresh) -> Fresh {
        let rounded = Self::rounded(layout, layout.size()).ok_or(AllocError)?;
        alloc(&self.child, rounded).map(|block| first(block, rounded.size()))
    }
}

children! { [A, Q] Quantized<A, Q>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, Q: Rounding] for Quantized<A, Q> }

// SAFETY: by Q2 and Q3 all sizes of a block, from requested to returned, round to the size that the child was asked for,
// so every call reaches it with that layout; by Q1 it holds the request (A2). Zero stays zero (A3).
unsafe impl<A: Allocator, Q: Rounding> Allocator for Quantized<A, Q> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        match (Self::rounded(layout, layout.size()), Self::rounded(layout, new_size)) {
            // SAFETY: the caller's promise, with the child's layout of the block.
            (Some(old), Some(new)) => old == new || unsafe { self.child.resize(block, old, new.size()) },
            _ => false,
        }
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        let (old, new) = (Self::rounded(layout, layout.size())?, Self::rounded(layout, new_size)?);
        if old == new {
            return Some(NonNull::slice_from_raw_parts(block, new.size()));
        }
        // SAFETY: the caller's promise, with the child's layout of the block.
        unsafe { self.child.remap(block, old, new.size()) }.map(|block| first(block, new.size()))
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if let Some(layout) = Self::rounded(layout, layout.size()) {
            // SAFETY: the caller's promise, with the child's layout of the block.
            unsafe { self.child.free(block, layout) }
        }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc_zeroed)
    }
}

// SAFETY: the child was asked for the rounded size, and it is one of the block's sizes.
unsafe impl<A: Allocator, Q: Rounding> UsableSize for Quantized<A, Q> {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        Self::rounded(layout, layout.size()).map_or(layout.size(), |rounded| rounded.size())
    }
}

forward_owns! { [A: Owns, Q: Rounding] Quantized<A, Q>, child }
forward_usage! { [A: Usage, Q] Quantized<A, Q>, child }
forward_reset! { [A: Reset, Q] Quantized<A, Q>, child }
