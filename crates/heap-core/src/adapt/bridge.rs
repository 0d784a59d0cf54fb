//! The foreign traits' `grow`, `grow_zeroed` and `shrink`, said in ours. Called by the stamped impls only.
//!
//! The three traits are one trait in three places: the same methods with the same promises. So each body
//! stands here once, and the stamp only translates the error.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::{AllocError, Allocator};

/// Makes a block larger, in place or by moving it; the alignment may change.
///
/// # Safety
///
/// `block` is a live block of `alloc`, `old` fits it (A2), and `new.size() >= old.size()`.
#[inline]
pub unsafe fn grow<A: Allocator + ?Sized>(
    alloc: &A,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    // SAFETY: the caller's promise contains it.
    unsafe { alloc.realloc(block, old, new) }
}

/// As [`grow`], with every byte from `old.size()` to the returned length zero.
///
/// Where the block is not kept or moved by `remap`, the new one comes from `alloc_zeroed`: an allocator whose
/// fresh memory is zero does not clear it, and pages that nobody touches stay untouched.
///
/// # Safety
///
/// As for [`grow`].
#[inline]
pub unsafe fn grow_zeroed<A: Allocator + ?Sized>(
    alloc: &A,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    if old.size() != 0 && new.align() == old.align() {
        // SAFETY: the caller's promise contains it.
        if let Some(moved) = unsafe { alloc.remap(block, old, new.size()) } {
            // SAFETY: A2: `moved.len() >= new.size() >= old.size()` bytes are the client's.
            unsafe { moved.cast::<u8>().add(old.size()).write_bytes(0, moved.len() - old.size()) };
            return Ok(moved);
        }
    }
    let fresh = alloc.alloc_zeroed(new)?;
    // SAFETY: A1: two live blocks do not overlap, each holds `old.size()` bytes, and the caller gives up the old one.
    unsafe {
        fresh.cast::<u8>().copy_from_nonoverlapping(block, old.size());
        alloc.free(block, old);
    }
    Ok(fresh)
}

/// Makes a block smaller, in place or by moving it; the alignment may change.
///
/// # Safety
///
/// `block` is a live block of `alloc`, `old` fits it (A2), and `new.size() <= old.size()`.
#[inline]
pub unsafe fn shrink<A: Allocator + ?Sized>(
    alloc: &A,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<[u8]>, AllocError> {
    // SAFETY: the caller's promise contains it.
    unsafe { alloc.realloc(block, old, new) }
}
