//! Blocks that hold a number of values: sizes checked, zero counts and zero-sized elements settled here (D-AL-01..10).

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::contract::typed::item::{raised, raised_live};
use crate::contract::typed::raw;
use crate::contract::{AllocError, Allocator};
use crate::layout::Alignment;

/// The layout of `count` elements, if their bytes can be counted.
#[inline]
pub(super) fn layout<T>(count: usize, align: Alignment) -> Result<Layout, AllocError> {
    raised(Layout::array::<T>(count).map_err(|_| AllocError)?, align)
}

/// A slice over the elements at `first`.
#[inline]
fn slice<T>(first: NonNull<u8>, count: usize) -> NonNull<[T]> {
    NonNull::slice_from_raw_parts(first.cast(), count)
}

/// The layout of a live slice.
///
/// # Safety
///
/// Such a slice was allocated with this alignment, so its layout exists.
#[inline]
unsafe fn live<T>(slice: NonNull<[T]>, align: Alignment) -> Layout {
    // SAFETY: the slice's own allocation has computed this product and accepted it.
    let natural = unsafe {
        Layout::from_size_align_unchecked(size_of::<T>().unchecked_mul(slice.len()), align_of::<T>())
    };
    // SAFETY: the caller's promise.
    unsafe { raised_live(natural, align) }
}

#[inline]
pub(super) fn alloc<T, A: Allocator + ?Sized>(
    from: &A,
    count: usize,
    align: Alignment,
) -> Result<NonNull<[MaybeUninit<T>]>, AllocError> {
    Ok(slice(raw::alloc(from, layout::<T>(count, align)?)?, count))
}

#[inline]
pub(super) fn alloc_zeroed<T, A: Allocator + ?Sized>(
    from: &A,
    count: usize,
) -> Result<NonNull<[MaybeUninit<T>]>, AllocError> {
    Ok(slice(raw::alloc_zeroed(from, layout::<T>(count, Alignment::of::<T>())?)?, count))
}

#[inline]
pub(super) fn dupe<T: Copy, A: Allocator + ?Sized>(
    from: &A,
    source: &[T],
) -> Result<NonNull<[T]>, AllocError> {
    let block = raw::alloc(from, Layout::for_value(source))?;
    // SAFETY: the new block has the size of `source`, and a live block overlaps nothing that is borrowed.
    unsafe { block.cast::<T>().copy_from_nonoverlapping(NonNull::from(source).cast(), source.len()) };
    Ok(slice(block, source.len()))
}

/// The elements written so far: dropped if the client's function unwinds.
struct Written<T> {
    first: NonNull<T>,
    count: usize,
}

impl<T> Drop for Written<T> {
    fn drop(&mut self) {
        // SAFETY: `count` elements at `first` are initialised, and nobody else drops them.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.count).drop_in_place() };
    }
}

#[inline]
pub(super) fn alloc_with<T, A: Allocator + ?Sized>(
    from: &A,
    count: usize,
    mut value: impl FnMut(usize) -> T,
) -> Result<NonNull<[T]>, AllocError> {
    let layout = layout::<T>(count, Alignment::of::<T>())?;
    let block = raw::alloc(from, layout)?;
    // SAFETY: a live block with this layout, which nobody else has.
    let guard = unsafe { raw::FreeOnDrop::new(from, block, layout) };
    let mut written = Written { first: block.cast::<T>(), count: 0 };
    while written.count < count {
        let next = value(written.count);
        // SAFETY: `written.count < count`, and the block has room for `count` elements.
        unsafe { written.first.add(written.count).write(next) };
        written.count += 1;
    }
    core::mem::forget(written);
    guard.keep();
    Ok(slice(block, count))
}

/// # Safety
///
/// As for [`free_slice_aligned`](crate::AllocatorExt::free_slice_aligned).
#[inline]
pub(super) unsafe fn free<T, A: Allocator + ?Sized>(to: &A, old: NonNull<[T]>, align: Alignment) {
    // SAFETY: the caller's promise, for both.
    unsafe { raw::free(to, old.cast(), live(old, align)) };
}

/// # Safety
///
/// As for [`resize_slice`](crate::AllocatorExt::resize_slice).
#[inline]
pub(super) unsafe fn resize<T, A: Allocator + ?Sized>(of: &A, old: NonNull<[T]>, count: usize) -> bool {
    let align = Alignment::of::<T>();
    if count == 0 {
        // SAFETY: the caller gives up all of the slice.
        unsafe { free(of, old, align) };
        return true;
    }
    let Ok(new) = layout::<T>(count, align) else { return false };
    if old.is_empty() || new.size() == 0 {
        return !old.is_empty();
    }
    // SAFETY: the caller's promise; neither size is zero.
    unsafe { of.resize(old.cast(), live(old, align), new.size()) }
}

/// # Safety
///
/// As for [`remap_slice`](crate::AllocatorExt::remap_slice).
#[inline]
pub(super) unsafe fn remap<T, A: Allocator + ?Sized>(
    of: &A,
    old: NonNull<[T]>,
    count: usize,
) -> Option<NonNull<[T]>> {
    let align = Alignment::of::<T>();
    let new = layout::<T>(count, align).ok()?;
    if count == 0 {
        // SAFETY: the caller gives up all of the slice.
        unsafe { free(of, old, align) };
        return Some(NonNull::slice_from_raw_parts(NonNull::dangling(), 0));
    }
    if old.is_empty() || new.size() == 0 {
        return (!old.is_empty()).then(|| slice(old.cast(), count));
    }
    // SAFETY: the caller's promise; neither size is zero.
    let moved = unsafe { of.remap(old.cast(), live(old, align), new.size()) }?;
    Some(slice(moved.cast(), count))
}

/// # Safety
///
/// As for [`realloc_slice_aligned`](crate::AllocatorExt::realloc_slice_aligned).
#[inline]
pub(super) unsafe fn realloc<T, A: Allocator + ?Sized>(
    of: &A,
    old: NonNull<[T]>,
    count: usize,
    align: Alignment,
) -> Result<NonNull<[T]>, AllocError> {
    let new = layout::<T>(count, align)?;
    // SAFETY: the caller's promise.
    let layout = unsafe { live(old, align) };
    if layout.size() == 0 || new.size() == 0 {
        let fresh = raw::alloc(of, new)?;
        // SAFETY: the caller gives the old slice up; at least one of the two has no bytes to copy.
        unsafe { raw::free(of, old.cast(), layout) };
        return Ok(slice(fresh, count));
    }
    // SAFETY: the caller's promise; neither size is zero, and both alignments are `new.align()`.
    let moved = unsafe { raw::realloc(of, old.cast(), layout, new) }?;
    Ok(slice(moved, count))
}
