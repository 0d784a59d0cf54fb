//! [`MinAlign`]: every block aligned to at least so much.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

/// Raises the alignment of every request to at least `ALIGN` bytes, a power of two.
///
/// For what the type system does not say: a cache line per block (no false sharing), a page per block, the width of
/// a vector register. Sizes are not rounded; put [`Quantized`](crate::Quantized) around it for that. Costs nothing at
/// run time where the child's alignment is free.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::MinAlign;
/// use heap_core::{Allocator, Global};
///
/// let heap = MinAlign::<Global, 64>::new(Global);
/// let block = heap.alloc(Layout::new::<u8>())?;
/// assert_eq!(block.cast::<u8>().addr().get() % 64, 0);
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), Layout::new::<u8>()) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "aligned_allocator")]
pub struct MinAlign<A, const ALIGN: usize> {
    child: A,
}

impl<A, const ALIGN: usize> MinAlign<A, ALIGN> {
    /// `child`, with every block at a multiple of `ALIGN` bytes.
    pub const fn new(child: A) -> Self {
        const { assert!(ALIGN.is_power_of_two(), "an alignment is a power of two") }
        Self { child }
    }
    /// The layout that the child is asked for.
    #[inline]
    const fn raised(layout: Layout) -> Result<Layout, AllocError> {
        match layout.align_to(if layout.size() == 0 { 1 } else { ALIGN }) {
            Ok(raised) => Ok(raised),
            Err(_) => Err(AllocError),
        }
    }
}

children! { [A, const ALIGN: usize] MinAlign<A, ALIGN>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, const ALIGN: usize] for MinAlign<A, ALIGN> }

// SAFETY: every call goes to the child, with the raised layout that it was asked for; the client's alignment divides it
// (A2), and a layout of size zero is passed on as it is (A3).
unsafe impl<A: Allocator, const ALIGN: usize> Allocator for MinAlign<A, ALIGN> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc(Self::raised(layout)?)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise, with the child's layout of the block.
        Self::raised(layout).is_ok_and(|layout| unsafe { self.child.resize(block, layout, new_size) })
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise, with the child's layout of the block.
        unsafe { self.child.remap(block, Self::raised(layout).ok()?, new_size) }
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if let Ok(layout) = Self::raised(layout) {
            // SAFETY: the caller's promise, with the child's layout of the block.
            unsafe { self.child.free(block, layout) }
        }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc_zeroed(Self::raised(layout)?)
    }
}

// SAFETY: the child's promise, with the child's layout of the block.
unsafe impl<A: UsableSize, const ALIGN: usize> UsableSize for MinAlign<A, ALIGN> {
    #[inline]
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: the caller's promise, with the child's layout of the block.
        Self::raised(layout).map_or(layout.size(), |raised| unsafe { self.child.usable_size(block, raised) })
    }
}

forward_owns! { [A: Owns, const ALIGN: usize] MinAlign<A, ALIGN>, child }
forward_usage! { [A: Usage, const ALIGN: usize] MinAlign<A, ALIGN>, child }
forward_reset! { [A: Reset, const ALIGN: usize] MinAlign<A, ALIGN>, child }
