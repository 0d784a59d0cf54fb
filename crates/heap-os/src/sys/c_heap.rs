//! The C library's heap: `malloc` and friends, and what each platform calls the rest.

use core::ffi::c_void;
use core::ptr::NonNull;

#[cfg(any(unix, windows, target_os = "wasi"))]
use libc as c;

/// A target without a C library: an empty heap.
#[cfg(not(any(unix, windows, target_os = "wasi")))]
mod c {
    use core::ffi::c_void;
    use core::ptr::null_mut;

    pub(super) unsafe fn malloc(_size: usize) -> *mut c_void {
        null_mut()
    }
    pub(super) unsafe fn calloc(_count: usize, _size: usize) -> *mut c_void {
        null_mut()
    }
    pub(super) unsafe fn realloc(_block: *mut c_void, _size: usize) -> *mut c_void {
        null_mut()
    }
    pub(super) unsafe fn free(_block: *mut c_void) {}
}

/// The alignment that `malloc` promises for large enough blocks: C's `max_align_t`.
pub(crate) const MAX_ALIGN: usize = if cfg!(any(
    target_pointer_width = "64",
    all(target_os = "linux", target_arch = "x86", target_env = "gnu"),
    target_vendor = "apple"
)) {
    16
} else {
    8
};

/// Whether [`usable_size`] may be asked about blocks of [`aligned_alloc`], too.
pub(crate) const ALIGNED_KNOW_THEIR_SIZE: bool = cfg!(unix);

pub(crate) fn malloc(size: usize) -> Option<NonNull<u8>> {
    // SAFETY: no preconditions.
    NonNull::new(unsafe { c::malloc(size) }.cast())
}

pub(crate) fn calloc(size: usize) -> Option<NonNull<u8>> {
    // SAFETY: no preconditions.
    NonNull::new(unsafe { c::calloc(1, size) }.cast())
}

/// # Safety
/// `block` came from this heap, not from [`aligned_alloc`]. On success it is gone.
pub(crate) unsafe fn realloc(block: NonNull<u8>, size: usize) -> Option<NonNull<u8>> {
    // SAFETY: the caller's promise is the same.
    NonNull::new(unsafe { c::realloc(void(block), size) }.cast())
}

/// # Safety
/// `block` came from this heap, not from [`aligned_alloc`], and nobody uses it again.
pub(crate) unsafe fn free(block: NonNull<u8>) {
    // SAFETY: the caller's promise is the same.
    unsafe { c::free(void(block)) };
}

/// A block at a multiple of `align`, which is a power of two and at least a pointer's size.
#[cfg(unix)]
pub(crate) fn aligned_alloc(size: usize, align: usize) -> Option<NonNull<u8>> {
    let mut block = core::ptr::null_mut();
    // SAFETY: `block` is a place for the answer.
    let refused = unsafe { libc::posix_memalign(&mut block, align, size) };
    NonNull::new(block.cast()).filter(|_| refused == 0)
}

/// # Safety
/// `block` came from [`aligned_alloc`], and nobody uses it again.
#[cfg(unix)]
pub(crate) unsafe fn aligned_free(block: NonNull<u8>) {
    // SAFETY: what posix_memalign gives, free takes.
    unsafe { free(block) };
}

#[cfg(windows)]
unsafe extern "C" {
    fn _aligned_malloc(size: usize, align: usize) -> *mut c_void;
    fn _aligned_free(block: *mut c_void);
    fn _msize(block: *mut c_void) -> usize;
}

#[cfg(windows)]
pub(crate) fn aligned_alloc(size: usize, align: usize) -> Option<NonNull<u8>> {
    // SAFETY: `align` is a power of two.
    NonNull::new(unsafe { _aligned_malloc(size, align) }.cast())
}

/// # Safety
/// As on Unix.
#[cfg(windows)]
pub(crate) unsafe fn aligned_free(block: NonNull<u8>) {
    // SAFETY: from `_aligned_malloc`, says the caller.
    unsafe { _aligned_free(void(block)) };
}

#[cfg(not(any(unix, windows)))]
pub(crate) fn aligned_alloc(_size: usize, _align: usize) -> Option<NonNull<u8>> {
    None
}

/// # Safety
/// Never called: there are no such blocks.
#[cfg(not(any(unix, windows)))]
pub(crate) unsafe fn aligned_free(_block: NonNull<u8>) {}

/// The bytes of a block that may be used, where the library tells.
///
/// # Safety
/// `block` is a live block of this heap, of [`aligned_alloc`] only where that is `posix_memalign`.
pub(crate) unsafe fn usable_size(block: NonNull<u8>) -> Option<usize> {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_os = "freebsd",
        target_os = "emscripten"
    ))]
    // SAFETY: a live block.
    return Some(unsafe { libc::malloc_usable_size(void(block)) });
    #[cfg(target_vendor = "apple")]
    // SAFETY: a live block.
    return Some(unsafe { libc::malloc_size(void(block)) });
    #[cfg(windows)]
    // SAFETY: a live block.
    return Some(unsafe { _msize(void(block)) });
    #[allow(unreachable_code, reason = "where none of the above is")]
    {
        _ = block;
        None
    }
}

fn void(block: NonNull<u8>) -> *mut c_void {
    block.as_ptr().cast()
}
