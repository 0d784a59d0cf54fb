//! [`Global`]: the program's own global allocator, whatever it is, as an [`Allocator`].

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::{AllocError, Allocator, zero_sized};

/// The allocator behind `Box` and `Vec`, as a value.
///
/// Lets an arena or a pool work without any crate for pages. Freeing through `Global` what `Box` or `Vec`
/// allocated with the same layout is legal, and the reverse.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::{Allocator, Global};
/// let zeros = Global.alloc_zeroed(Layout::new::<u128>())?;
/// // SAFETY: allocated just above with this layout.
/// unsafe {
///     assert_eq!(zeros.cast::<u128>().read(), 0);
///     Global.free(zeros.cast(), Layout::new::<u128>());
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Global;

fn block(ptr: *mut u8, len: usize) -> Result<NonNull<[u8]>, AllocError> {
    NonNull::new(ptr).map(|ptr| NonNull::slice_from_raw_parts(ptr, len)).ok_or(AllocError)
}

// SAFETY: `GlobalAlloc`'s contract, which the program's allocator meets, contains A1, A2 and A5; sizes of zero
// never reach it (A3), and it is defined not to unwind (A4).
unsafe impl Allocator for Global {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        // SAFETY: the size is not zero.
        block(unsafe { alloc::alloc::alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // `GlobalAlloc` cannot promise to stay in place; a change of nothing can always be kept.
        layout.size() == new_size
    }

    #[inline]
    unsafe fn remap(&self, old: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 || Layout::from_size_align(new_size, layout.align()).is_err() {
            return None;
        }
        // SAFETY: `old` is live with this layout (caller), `new_size` is not zero and rounds up within `isize`.
        block(unsafe { alloc::alloc::realloc(old.as_ptr(), layout, new_size) }, new_size).ok()
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: `block` is live with this layout (caller), and has memory.
            unsafe { alloc::alloc::dealloc(block.as_ptr(), layout) }
        }
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        // SAFETY: the size is not zero.
        block(unsafe { alloc::alloc::alloc_zeroed(layout) }, layout.size())
    }
}

crate::impl_foreign_allocators! { impl[] for Global }
