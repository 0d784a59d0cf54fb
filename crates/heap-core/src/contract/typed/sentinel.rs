//! Slices with one more element behind them: the terminator that C strings and the like end with.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::contract::typed::slice;
use crate::contract::{AllocError, Allocator};
use crate::layout::Alignment;

/// `len` elements and, behind the last, a sentinel: one value that says "the end".
///
/// A type of its own, so that the element behind the end cannot be forgotten when the block is given back: made by
/// [`alloc_sentinel`](crate::AllocatorExt::alloc_sentinel) and its like, ended by
/// [`free_sentinel`](crate::AllocatorExt::free_sentinel), it always counts `len + 1`. A plain pointer: it owns nothing,
/// and copies are free.
///
/// # Invariants
///
/// - **S1** `len + 1` elements at `first` are one live block, naturally aligned, until the slice is freed or resized.
/// - **S2** The element at index `len` is initialised.
///
/// ```
/// use core::ffi::CStr;
/// use heap_core::{AllocatorExt, Global};
///
/// let name = Global.dupe_sentinel(b"heap", 0)?;
/// // SAFETY: the five bytes are initialised and live, and the last one is zero.
/// let c_name = unsafe { CStr::from_ptr(name.first().as_ptr().cast()) };
/// assert_eq!(c_name, c"heap");
/// // SAFETY: made above, not used again.
/// unsafe { Global.free_sentinel(name) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Debug)]
pub struct SentinelSlice<T> {
    first: NonNull<T>,
    len: usize,
}

impl<T> Clone for SentinelSlice<T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SentinelSlice<T> {}

impl<T> SentinelSlice<T> {
    /// Takes over `len + 1` elements that came from elsewhere, the slice's and its terminator.
    ///
    /// # Safety
    ///
    /// S1 and S2 hold.
    #[inline]
    #[must_use]
    pub const unsafe fn from_raw(first: NonNull<T>, len: usize) -> Self {
        Self { first, len }
    }

    /// The address of the first element, or of the sentinel if there is none.
    #[inline]
    #[must_use]
    pub const fn first(self) -> NonNull<T> {
        self.first
    }

    /// Elements before the sentinel.
    #[inline]
    #[must_use]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether the sentinel is all there is.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The elements, without the sentinel.
    #[inline]
    #[must_use]
    pub const fn elements(self) -> NonNull<[T]> {
        NonNull::slice_from_raw_parts(self.first, self.len)
    }

    /// The elements and the sentinel.
    #[inline]
    #[must_use]
    pub const fn with_sentinel(self) -> NonNull<[T]> {
        // S1: `len + 1` elements exist, so the sum does not overflow.
        NonNull::slice_from_raw_parts(self.first, self.len + 1)
    }
}

/// `count + 1`, the checked way (D-AL-09).
#[inline]
fn terminated(count: usize) -> Result<usize, AllocError> {
    count.checked_add(1).ok_or(AllocError)
}

/// Ends `count` elements with the sentinel: the step that makes S2 true.
///
/// # Safety
///
/// `count + 1` elements at `first` are one block of the caller's (S1).
#[inline]
pub(super) unsafe fn ended<T>(first: NonNull<T>, count: usize, sentinel: T) -> SentinelSlice<T> {
    // SAFETY: the block has an element at index `count`.
    unsafe { first.add(count).write(sentinel) };
    SentinelSlice { first, len: count }
}

#[inline]
pub(super) fn alloc<T, A: Allocator + ?Sized>(
    from: &A,
    count: usize,
    sentinel: T,
) -> Result<SentinelSlice<T>, AllocError> {
    let block: NonNull<[MaybeUninit<T>]> = slice::alloc(from, terminated(count)?, Alignment::of::<T>())?;
    // SAFETY: `count + 1` elements, just allocated.
    Ok(unsafe { ended(block.cast(), count, sentinel) })
}

#[inline]
pub(super) fn dupe<T: Copy, A: Allocator + ?Sized>(
    from: &A,
    source: &[T],
    sentinel: T,
) -> Result<SentinelSlice<T>, AllocError> {
    let copy = alloc(from, source.len(), sentinel)?;
    // SAFETY: `source.len()` elements are ours at `first` (S1), in a fresh block that overlaps nothing borrowed.
    unsafe { copy.first.copy_from_nonoverlapping(NonNull::from(source).cast(), source.len()) };
    Ok(copy)
}

/// # Safety
///
/// As for [`resize_sentinel`](crate::AllocatorExt::resize_sentinel).
#[inline]
pub(super) unsafe fn resize<T: Copy, A: Allocator + ?Sized>(
    of: &A,
    old: SentinelSlice<T>,
    count: usize,
) -> Option<SentinelSlice<T>> {
    let len = terminated(count).ok()?;
    // SAFETY: S2.
    let sentinel = unsafe { old.first.add(old.len).read() };
    // SAFETY: the caller's promise and S1; neither length is zero. After success the block has `count + 1` elements.
    unsafe { slice::resize(of, old.with_sentinel(), len).then(|| ended(old.first, count, sentinel)) }
}

/// # Safety
///
/// As for [`realloc_sentinel`](crate::AllocatorExt::realloc_sentinel).
#[inline]
pub(super) unsafe fn realloc<T: Copy, A: Allocator + ?Sized>(
    of: &A,
    old: SentinelSlice<T>,
    count: usize,
) -> Result<SentinelSlice<T>, AllocError> {
    let len = terminated(count)?;
    // SAFETY: S2.
    let sentinel = unsafe { old.first.add(old.len).read() };
    // SAFETY: the caller's promise and S1.
    let moved = unsafe { slice::realloc(of, old.with_sentinel(), len, Alignment::of::<T>()) }?;
    // SAFETY: the block has `count + 1` elements now.
    Ok(unsafe { ended(moved.cast(), count, sentinel) })
}
