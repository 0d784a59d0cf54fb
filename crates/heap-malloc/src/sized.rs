//! C23's `free_sized` and `free_aligned_sized`: the size is checked, not trusted.

use core::ffi::c_void;
use core::ptr::NonNull;

use heap_smp::by_address;

use crate::malloc::free;

/// Takes a block of `size` bytes back. A size that is far from the block's (another size class) ends the process.
///
/// # Safety
///
/// `block` is null, or came from `malloc`, `calloc` or `realloc` with this size, is live, and is not used again.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn free_sized(block: *mut c_void, size: usize) {
    // SAFETY: the caller's promise; all blocks are aligned to 1.
    unsafe { free_aligned_sized(block, 1, size) }
}

/// Takes a block of `size` bytes back that was asked for with the alignment `align`; checks as [`free_sized`] does.
///
/// # Safety
///
/// As for [`free_sized`]; `block` came from `aligned_alloc` with this alignment.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn free_aligned_sized(block: *mut c_void, align: usize, size: usize) {
    if let Some(block) = NonNull::new(block.cast()) {
        // SAFETY: the caller's promise.
        unsafe { by_address::check_size(block, size, align.max(1)) };
    }
    // SAFETY: the caller's promise is the same.
    unsafe { free(block) }
}
