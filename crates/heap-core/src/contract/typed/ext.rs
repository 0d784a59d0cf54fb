//! [`AllocatorExt`]: the typed helpers, for every [`Allocator`].

use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::contract::typed::{SentinelSlice, item, sentinel, slice, text};
use crate::contract::{AllocError, Allocator};
use crate::layout::Alignment;

/// Typed helpers over the raw operations, for every [`Allocator`], also behind `dyn`.
///
/// They return raw pointers: who wants an owner takes [`HeapBox`](crate::HeapBox), or the collections that
/// [`impl_foreign_allocators!`](crate::impl_foreign_allocators) opens. The rules are the same for all of them:
///
/// - **T1** The size in bytes is computed with overflow checks. What cannot be counted is [`AllocError`] where memory is
///   asked for, and a refusal from `resize_slice` and `remap_slice`.
/// - **T2** Zero bytes (no elements, or elements of size zero) never reach the allocator. The pointer is aligned and
///   dangling, and giving it back does nothing.
/// - **T3** With `debug_assertions` fresh bytes, and bytes given back, are overwritten with 0xAA; zeroed ones, those
///   cut off by a resize, and those of a block that `remap` moved are not. Release builds write nothing.
/// - **T4** On failure nothing has changed and the caller owns what he owned. Where the caller's own code unwinds (a
///   closure, a destructor, a `Display`), the block is given back first.
///
/// Apart from the allocator's own work each takes O(1), or O(bytes) where bytes are copied, filled or made.
///
/// ```
/// use heap_core::{Allocator, AllocatorExt, Global};
///
/// /// Any allocator will do: the caller chose it, and owns the result.
/// fn squares(alloc: &dyn Allocator, count: usize) -> Result<core::ptr::NonNull<[usize]>, heap_core::AllocError> {
///     alloc.alloc_slice_with(count, |i| i * i)
/// }
///
/// let four = squares(&Global, 4)?;
/// // SAFETY: live until it is freed in the last line.
/// assert_eq!(unsafe { four.as_ref() }, [0, 1, 4, 9]);
/// // SAFETY: from this allocator, not used again.
/// unsafe { Global.free_slice(four) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub trait AllocatorExt: Allocator {
    /// Room for one `T`.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    fn create<T>(&self) -> Result<NonNull<MaybeUninit<T>>, AllocError> {
        item::create(self, Alignment::of::<T>())
    }

    /// Room for one `T` at a multiple of `align` or of its own alignment, whichever is larger.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    #[doc(alias = "alignedCreate")]
    #[doc(alias = "createAdvancedWithRetAddr")]
    fn create_aligned<T>(&self, align: Alignment) -> Result<NonNull<MaybeUninit<T>>, AllocError> {
        item::create(self, align)
    }

    /// A block with the value that `value` returns; called only when there is memory, so no value is lost.
    ///
    /// ```
    /// use heap_core::{AllocatorExt, Global};
    /// let point = Global.create_with(|| (3, 4))?;
    /// // SAFETY: a live value, handed back once.
    /// unsafe { Global.destroy(point) };
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    fn create_with<T>(&self, value: impl FnOnce() -> T) -> Result<NonNull<T>, AllocError> {
        item::create_with(self, value)
    }

    /// Drops a value, or a slice with all its elements, and gives its block back.
    ///
    /// For `MaybeUninit` nothing is dropped. Zig's `destroy` has no destructors to run.
    ///
    /// # Safety
    ///
    /// `item` is a live block of this allocator with the natural layout of its value, which is initialised. Nobody
    /// uses it again.
    #[inline]
    unsafe fn destroy<T: ?Sized>(&self, item: NonNull<T>) {
        // SAFETY: the caller's promise is the same.
        unsafe { item::destroy(self, item, Alignment::MIN) }
    }

    /// As [`destroy`](Self::destroy), for a block from [`create_aligned`](Self::create_aligned).
    ///
    /// # Safety
    ///
    /// As for [`destroy`](Self::destroy), with the same `align` as at its creation.
    #[inline]
    unsafe fn destroy_aligned<T: ?Sized>(&self, item: NonNull<T>, align: Alignment) {
        // SAFETY: the caller's promise is the same.
        unsafe { item::destroy(self, item, align) }
    }

    /// Room for `count` elements.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size overflows (T1).
    #[inline]
    #[doc(alias = "allocWithOptions")]
    #[doc(alias = "allocWithOptionsRetAddr")]
    fn alloc_slice<T>(&self, count: usize) -> Result<NonNull<[MaybeUninit<T>]>, AllocError> {
        slice::alloc(self, count, Alignment::of::<T>())
    }

    /// Room for `count` elements, the first at a multiple of `align` or of the type's alignment, whichever is larger.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use heap_core::{Alignment, AllocatorExt, Global};
    /// let line = Alignment::new(64).unwrap();
    /// let words = Global.alloc_slice_aligned::<u16>(100, line)?;
    /// assert!(line.is_aligned(words.cast::<u8>().addr().get()));
    /// // SAFETY: from above, with the same alignment.
    /// unsafe { Global.free_slice_aligned(words, line) };
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size overflows (T1).
    #[inline]
    #[doc(alias = "alignedAlloc")]
    #[doc(alias = "allocAdvancedWithRetAddr")]
    #[doc(alias = "allocBytesAligned")]
    fn alloc_slice_aligned<T>(
        &self,
        count: usize,
        align: Alignment,
    ) -> Result<NonNull<[MaybeUninit<T>]>, AllocError> {
        slice::alloc(self, count, align)
    }

    /// Room for `count` elements with every byte zero, cleared only where the allocator's memory is not zero anyway.
    ///
    /// The result may be cast to `[T]` where all zeroes are a `T`.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size overflows (T1).
    #[inline]
    #[doc(alias = "calloc")]
    fn alloc_slice_zeroed<T>(&self, count: usize) -> Result<NonNull<[MaybeUninit<T>]>, AllocError> {
        slice::alloc_zeroed(self, count)
    }

    /// A slice of `count` elements, each what `value` returns for its index.
    ///
    /// There is no such function for iterators: one that does not know its length needs a growing buffer, a `Vec`.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size overflows (T1). `value` has not been called then.
    #[inline]
    fn alloc_slice_with<T>(
        &self,
        count: usize,
        value: impl FnMut(usize) -> T,
    ) -> Result<NonNull<[T]>, AllocError> {
        slice::alloc_with(self, count, value)
    }

    /// A copy of a slice.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    #[doc(alias = "duplicate")]
    fn dupe<T: Copy>(&self, source: &[T]) -> Result<NonNull<[T]>, AllocError> {
        slice::dupe(self, source)
    }

    /// Gives a slice back without dropping its elements ([`destroy`](Self::destroy) drops them).
    ///
    /// # Safety
    ///
    /// `slice` is from this allocator, naturally aligned, with the length that it was last given. Nobody uses it again.
    #[inline]
    unsafe fn free_slice<T>(&self, slice: NonNull<[T]>) {
        // SAFETY: the caller's promise is the same.
        unsafe { slice::free(self, slice, Alignment::MIN) }
    }

    /// As [`free_slice`](Self::free_slice), for a block from [`alloc_slice_aligned`](Self::alloc_slice_aligned).
    ///
    /// # Safety
    ///
    /// As for [`free_slice`](Self::free_slice), with the same `align` as at its allocation.
    #[inline]
    unsafe fn free_slice_aligned<T>(&self, slice: NonNull<[T]>, align: Alignment) {
        // SAFETY: the caller's promise is the same.
        unsafe { slice::free(self, slice, align) }
    }

    /// Changes a slice's length in place, or refuses. After `true` the slice is the same address with `count` elements.
    ///
    /// A `count` of zero frees it: `true`. An empty slice has no block that could grow: `false`. With elements of size
    /// zero every length fits: `true`. Elements cut off are not dropped, new ones are uninitialised.
    ///
    /// # Safety
    ///
    /// As for [`free_slice`](Self::free_slice), except that after `false` the slice lives on.
    #[inline]
    unsafe fn resize_slice<T>(&self, slice: NonNull<[T]>, count: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { slice::resize(self, slice, count) }
    }

    /// Changes a slice's length, and may move it where that is cheaper than a copy. `None`: allocate and copy yourself.
    ///
    /// Zero, empty and zero-sized as for [`resize_slice`](Self::resize_slice).
    ///
    /// # Safety
    ///
    /// As for [`resize_slice`](Self::resize_slice). After `Some` the old slice is gone.
    #[inline]
    unsafe fn remap_slice<T>(&self, slice: NonNull<[T]>, count: usize) -> Option<NonNull<[T]>> {
        // SAFETY: the caller's promise is the same.
        unsafe { slice::remap(self, slice, count) }
    }

    /// Changes a slice's length: `remap`, else allocate, copy and free. Fails only for want of memory.
    ///
    /// A `count` of zero frees it and returns an empty slice; an empty slice is allocated afresh.
    ///
    /// ```
    /// use heap_core::{AllocatorExt, Global};
    /// let short = Global.dupe(&[1, 2])?;
    /// // SAFETY: from this allocator; `short` is not used again, nor is `long` after the last line.
    /// unsafe {
    ///     let long = Global.realloc_slice(short, 1000)?;
    ///     assert_eq!((long.len(), long.as_ref()[..2] == [1, 2]), (1000, true));
    ///     Global.free_slice(long);
    /// }
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size overflows (T1); the old slice is untouched and still owned.
    ///
    /// # Safety
    ///
    /// As for [`remap_slice`](Self::remap_slice).
    #[inline]
    #[doc(alias = "reallocAdvanced")]
    unsafe fn realloc_slice<T>(&self, slice: NonNull<[T]>, count: usize) -> Result<NonNull<[T]>, AllocError> {
        // SAFETY: the caller's promise is the same.
        unsafe { slice::realloc(self, slice, count, Alignment::MIN) }
    }

    /// As [`realloc_slice`](Self::realloc_slice), for a block from [`alloc_slice_aligned`](Self::alloc_slice_aligned).
    ///
    /// # Errors
    ///
    /// As for [`realloc_slice`](Self::realloc_slice).
    ///
    /// # Safety
    ///
    /// As for [`realloc_slice`](Self::realloc_slice), with the same `align` as at its allocation.
    #[inline]
    unsafe fn realloc_slice_aligned<T>(
        &self,
        slice: NonNull<[T]>,
        count: usize,
        align: Alignment,
    ) -> Result<NonNull<[T]>, AllocError> {
        // SAFETY: the caller's promise is the same.
        unsafe { slice::realloc(self, slice, count, align) }
    }

    /// Room for `count` elements and the sentinel, which is written behind them.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size of `count + 1` elements overflows (T1).
    #[inline]
    #[doc(alias = "allocSentinel")]
    fn alloc_sentinel<T>(&self, count: usize, sentinel: T) -> Result<SentinelSlice<T>, AllocError> {
        sentinel::alloc(self, count, sentinel)
    }

    /// A copy of a slice with the sentinel behind it.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    #[doc(alias = "dupeZ")]
    #[doc(alias = "dupeSentinel")]
    fn dupe_sentinel<T: Copy>(&self, source: &[T], sentinel: T) -> Result<SentinelSlice<T>, AllocError> {
        sentinel::dupe(self, source, sentinel)
    }

    /// Gives a slice and its sentinel back, without dropping any element.
    ///
    /// # Safety
    ///
    /// `slice` is from this allocator, as it was last returned. Nobody uses it again.
    #[inline]
    unsafe fn free_sentinel<T>(&self, slice: SentinelSlice<T>) {
        // SAFETY: the caller's promise, for all elements and the sentinel.
        unsafe { slice::free(self, slice.with_sentinel(), Alignment::MIN) }
    }

    /// Changes the length in place, or refuses. The sentinel moves to the new end; at a `count` of zero it stays alone.
    ///
    /// # Safety
    ///
    /// As for [`free_sentinel`](Self::free_sentinel), except that after `None` the slice lives on.
    #[inline]
    unsafe fn resize_sentinel<T: Copy>(
        &self,
        slice: SentinelSlice<T>,
        count: usize,
    ) -> Option<SentinelSlice<T>> {
        // SAFETY: the caller's promise is the same.
        unsafe { sentinel::resize(self, slice, count) }
    }

    /// Changes the length as [`realloc_slice`](Self::realloc_slice) does. The sentinel moves to the new end.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size of `count + 1` elements overflows; the old slice is still owned.
    ///
    /// # Safety
    ///
    /// As for [`resize_sentinel`](Self::resize_sentinel). After success the old slice is gone.
    #[inline]
    unsafe fn realloc_sentinel<T: Copy>(
        &self,
        slice: SentinelSlice<T>,
        count: usize,
    ) -> Result<SentinelSlice<T>, AllocError> {
        // SAFETY: the caller's promise is the same.
        unsafe { sentinel::realloc(self, slice, count) }
    }

    /// Formatted text in a block of exactly its length.
    ///
    /// The text is formatted twice, once to count and once to write; nothing is grown or moved.
    ///
    /// ```
    /// use heap_core::{AllocatorExt, Global};
    /// let line = Global.print(format_args!("{} bytes at {:?}", 64, "home"))?;
    /// // SAFETY: live until the next line; then not used again.
    /// unsafe {
    ///     assert_eq!(line.as_ref(), r#"64 bytes at "home""#);
    ///     Global.destroy(line);
    /// }
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or a `Display` that fails or does not write the same length twice.
    #[doc(alias = "allocPrint")]
    fn print(&self, text: fmt::Arguments<'_>) -> Result<NonNull<str>, AllocError> {
        let (first, len) = text::print(self, text, 0)?;
        Ok(text::text(first, len))
    }

    /// As [`print`](Self::print), with a byte behind the text: zero for a C string.
    ///
    /// # Errors
    ///
    /// As for [`print`](Self::print).
    #[doc(alias = "allocPrintSentinel")]
    #[doc(alias = "printSentinel")]
    #[doc(alias = "allocPrintZ")]
    fn print_sentinel(
        &self,
        text: fmt::Arguments<'_>,
        sentinel: u8,
    ) -> Result<SentinelSlice<u8>, AllocError> {
        let (first, len) = text::print(self, text, 1)?;
        // SAFETY: the block has `len + 1` bytes.
        Ok(unsafe { sentinel::ended(first, len, sentinel) })
    }
}

impl<A: Allocator + ?Sized> AllocatorExt for A {}
