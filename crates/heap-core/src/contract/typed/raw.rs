//! What every typed helper does with bytes: no call for zero bytes, and the fill.
//!
//! With `debug_assertions` the helpers write [`FILL`] over fresh blocks and over blocks that are given back, as Zig does
//! in its safe modes: a forgotten initialisation or a use after free then reads the same odd value in every run. Raw
//! blocks ([`Allocator`] itself, and so every foreign collection) are not filled; heap-debug does that. Under Miri
//! nothing is filled either, for there it would hide what Miri finds.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::{AllocError, Allocator, zero_sized};

/// The byte in fresh and in freed blocks: 0xAA, as in Zig. Odd and unlikely as a pointer, a length or text.
const FILL: u8 = 0xAA;

/// Whether the helpers fill at all.
const FILLS: bool = cfg!(debug_assertions) && !cfg!(miri);

/// Writes [`FILL`] over `len` bytes, where the build fills.
///
/// # Safety
///
/// `len` bytes at `block` belong to the caller, who needs their content no more.
#[inline]
unsafe fn fill(block: NonNull<u8>, len: usize) {
    if FILLS {
        // SAFETY: the caller's promise.
        unsafe { block.write_bytes(FILL, len) };
    }
}

/// A filled block; dangling and without a call to the allocator when the size is zero.
#[inline]
pub(super) fn alloc<A: Allocator + ?Sized>(from: &A, layout: Layout) -> Result<NonNull<u8>, AllocError> {
    if layout.size() == 0 {
        return Ok(zero_sized(layout).cast());
    }
    let block = from.alloc(layout)?.cast();
    // SAFETY: A2: the block has at least `layout.size()` bytes, and nobody else has it.
    unsafe { fill(block, layout.size()) };
    Ok(block)
}

/// As [`alloc()`], with zero instead of the fill.
#[inline]
pub(super) fn alloc_zeroed<A: Allocator + ?Sized>(
    from: &A,
    layout: Layout,
) -> Result<NonNull<u8>, AllocError> {
    if layout.size() == 0 {
        return Ok(zero_sized(layout).cast());
    }
    Ok(from.alloc_zeroed(layout)?.cast())
}

/// Fills a block and gives it back; does nothing when the size is zero.
///
/// # Safety
///
/// `block` is a live block of `to` (or anything, if the size is zero), `layout` fits it, and nobody uses it again.
#[inline]
pub(super) unsafe fn free<A: Allocator + ?Sized>(to: &A, block: NonNull<u8>, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: the caller gives the block up, and it has `layout.size()` bytes.
        unsafe {
            fill(block, layout.size());
            to.free(block, layout);
        }
    }
}

/// `remap`, or else a new block, a copy, the fill of the old one, and its return: in this order (D-AL-05).
///
/// Not [`Allocator::realloc`], because only here the old block can be filled between the copy and the return.
///
/// # Safety
///
/// `block` is a live block of `of`, `old` fits it, and neither size is zero. After success the old block is gone.
#[inline]
pub(super) unsafe fn realloc<A: Allocator + ?Sized>(
    of: &A,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
) -> Result<NonNull<u8>, AllocError> {
    debug_assert!(old.align() == new.align() && old.size() != 0 && new.size() != 0);
    // SAFETY: the caller's promise.
    if let Some(moved) = unsafe { of.remap(block, old, new.size()) } {
        return Ok(moved.cast());
    }
    let fresh = alloc(of, new)?;
    // SAFETY: A1: two live blocks do not overlap, and both have the smaller size. The caller gives the old one up.
    unsafe {
        fresh.copy_from_nonoverlapping(block, old.size().min(new.size()));
        free(of, block, old);
    }
    Ok(fresh)
}

/// Gives a block back when dropped: while code of the client runs that may unwind.
#[derive(Debug)]
pub(super) struct FreeOnDrop<'a, A: Allocator + ?Sized> {
    of: &'a A,
    block: NonNull<u8>,
    layout: Layout,
}

impl<'a, A: Allocator + ?Sized> FreeOnDrop<'a, A> {
    /// # Safety
    ///
    /// As for [`free`], at the moment when the guard is dropped.
    #[inline]
    pub(super) unsafe fn new(of: &'a A, block: NonNull<u8>, layout: Layout) -> Self {
        Self { of, block, layout }
    }

    /// Keeps the block after all.
    #[inline]
    pub(super) fn keep(self) {
        core::mem::forget(self);
    }
}

impl<A: Allocator + ?Sized> Drop for FreeOnDrop<'_, A> {
    fn drop(&mut self) {
        // SAFETY: promised to `new`.
        unsafe { free(self.of, self.block, self.layout) };
    }
}
