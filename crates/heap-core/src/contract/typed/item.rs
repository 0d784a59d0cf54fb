//! Blocks that hold one value.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::contract::typed::raw;
use crate::contract::{AllocError, Allocator};
use crate::layout::Alignment;

/// A layout raised to an alignment, if that exists.
#[inline]
pub(super) fn raised(layout: Layout, align: Alignment) -> Result<Layout, AllocError> {
    layout.align_to(align.bytes()).map_err(|_| AllocError)
}

/// The layout of a live block, raised as when it was allocated.
///
/// # Safety
///
/// A block was allocated with `raised(layout, align)`, so that layout exists.
#[inline]
pub(super) unsafe fn raised_live(layout: Layout, align: Alignment) -> Layout {
    // SAFETY: the caller's promise.
    unsafe { Layout::from_size_align_unchecked(layout.size(), layout.align().max(align.bytes())) }
}

/// Room for one `T`.
#[inline]
pub(super) fn create<T, A: Allocator + ?Sized>(
    from: &A,
    align: Alignment,
) -> Result<NonNull<MaybeUninit<T>>, AllocError> {
    Ok(raw::alloc(from, raised(Layout::new::<T>(), align)?)?.cast())
}

/// One `T`, made after its room was found.
#[inline]
pub(super) fn create_with<T, A: Allocator + ?Sized>(
    from: &A,
    value: impl FnOnce() -> T,
) -> Result<NonNull<T>, AllocError> {
    let layout = Layout::new::<T>();
    let block = raw::alloc(from, layout)?;
    // SAFETY: a live block with this layout, which nobody else has.
    let guard = unsafe { raw::FreeOnDrop::new(from, block, layout) };
    let value = value();
    guard.keep();
    // SAFETY: A2: aligned, and large enough for a `T`.
    unsafe { block.cast::<T>().write(value) };
    Ok(block.cast())
}

/// Drops a value and gives its block back, also when its destructor unwinds.
///
/// # Safety
///
/// As for [`destroy_aligned`](crate::AllocatorExt::destroy_aligned).
#[inline]
pub(super) unsafe fn destroy<T: ?Sized, A: Allocator + ?Sized>(to: &A, item: NonNull<T>, align: Alignment) {
    // SAFETY: the caller hands over a live, initialised value, allocated with this alignment.
    let layout = unsafe { raised_live(Layout::for_value(item.as_ref()), align) };
    // SAFETY: the caller's promise: this block, with this layout, not used after us.
    let guard = unsafe { raw::FreeOnDrop::new(to, item.cast(), layout) };
    // SAFETY: as above; the block itself lives until the guard is dropped.
    unsafe { item.drop_in_place() };
    drop(guard);
}
