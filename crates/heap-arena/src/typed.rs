//! [`TypedAlloc`]: values instead of blocks, for every allocator here that forgets its blocks as a whole.

use core::alloc::Layout;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, AllocatorExt};

/// Puts values into memory that lives as long as `'a`, and hands out plain references.
///
/// Implemented for references to arenas, fixed buffers and scopes: `arena.alloc_value(7)?` is an `&mut i32` that lives
/// as long as the borrow of `arena`. Destructors do **not** run for these values (`alloc_drop`, where there is one, is
/// the form that runs them): a `String` put here leaks its heap memory.
///
/// Each method is O(bytes written) plus the allocation. `alloc` stays the word for raw blocks
/// ([`Allocator::alloc`]).
///
/// # Errors
///
/// All methods give [`AllocError`] when there is no memory; the values that were passed in are dropped then.
///
/// # Safety
///
/// A block of this allocator that is never freed or resized stays valid, and nobody else's, for all of `'a`.
pub unsafe trait TypedAlloc<'a>: Allocator + Copy {
    /// Moves a value in.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// let point = arena.alloc_value((1, 2))?;
    /// point.0 = 7;
    /// assert_eq!(*point, (7, 2));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    #[doc(alias = "create")]
    fn alloc_value<T: 'a>(self, value: T) -> Result<&'a mut T, AllocError> {
        Ok(self.alloc_uninit()?.write(value))
    }

    /// Makes a value where it will stay. `value` is called only when there is room; it may allocate here too.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// let table = arena.alloc_with(|| [0u32; 256])?;
    /// assert_eq!(table.len(), 256);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    fn alloc_with<T: 'a>(self, value: impl FnOnce() -> T) -> Result<&'a mut T, AllocError> {
        Ok(self.alloc_uninit()?.write(value()))
    }

    /// Room for a value.
    #[inline]
    fn alloc_uninit<T: 'a>(self) -> Result<&'a mut MaybeUninit<T>, AllocError> {
        let block = self.alloc(Layout::new::<T>())?;
        // SAFETY: A2: aligned and large enough for a `T`; the trait's promise: ours for all of `'a`.
        Ok(unsafe { block.cast().as_mut() })
    }

    /// Room for `len` values.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// assert_eq!(arena.alloc_slice_uninit::<u64>(3)?.len(), 3);
    /// assert!(arena.alloc_slice_uninit::<u64>(usize::MAX).is_err());
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    fn alloc_slice_uninit<T: 'a>(self, len: usize) -> Result<&'a mut [MaybeUninit<T>], AllocError> {
        let layout = Layout::array::<T>(len).map_err(|_| AllocError)?;
        let first = self.alloc(layout)?.cast();
        // SAFETY: A2: aligned and large enough for `len` of them; the trait's promise: ours for all of `'a`.
        Ok(unsafe { NonNull::slice_from_raw_parts(first, len).as_mut() })
    }

    /// Copies a slice.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// assert_eq!(arena.alloc_slice_copy(&[1, 2, 3])?, &[1, 2, 3]);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    #[doc(alias = "dupe")]
    fn alloc_slice_copy<T: Copy + 'a>(self, source: &[T]) -> Result<&'a mut [T], AllocError> {
        let first = self.alloc(Layout::for_value(source))?.cast();
        // SAFETY: A2: aligned and large enough for `source`; the trait's promise: ours for all of `'a`.
        let slice: &mut [MaybeUninit<T>] =
            unsafe { NonNull::slice_from_raw_parts(first, source.len()).as_mut() };
        Ok(slice.write_copy_of_slice(source))
    }

    /// Clones a slice, element by element.
    #[inline]
    fn alloc_slice_clone<T: Clone + 'a>(self, source: &[T]) -> Result<&'a mut [T], AllocError> {
        self.alloc_iter(source.iter().cloned())
    }

    /// A slice of `len` values, the one at `index` being `value(index)`.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// assert_eq!(arena.alloc_slice_fill_with(4, |i| i * i)?, &[0, 1, 4, 9]);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    fn alloc_slice_fill_with<T: 'a>(
        self,
        len: usize,
        mut value: impl FnMut(usize) -> T,
    ) -> Result<&'a mut [T], AllocError> {
        let mut slice = Growing::with_capacity(self, len)?;
        while slice.len < len {
            let next = value(slice.len);
            // SAFETY: `slice.len < len`, which is at most the capacity.
            unsafe { slice.push_within_capacity(next) };
        }
        Ok(slice.finish())
    }

    /// Copies a string.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// assert_eq!(arena.alloc_str("a name")?, "a name");
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    fn alloc_str(self, source: &str) -> Result<&'a mut str, AllocError> {
        let bytes = self.alloc_slice_copy(source.as_bytes())?;
        // SAFETY: the bytes of a `str`.
        Ok(unsafe { core::str::from_utf8_unchecked_mut(bytes) })
    }

    /// Formats a text.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// assert_eq!(arena.alloc_fmt(format_args!("{}-{}", "row", 7))?, "row-7");
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    fn alloc_fmt(self, text: core::fmt::Arguments<'_>) -> Result<&'a mut str, AllocError> {
        let mut text = AllocatorExt::print(&self, text)?;
        // SAFETY: an initialised block of ours; the trait's promise: for all of `'a`.
        Ok(unsafe { text.as_mut() })
    }

    /// Collects an iterator into a slice.
    ///
    /// Starts with the lower size hint; grows in place while nothing else is allocated meanwhile, and by moving else.
    /// What the iterator says about its length is believed for speed only.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// let odd = arena.alloc_iter((0..10).filter(|n| n % 2 == 1))?;
    /// assert_eq!(odd, &[1, 3, 5, 7, 9]);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    #[inline]
    fn alloc_iter<T: 'a>(self, values: impl IntoIterator<Item = T>) -> Result<&'a mut [T], AllocError> {
        let values = values.into_iter();
        let mut slice = Growing::with_capacity(self, values.size_hint().0)?;
        for value in values {
            slice.push(value)?;
        }
        Ok(slice.finish())
    }
}

/// A slice that is being filled. Dropped early, by an error or a panic, it drops its elements and frees its block.
///
/// # Invariants
///
/// - **G1** `len <= capacity`; the first `len` elements are initialised and ours to drop.
/// - **G2** `first` is a live block of `from` with the layout of `capacity` elements.
struct Growing<T, A: Allocator> {
    from: A,
    first: NonNull<T>,
    len: usize,
    capacity: usize,
}

impl<'a, T: 'a, A: TypedAlloc<'a>> Growing<T, A> {
    fn with_capacity(from: A, capacity: usize) -> Result<Self, AllocError> {
        // Elements without size take no memory, however many: room for all there can be.
        let capacity = if size_of::<T>() == 0 { usize::MAX } else { capacity };
        // Not through a reference: that would cover these bytes only, and growth in place needs those behind.
        let layout = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        Ok(Self { from, first: from.alloc(layout)?.cast(), len: 0, capacity })
    }

    #[inline]
    fn push(&mut self, value: T) -> Result<(), AllocError> {
        if self.len == self.capacity {
            self.grow()?;
        }
        // SAFETY: `grow` made room.
        unsafe { self.push_within_capacity(value) };
        Ok(())
    }

    /// # Safety
    ///
    /// `len < capacity`.
    #[inline]
    unsafe fn push_within_capacity(&mut self, value: T) {
        // SAFETY: the caller's promise and G2. G1 holds with the new length.
        unsafe { self.first.add(self.len).write(value) };
        self.len += 1;
    }

    /// Doubles the capacity.
    #[cold]
    fn grow(&mut self) -> Result<(), AllocError> {
        let capacity = self.capacity.checked_mul(2).ok_or(AllocError)?.max(4);
        let new = Layout::array::<T>(capacity).map_err(|_| AllocError)?;
        // SAFETY: G2: live, with this layout; we keep only what is returned.
        self.first = unsafe { self.from.realloc(self.first.cast(), self.layout(), new)? }.cast();
        self.capacity = capacity;
        Ok(())
    }

    /// Gives the unused end back and hands out the elements.
    fn finish(self) -> &'a mut [T] {
        let this = ManuallyDrop::new(self);
        if this.len < this.capacity && size_of::<T>() != 0 {
            // SAFETY: G2, and nobody uses the block beyond `len` elements. The refusal of a shrink loses only room.
            unsafe { this.from.resize(this.first.cast(), this.layout(), this.len * size_of::<T>()) };
        }
        // SAFETY: G1; the trait's promise: the block is ours for all of `'a`, and `this` is not used again.
        unsafe { NonNull::slice_from_raw_parts(this.first, this.len).as_mut() }
    }
}

impl<T, A: Allocator> Growing<T, A> {
    /// The layout of the block (G2).
    fn layout(&self) -> Layout {
        let size = size_of::<T>().wrapping_mul(self.capacity);
        // SAFETY: G2: the block was allocated with this layout, so the product did not wrap.
        unsafe { Layout::from_size_align_unchecked(size, align_of::<T>()) }
    }
}

impl<T, A: Allocator> Drop for Growing<T, A> {
    fn drop(&mut self) {
        /// Frees the block also when an element's destructor unwinds.
        struct Free<'g, T, A: Allocator>(&'g Growing<T, A>);
        impl<T, A: Allocator> Drop for Free<'_, T, A> {
            fn drop(&mut self) {
                // SAFETY: G2; the elements are gone.
                unsafe { self.0.from.free(self.0.first.cast(), self.0.layout()) };
            }
        }
        let _free = Free(self);
        // SAFETY: G1.
        unsafe { NonNull::slice_from_raw_parts(self.first, self.len).drop_in_place() };
    }
}
