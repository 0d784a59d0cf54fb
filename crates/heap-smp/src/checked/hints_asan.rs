//! Tells AddressSanitizer which bytes of the heap a client may touch, so that it finds a use after free and an overflow in
//! our blocks at the instruction, as it does in blocks of its own allocator.
//!
//! Compiled with `--cfg heap_asan`, for programs built with `-Zsanitizer=address`: the sanitizer's runtime brings the two
//! functions. Free slots are closed, and so is what lies between a block's end and its slot's.

use core::ptr::NonNull;

unsafe extern "C" {
    #[link_name = "__asan_unpoison_memory_region"]
    fn asan_open(start: *const u8, len: usize);
    #[link_name = "__asan_poison_memory_region"]
    fn asan_close(start: *const u8, len: usize);
}

/// These bytes are a client's from now on.
#[inline]
pub(crate) fn lent(start: NonNull<u8>, len: usize) {
    // SAFETY: the runtime notes the bytes in tables of its own, and touches none of them.
    unsafe { asan_open(start.as_ptr(), len) }
}

/// These bytes are nobody's from now on.
#[inline]
pub(crate) fn returned(start: NonNull<u8>, len: usize) {
    // SAFETY: as above.
    unsafe { asan_close(start.as_ptr(), len) }
}
