//! [`Buckets`]: a row of children, one for each range of sizes.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::block::{Fresh, first, with_size};

/// `N` children; the one at `i` serves the sizes `i * STEP + 1 ..= (i + 1) * STEP`, all rounded up to the last.
///
/// So a child sees blocks of one size only: a pool, a free list or a lock for each size. Larger requests are refused;
/// put a [`BySize`](crate::BySize) in front for them. A block is resized freely within its range, never out of it.
/// Choosing the child is one division by a constant.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::Buckets;
/// use heap_core::{Allocator, Global};
///
/// let heap = Buckets::<Global, 4, 32>::new([Global; 4]); // 1..=32, 33..=64, 65..=96, 97..=128 bytes
/// let layout = Layout::new::<[u8; 40]>();
/// let block = heap.alloc(layout)?;
/// assert_eq!(block.len(), 64);
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), layout) };
/// assert!(heap.alloc(Layout::new::<[u8; 129]>()).is_err());
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Bucketizer")]
pub struct Buckets<A, const N: usize, const STEP: usize> {
    buckets: [A; N],
}

impl<A, const N: usize, const STEP: usize> Buckets<A, N, STEP> {
    /// `buckets[i]` for the sizes up to `(i + 1) * STEP` bytes.
    pub const fn new(buckets: [A; N]) -> Self {
        const { assert!(STEP > 0 && N <= usize::MAX / STEP, "the steps do not fit a usize") }
        Self { buckets }
    }
    /// The child for a size that is not zero, and the size that it is asked for.
    #[inline]
    fn bucket(&self, size: usize) -> Option<(&A, usize)> {
        let index = size.checked_sub(1)? / STEP;
        self.buckets.get(index).map(|child| (child, (index + 1) * STEP))
    }
    #[inline]
    fn alloc_with(&self, layout: Layout, alloc: impl FnOnce(&A, Layout) -> Fresh) -> Fresh {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let (child, size) = self.bucket(layout.size()).ok_or(AllocError)?;
        alloc(child, with_size(layout, size).ok_or(AllocError)?).map(|block| first(block, size))
    }
}

children! { [A, const N: usize, const STEP: usize] Buckets<A, N, STEP>, buckets: [A; N] }
heap_core::impl_foreign_allocators! { impl[A: Allocator, const N: usize, const STEP: usize] for Buckets<A, N, STEP> }

// SAFETY: all sizes of a block round up to the same one, which names the child that made it and is the size that this
// child was asked for; A1 to A5 are the child's, and size zero reaches none.
unsafe impl<A: Allocator, const N: usize, const STEP: usize> Allocator for Buckets<A, N, STEP> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc)
    }
    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        new_size.div_ceil(STEP) == layout.size().div_ceil(STEP)
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if let Some((child, size)) = self.bucket(layout.size())
            && let Some(layout) = with_size(layout, size)
        {
            // SAFETY: the caller's promise, to the child that made the block, with the layout it was asked for.
            unsafe { child.free(block, layout) }
        }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc_zeroed)
    }
}

// SAFETY: the block has its range's last size, and all sizes in the range lead to the same child.
unsafe impl<A: Allocator, const N: usize, const STEP: usize> UsableSize for Buckets<A, N, STEP> {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        layout.size().div_ceil(STEP) * STEP
    }
}

// SAFETY: the blocks are the children's.
unsafe impl<A: Owns, const N: usize, const STEP: usize> Owns for Buckets<A, N, STEP> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.buckets.iter().any(|child| child.owns(block))
    }
}

impl<A: Usage, const N: usize, const STEP: usize> Usage for Buckets<A, N, STEP> {
    fn used(&self) -> usize {
        self.buckets.iter().fold(0, |sum, child| sum.saturating_add(child.used()))
    }
    fn capacity(&self) -> usize {
        self.buckets.iter().fold(0, |sum, child| sum.saturating_add(child.capacity()))
    }
}

impl<A: Reset, const N: usize, const STEP: usize> Reset for Buckets<A, N, STEP> {
    fn reset(&mut self) {
        self.buckets.iter_mut().for_each(A::reset);
    }
}
