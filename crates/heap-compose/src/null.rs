//! [`Null`]: the allocator that never has memory.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

/// Refuses every request but those of size zero.
///
/// The end of a chain: `BySize::new(small, Null, 256)` forbids large blocks, and a [`Fallback`](crate::Fallback) onto it
/// is its primary alone. It owns nothing. All operations are O(1).
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::Null;
/// use heap_core::Allocator;
///
/// assert!(Null.alloc(Layout::new::<u8>()).is_err());
/// assert!(Null.alloc(Layout::new::<()>()).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[doc(alias = "NullAllocator")]
#[doc(alias = "null_memory_resource")]
#[doc(alias = "failing_allocator")]
#[doc(alias = "noAlloc")]
pub struct Null;

heap_core::impl_foreign_allocators! { impl[] for Null }

// SAFETY: the only blocks are of size zero: A1 and A2 hold of no byte, A3 is the code, and there is no state (A4, A5).
unsafe impl Allocator for Null {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 { Ok(zero_sized(layout)) } else { Err(AllocError) }
    }

    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, new_size: usize) -> bool {
        // The block is of size zero, as all are.
        new_size == 0
    }

    #[inline]
    unsafe fn free(&self, _block: NonNull<u8>, _layout: Layout) {}
}

// SAFETY: no block of it has memory, so `false` is right for every address.
unsafe impl Owns for Null {
    #[inline]
    fn owns(&self, _block: NonNull<u8>) -> bool {
        false
    }
}

// SAFETY: every block is of size zero.
unsafe impl UsableSize for Null {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, _layout: Layout) -> usize {
        0
    }
}

impl Reset for Null {
    #[inline]
    fn reset(&mut self) {}
}

impl Usage for Null {
    #[inline]
    fn used(&self) -> usize {
        0
    }
    #[inline]
    fn capacity(&self) -> usize {
        0
    }
}
