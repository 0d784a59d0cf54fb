//! [`StackFallback`]: a buffer in place, and another allocator for what it does not hold.

use core::alloc::Layout;
use core::cell::{Cell, UnsafeCell};
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator};

use crate::bump::{fit, may_grow};

/// `N` bytes that go wherever this value goes, and an allocator for what does not fit there.
///
/// The allocator is the *reference*: `&StackFallback` implements [`Allocator`], the value does not. So the value can be
/// moved while it is not borrowed, and cannot while a collection uses it; there is nothing to fetch, nothing to fetch
/// twice, and no first use that would reset anything. The bytes are allocated as from a
/// [`FixedBuffer`](crate::FixedBuffer), last in, first out, and blocks stay with the side that made them, as in
/// [`BufferFirst`](crate::BufferFirst).
///
/// ```
/// use allocator_api2_02::vec::Vec;
/// use heap_arena::StackFallback;
///
/// let stack = StackFallback::<256>::new();
/// let mut list = Vec::new_in(&stack);
/// list.extend(0u8..100);
/// assert!(stack.in_buffer(core::ptr::NonNull::from(&list[0])));
/// list.extend(0u8..200);
/// assert!(!stack.in_buffer(core::ptr::NonNull::from(&list[0])));
/// ```
///
/// It does not move under a collection:
///
/// ```compile_fail,E0505
/// use allocator_api2_02::vec::Vec;
/// use heap_arena::StackFallback;
/// let stack = StackFallback::<256>::new();
/// let list: Vec<u8, _> = Vec::new_in(&stack);
/// let moved = stack;
/// drop(list);
/// ```
///
/// nor go away, nor start anew:
///
/// ```compile_fail,E0515
/// use allocator_api2_02::vec::Vec;
/// use heap_arena::StackFallback;
/// fn numbers<'a>() -> Vec<u8, &'a StackFallback<256>> {
///     let stack = StackFallback::<256>::new();
///     Vec::new_in(&stack)
/// }
/// ```
///
/// ```compile_fail,E0502
/// use allocator_api2_02::vec::Vec;
/// use heap_arena::StackFallback;
/// let mut stack = StackFallback::<256>::new();
/// let list: Vec<u8, _> = Vec::new_in(&stack);
/// stack.reset();
/// drop(list);
/// ```
///
/// and by value it is no allocator, for a `Vec` that owned it would take the bytes along when it moves:
///
/// ```compile_fail,E0277
/// use allocator_api2_02::vec::Vec;
/// use heap_arena::StackFallback;
/// let list: Vec<u8, _> = Vec::new_in(StackFallback::<256>::new());
/// ```
#[doc(alias = "StackFallbackAllocator")]
#[doc(alias = "stackFallback")]
pub struct StackFallback<
    const N: usize,
    #[cfg(feature = "alloc")] A: Allocator = Global,
    #[cfg(not(feature = "alloc"))] A: Allocator,
> {
    /// Written through pointers that blocks are made of, while `self` is shared: hence the cell. Never read here.
    buffer: UnsafeCell<Buffer<N>>,
    /// Bytes taken from the start of the buffer. An offset, so that it stays right when the value moves.
    used: Cell<usize>,
    fallback: A,
}

/// The bytes, aligned for most values.
#[repr(align(16))]
struct Buffer<const N: usize>(MaybeUninit<[u8; N]>);

#[cfg(feature = "alloc")]
impl<const N: usize> StackFallback<N> {
    /// `N` bytes, and then the program's global allocator.
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Global)
    }
}

#[cfg(feature = "alloc")]
impl<const N: usize> Default for StackFallback<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, A: Allocator> StackFallback<N, A> {
    /// `N` bytes, and then `fallback`.
    #[must_use]
    pub const fn new_in(fallback: A) -> Self {
        Self { buffer: UnsafeCell::new(Buffer(MaybeUninit::uninit())), used: Cell::new(0), fallback }
    }

    /// Forgets the blocks in the buffer. Those of the fallback are not touched: who does not free them leaks them.
    pub fn reset(&mut self) {
        self.used.set(0);
    }

    /// Bytes of the buffer in use: live blocks, their padding, and blocks that were freed out of order.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.get()
    }

    /// The other allocator.
    #[must_use]
    pub const fn fallback(&self) -> &A {
        &self.fallback
    }

    /// Whether a block lies in the buffer, at its present place.
    #[inline]
    #[must_use]
    pub fn in_buffer(&self, block: NonNull<u8>) -> bool {
        block.addr().get().wrapping_sub(self.start().addr().get()) < N
    }

    /// The first byte of the buffer, to be written through.
    #[inline]
    fn start(&self) -> NonNull<u8> {
        // SAFETY: the address of a field is not null.
        unsafe { NonNull::new_unchecked(self.buffer.get()) }.cast()
    }

    /// A block in the buffer, if it fits.
    #[inline]
    fn alloc_in_buffer(&self, layout: Layout) -> Option<NonNull<[u8]>> {
        let start = self.start();
        let base = start.addr().get();
        let fit = fit(base + self.used.get(), base + N, layout)?;
        self.used.set(fit.end - base);
        // SAFETY: `fit`: within the `N` bytes of the buffer.
        let block = unsafe { start.add(fit.start - base) };
        Some(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    /// Changes the size of a block in the buffer, in place.
    #[inline]
    fn resize_in_buffer(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let base = self.start().addr().get();
        let offset = block.addr().get() - base;
        if offset + layout.size() != self.used.get() {
            return new_size <= layout.size();
        }
        let grows = new_size > layout.size();
        if grows && !may_grow(block.addr().get(), base + N, layout.align(), new_size) {
            return false;
        }
        self.used.set(offset + new_size);
        true
    }
}

// SAFETY: A1: while the reference lives, the value does not move, is not dropped and not reset, so the buffer's bytes
// stay; they are in a cell, so shared borrows of the value claim nothing about them; and blocks are disjoint, for each
// is taken behind `used`. Every call for a block goes to the side that made it, told by the address. A2: `fit`. A3:
// settled first. A4: checked in `fit` and `may_grow`. A5: a copy of the reference is the same allocator.
unsafe impl<const N: usize, A: Allocator> Allocator for &StackFallback<N, A> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        match self.alloc_in_buffer(layout) {
            Some(block) => Ok(block),
            None => self.fallback.alloc(layout),
        }
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 {
            return new_size == 0;
        }
        if self.in_buffer(block) {
            return self.resize_in_buffer(block, layout, new_size);
        }
        // SAFETY: the caller's promise; not ours, so the fallback's. Of size zero it would not come back to it.
        new_size != 0 && unsafe { self.fallback.resize(block, layout, new_size) }
    }

    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 {
            return None;
        }
        if self.in_buffer(block) {
            let resized = self.resize_in_buffer(block, layout, new_size);
            return resized.then(|| NonNull::slice_from_raw_parts(block, new_size));
        }
        // SAFETY: the caller's promise; not ours, so the fallback's.
        unsafe { self.fallback.remap(block, layout, new_size) }
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        if self.in_buffer(block) {
            self.resize_in_buffer(block, layout, 0);
        } else {
            // SAFETY: the caller's promise; not ours, so the fallback's.
            unsafe { self.fallback.free(block, layout) };
        }
    }
}

heap_core::impl_foreign_allocators! { impl['a, const N: usize, A: Allocator] for &'a StackFallback<N, A> }

impl<const N: usize, A: Allocator> fmt::Debug for StackFallback<N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StackFallback")
            .field("used", &self.used())
            .field("capacity", &N)
            .finish_non_exhaustive()
    }
}
