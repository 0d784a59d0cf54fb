//! [`HeapBox`]: a value and the allocator that takes its block back.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::{self, NonNull};

use crate::contract::{AllocError, Allocator, AllocatorExt};

/// An owned value in a block of `A`, dropped and given back when the box is dropped.
///
/// For one value, a slice (`HeapBox<[T], A>`), a text (`HeapBox<str, A>`) or a trait object. It needs no feature, and
/// no panic stands between it and the caller: every constructor returns a `Result`. Whoever wants the whole surface
/// of `Box` and `Vec` takes those of allocator-api2 or std
/// ([`impl_foreign_allocators!`](crate::impl_foreign_allocators)).
///
/// # Invariants
///
/// - **H1** `item` is a live block of `alloc` with the natural layout of its value, which is initialised.
/// - **H2** Nobody else uses that block.
///
/// ```
/// use heap_core::{Global, HeapBox};
///
/// let mut numbers = HeapBox::copy_in(&[3, 1, 2], &Global)?;
/// numbers.sort();
/// assert_eq!(*numbers, [1, 2, 3]);
///
/// // A trait object: unsize the pointer in between.
/// let (item, alloc) = HeapBox::into_raw(HeapBox::new_in(|| 7_u32, Global)?);
/// // SAFETY: both come from `into_raw`; only the pointer's type has changed.
/// let shown: HeapBox<dyn core::fmt::Debug, _> = unsafe { HeapBox::from_raw(item, alloc) };
/// assert_eq!(format!("{shown:?}"), "7");
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct HeapBox<T: ?Sized, A: Allocator> {
    item: NonNull<T>,
    alloc: A,
}

impl<T, A: Allocator> HeapBox<T, A> {
    /// Boxes what `value` returns; called only when there is memory.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    pub fn new_in(value: impl FnOnce() -> T, alloc: A) -> Result<Self, AllocError> {
        let item = alloc.create_with(value)?;
        Ok(Self { item, alloc })
    }
}

impl<T, A: Allocator> HeapBox<[T], A> {
    /// A boxed copy of a slice.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory.
    #[inline]
    pub fn copy_in(source: &[T], alloc: A) -> Result<Self, AllocError>
    where
        T: Copy,
    {
        let item = alloc.dupe(source)?;
        Ok(Self { item, alloc })
    }

    /// A boxed slice of `count` elements, each what `value` returns for its index.
    ///
    /// # Errors
    ///
    /// [`AllocError`]: out of memory, or the size overflows.
    #[inline]
    pub fn slice_in(count: usize, value: impl FnMut(usize) -> T, alloc: A) -> Result<Self, AllocError> {
        let item = alloc.alloc_slice_with(count, value)?;
        Ok(Self { item, alloc })
    }
}

impl<A: Allocator> HeapBox<str, A> {
    /// Boxed text, as from [`AllocatorExt::print`].
    ///
    /// ```
    /// use heap_core::{Global, HeapBox};
    /// let text = HeapBox::print_in(format_args!("{:>4}", 7), Global)?;
    /// assert_eq!(&*text, "   7");
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`AllocatorExt::print`].
    pub fn print_in(text: fmt::Arguments<'_>, alloc: A) -> Result<Self, AllocError> {
        let item = alloc.print(text)?;
        Ok(Self { item, alloc })
    }
}

impl<T: ?Sized, A: Allocator> HeapBox<T, A> {
    /// Takes ownership of a value in a block.
    ///
    /// # Safety
    ///
    /// H1 and H2: the block is live, of `alloc` or one interchangeable with it (A5), with the natural layout of its
    /// initialised value, and the caller gives it up.
    #[inline]
    #[must_use]
    pub unsafe fn from_raw(item: NonNull<T>, alloc: A) -> Self {
        Self { item, alloc }
    }

    /// Gives ownership away: the value and its allocator.
    #[inline]
    #[must_use]
    pub fn into_raw(boxed: Self) -> (NonNull<T>, A) {
        let boxed = ManuallyDrop::new(boxed);
        // SAFETY: `boxed` is neither dropped nor used again, so the allocator is moved and not copied.
        (boxed.item, unsafe { ptr::read(&boxed.alloc) })
    }

    /// The allocator.
    #[inline]
    pub fn allocator(boxed: &Self) -> &A {
        &boxed.alloc
    }
}

impl<T: ?Sized, A: Allocator> Drop for HeapBox<T, A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: H1 and H2; the box is not used again.
        unsafe { self.alloc.destroy(self.item) };
    }
}

// SAFETY: the box owns its value (H2), so it may go where both the value and the allocator may.
unsafe impl<T: ?Sized + Send, A: Allocator + Send> Send for HeapBox<T, A> {}
// SAFETY: a shared box gives out `&T` and `&A` only.
unsafe impl<T: ?Sized + Sync, A: Allocator + Sync> Sync for HeapBox<T, A> {}

impl<T: ?Sized, A: Allocator> Deref for HeapBox<T, A> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: H1, and H2 for as long as the box is borrowed.
        unsafe { self.item.as_ref() }
    }
}

impl<T: ?Sized, A: Allocator> DerefMut for HeapBox<T, A> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: H1, and H2 for as long as the box is mutably borrowed.
        unsafe { self.item.as_mut() }
    }
}

impl<T: ?Sized + fmt::Debug, A: Allocator> fmt::Debug for HeapBox<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display, A: Allocator> fmt::Display for HeapBox<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
