//! `malloc`, `calloc`, `realloc`, `reallocarray`, `free`.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use heap_smp::by_address;

use crate::errno;

/// A block of at least `size` bytes, aligned to 16; `malloc(0)` is a block of its own too. Null and `ENOMEM`: no memory.
/// O(1).
///
/// ```
/// let block = heap_malloc::malloc(100);
/// assert!(block.addr() % 16 == 0 && !block.is_null());
/// // SAFETY: the block is live, and not used again.
/// unsafe { heap_malloc::free(block) };
/// ```
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn malloc(size: usize) -> *mut c_void {
    match by_address::alloc_fast(size) {
        block if block.is_null() => malloc_slow(size),
        block => block.cast(),
    }
}

// The slow functions are `extern "C"` too: they cannot unwind, so the call is a jump.
#[cold]
#[inline(never)]
extern "C" fn malloc_slow(size: usize) -> *mut c_void {
    errno::block(|| by_address::alloc_slow(size))
}

/// A block of `count * size` bytes that are zero. Null and `ENOMEM`: no memory, or the product is no size.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else { return errno::failed(errno::ENOMEM) };
    let block = by_address::alloc_fast(size);
    if block.is_null() {
        return calloc_slow(size);
    }
    // SAFETY: the block is ours and that long.
    unsafe { block.write_bytes(0, size) };
    block.cast()
}

#[cold]
#[inline(never)]
extern "C" fn calloc_slow(size: usize) -> *mut c_void {
    errno::block(|| by_address::alloc_zeroed(size))
}

/// Takes a block back; nothing for null. Leaves `errno` alone. A pointer that is not a block ends the process.
///
/// # Safety
///
/// `block` is null, or a live block of this library that is not used again.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn free(block: *mut c_void) {
    if let Some(block) = NonNull::new(block.cast())
        // SAFETY: the caller's promise is the same.
        && !unsafe { by_address::free_fast(block) }
    {
        // SAFETY: as above; it was not taken.
        unsafe { free_slow(block) }
    }
}

/// # Safety
///
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe extern "C" fn free_slow(block: NonNull<u8>) {
    // SAFETY: the caller's promise is the same.
    errno::kept(|| unsafe { by_address::free_slow(block) });
}

/// Makes a block longer or shorter, in place or elsewhere, and keeps what it held. As `malloc` for null. A size of 0 frees
/// it and returns null, as in glibc. Null and `ENOMEM`: no memory, and the old block is as it was.
///
/// # Safety
///
/// `block` is null, or a live block of this library; after success only the new one may be used.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    let Some(old) = NonNull::new(block.cast()) else { return malloc(size) };
    if size == 0 {
        // SAFETY: the caller's promise is the same.
        unsafe { free(block) };
        return ptr::null_mut();
    }
    // SAFETY: the caller's promise is the same.
    errno::block(|| unsafe { by_address::realloc(old, size) })
}

/// As `realloc` to `count * size` bytes; null and `ENOMEM` if the product is no size.
///
/// # Safety
///
/// As for [`realloc`].
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's promise is the same.
        Some(size) => unsafe { realloc(block, size) },
        None => errno::failed(errno::ENOMEM),
    }
}
