//! Blocks with an alignment: `posix_memalign`, `aligned_alloc`, `memalign`, `valloc`, `pvalloc`.

use core::ffi::{c_int, c_void};

use heap_os::page_size;
use heap_smp::by_address;

use crate::errno;

/// Writes a block of `size` bytes aligned to `align` to `*out` and returns 0. Otherwise `*out` stays: `EINVAL` if `align` is
/// not a power of two and a multiple of a pointer's size, `ENOMEM` without memory. `errno` is not touched.
///
/// # Safety
///
/// `out` may be written.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn posix_memalign(out: *mut *mut c_void, align: usize, size: usize) -> c_int {
    if !align.is_power_of_two() || align < size_of::<*mut c_void>() {
        return errno::EINVAL;
    }
    let block = errno::kept(|| by_address::alloc_aligned(size, align));
    if block.is_null() {
        return errno::ENOMEM;
    }
    // SAFETY: the caller's promise.
    unsafe { out.write(block.cast()) };
    0
}

/// A block of `size` bytes aligned to `align`; the size need not be a multiple. Null and `EINVAL` if `align` is not a power
/// of two, `ENOMEM` without memory.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        return errno::failed(errno::EINVAL);
    }
    errno::block(|| by_address::alloc_aligned(size, align))
}

/// As [`aligned_alloc`], but an alignment that is not a power of two is rounded up to one, as in glibc.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    match align.checked_next_power_of_two() {
        Some(align) => aligned_alloc(align, size),
        None => errno::failed(errno::EINVAL),
    }
}

/// A block of `size` bytes aligned to a page.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn valloc(size: usize) -> *mut c_void {
    aligned_alloc(page_size(), size)
}

/// Whole pages for `size` bytes, at least one.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
#[must_use]
pub extern "C" fn pvalloc(size: usize) -> *mut c_void {
    match size.max(1).checked_next_multiple_of(page_size()) {
        Some(size) => valloc(size),
        None => errno::failed(errno::ENOMEM),
    }
}
