//! Formatted text in a block of exactly its length.

use core::fmt::{self, Write};
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::contract::typed::{raw, slice};
use crate::contract::{AllocError, Allocator};
use crate::layout::Alignment;

/// Counts the bytes and keeps none.
struct Length(usize);

impl Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.checked_add(text.len()).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Writes into memory that was counted out before, and refuses more than that.
///
/// The first `written` bytes are whole `str`s, one after another, even if a `Display` ignores a refusal.
struct Room<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    written: usize,
}

impl Write for Room<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.written.checked_add(text.len()).ok_or(fmt::Error)?;
        let room = self.bytes.get_mut(self.written..end).ok_or(fmt::Error)?;
        room.write_copy_of_slice(text.as_bytes());
        self.written = end;
        Ok(())
    }
}

/// A block of the text's bytes and `extra` more, uninitialised ones; the length of the text.
///
/// Formats twice, to count and to write, so that nothing is ever grown or moved.
pub(super) fn print<A: Allocator + ?Sized>(
    from: &A,
    text: fmt::Arguments<'_>,
    extra: usize,
) -> Result<(NonNull<u8>, usize), AllocError> {
    let mut length = Length(0);
    length.write_fmt(text).map_err(|_| AllocError)?;
    let total = length.0.checked_add(extra).ok_or(AllocError)?;
    let layout = slice::layout::<u8>(total, Alignment::of::<u8>())?;
    let block = raw::alloc(from, layout)?;
    // SAFETY: a live block with this layout, which nobody else has.
    let guard = unsafe { raw::FreeOnDrop::new(from, block, layout) };
    // SAFETY: `length <= total` bytes at `block` are ours, and any byte is a `MaybeUninit`.
    let bytes = unsafe { NonNull::slice_from_raw_parts(block.cast(), length.0).as_mut() };
    let mut room = Room { bytes, written: 0 };
    room.write_fmt(text).map_err(|_| AllocError)?;
    if room.written != length.0 {
        return Err(AllocError);
    }
    guard.keep();
    Ok((block, length.0))
}

/// The text in a block from [`print()`].
pub(super) fn text(first: NonNull<u8>, len: usize) -> NonNull<str> {
    let bytes = NonNull::slice_from_raw_parts(first, len);
    // SAFETY: not null, since `bytes` is not.
    unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) }
}
