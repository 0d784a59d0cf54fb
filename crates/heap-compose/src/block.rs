//! Small things that several parts need: trimming what a child returned, changing a layout's size, and
//! keeping a client's panic inside.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::AllocError;

/// What an allocation returns.
pub(crate) type Fresh = Result<NonNull<[u8]>, AllocError>;

/// The first `len` bytes of a child's block, which is no shorter.
///
/// A part that counts by the layout, or finds the child by it, must get the same size back that it counted or
/// routed. By A2 the client may pass back any size up to the returned one; so the part returns no more than fits.
#[inline]
pub(crate) fn first(block: NonNull<[u8]>, len: usize) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(block.cast(), len)
}

/// At most `max` bytes of a child's block.
#[inline]
pub(crate) fn at_most(block: NonNull<[u8]>, max: usize) -> NonNull<[u8]> {
    first(block, block.len().min(max))
}

/// The layout with another size; `None` where no such layout exists.
#[inline]
pub(crate) fn with_size(layout: Layout, size: usize) -> Option<Layout> {
    Layout::from_size_align(size, layout.align()).ok()
}

/// Runs a function that the client gave; a panic in it aborts the program (A4: no method unwinds).
#[inline]
pub(crate) fn no_unwind<T>(call: impl FnOnce() -> T) -> T {
    // What unwinds out of an `extern "C"` function aborts.
    extern "C" fn shield<T, F: FnOnce() -> T>(call: F) -> T {
        call()
    }
    shield(call)
}
