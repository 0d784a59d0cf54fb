//! [`SyncFixedBuffer`]: the fixed buffer for several threads, without locks.

use core::alloc::Layout;
use core::fmt;
use core::hint::cold_path;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::atomic::const_fn;
use crate::sync_bump::SyncBump;
use crate::sync_scope::{SyncRewind, SyncScope, SyncScopeGuard};
use crate::typed::TypedAlloc;

/// As [`FixedBuffer`](crate::FixedBuffer), shared between threads: one compare-exchange for a block, one to free or
/// resize the newest, in the same last-in-first-out order. Lock-free, and made in constants, so it can be a static.
///
/// ```
/// use core::mem::MaybeUninit;
/// use heap_arena::{SyncFixedBuffer, TypedAlloc};
///
/// let mut memory = [MaybeUninit::uninit(); 1024];
/// let buffer = SyncFixedBuffer::new(&mut memory);
/// std::thread::scope(|threads| {
///     for n in 0..4 {
///         let buffer = &buffer;
///         threads.spawn(move || assert_eq!(*buffer.alloc_value(n).unwrap(), n));
///     }
/// });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "threadSafeAllocator")]
pub struct SyncFixedBuffer<'buf> {
    used: SyncBump,
    start: NonNull<u8>,
    len: usize,
    buffer: PhantomData<&'buf mut [MaybeUninit<u8>]>,
}

// SAFETY: the buffer is borrowed exclusively, and bytes may be used from any thread.
unsafe impl Send for SyncFixedBuffer<'_> {}
// SAFETY: as above; what threads share is atomic, and gives each of them bytes of its own (Y2).
unsafe impl Sync for SyncFixedBuffer<'_> {}

impl<'buf> SyncFixedBuffer<'buf> {
    const_fn! {
        /// An allocator over `buffer`. The buffer's address need not be aligned.
        #[must_use]
        pub const fn new(buffer: &'buf mut [MaybeUninit<u8>]) -> Self {
            let len = buffer.len();
            // SAFETY: borrowed exclusively for `'buf`, and may hold anything.
            unsafe { Self::from_raw(NonNull::new_unchecked(buffer.as_mut_ptr()).cast(), len) }
        }
    }

    const_fn! {
        /// An allocator over `len` bytes at `start`.
        ///
        /// ```
        /// use core::ptr::NonNull;
        /// use heap_arena::{SyncFixedBuffer, TypedAlloc};
        /// static mut MEMORY: [u8; 256] = [0; 256];
        /// // SAFETY: nobody else names the memory.
        /// static BUFFER: SyncFixedBuffer =
        ///     unsafe { SyncFixedBuffer::from_raw(NonNull::new_unchecked((&raw mut MEMORY).cast()), 256) };
        /// assert_eq!(BUFFER.alloc_str("static")?, "static");
        /// # Ok::<(), heap_core::AllocError>(())
        /// ```
        ///
        /// # Safety
        ///
        /// The bytes lie in one allocation, and for `'buf` they are valid for reads and writes and nobody else's.
        #[must_use]
        pub const unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Self {
            Self { used: SyncBump::new(0), start, len, buffer: PhantomData }
        }
    }

    /// Forgets all blocks. O(1).
    #[inline]
    pub fn reset(&mut self) {
        // SAFETY: exclusively borrowed, so no block is in use: all bytes are nobody's.
        unsafe { self.used.set_used(0) };
    }

    /// Opens a scope: what is allocated through it, by whatever thread, is gone when the guard is dropped. See
    /// [`SyncScopeGuard`].
    pub fn scope(&mut self) -> SyncScopeGuard<'_, Self> {
        SyncScopeGuard::new(self)
    }

    /// Runs `f` in a scope: what is allocated through it, by whatever thread, is gone afterwards. See [`SyncScope`].
    pub fn scoped<'env, R>(&'env mut self, f: impl for<'s> FnOnce(SyncScope<'s, 'env, Self>) -> R) -> R {
        f(self.scope().enter())
    }

    /// Bytes of the buffer.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.len
    }

    /// Bytes in use: live blocks, their padding, and blocks that were freed out of order. May be old when it arrives.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.used()
    }

    /// Bytes that are left, for a request without alignment. May be old when it arrives.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.len - self.used()
    }

    /// Whether the block is the newest. May be old when it arrives; see
    /// [`FixedBuffer::is_last`](crate::FixedBuffer::is_last).
    #[must_use]
    #[doc(alias = "isLastAllocation")]
    pub fn is_last(&self, block: NonNull<[u8]>) -> bool {
        let end = block.addr().get().wrapping_add(block.len()).wrapping_sub(self.base());
        !block.is_empty() && end == self.used()
    }

    /// Whether all of a block lies in the buffer; an empty one may lie at its end.
    #[must_use]
    pub fn owns_slice(&self, block: NonNull<[u8]>) -> bool {
        let offset = block.addr().get().wrapping_sub(self.base());
        offset <= self.len && block.len() <= self.len - offset
    }

    #[inline]
    fn base(&self) -> usize {
        self.start.addr().get()
    }

    #[inline]
    fn limit(&self) -> usize {
        self.base() + self.len
    }
}

// SAFETY: A1: each thread's blocks are its own (Y2), in a buffer borrowed for longer than this value lives. A2: `fit`
// aligns and has room. A3, A4: checked first, and in `fit`. A5: nothing depends on the address of the value.
unsafe impl Allocator for SyncFixedBuffer<'_> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            cold_path();
            return Ok(zero_sized(layout));
        }
        let fit = self.used.try_take(self.base(), self.limit(), layout, 0).ok_or(AllocError)?;
        // SAFETY: `fit.start` lies in the buffer.
        let block = unsafe { self.start.add(fit.start - self.base()) };
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 {
            return new_size == 0;
        }
        let (base, limit, block) = (self.base(), self.limit(), block.addr().get());
        // SAFETY: the caller's promise: a live block of ours, with memory.
        let resized = unsafe { self.used.resize_last(base, limit, block, layout, new_size) };
        resized.unwrap_or(new_size <= layout.size())
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's promise. Where it is not the newest, nothing happens.
            unsafe { self.resize(block, layout, 0) };
        }
    }
}

heap_core::impl_foreign_allocators! { impl['buf] for SyncFixedBuffer<'buf> }

// SAFETY: typed values are never freed or resized, and `reset` and `scope` need an exclusive borrow.
unsafe impl<'a> TypedAlloc<'a> for &'a SyncFixedBuffer<'_> {}

// SAFETY: only the cursor changes. The buffer is borrowed exclusively by the one value.
unsafe impl SyncRewind for SyncFixedBuffer<'_> {
    /// Bytes in use.
    type Mark = usize;

    unsafe fn mark_alone(&self) -> usize {
        self.used()
    }

    unsafe fn rewind_alone(&self, mark: &usize) {
        // SAFETY: the caller's promise: nobody else is here, and nothing made since is used.
        unsafe { self.used.set_used(*mark) };
    }
}

// SAFETY: all blocks with memory begin in the buffer, and it is ours alone.
unsafe impl Owns for SyncFixedBuffer<'_> {
    #[inline]
    fn owns(&self, block: NonNull<u8>) -> bool {
        block.addr().get().wrapping_sub(self.base()) < self.len
    }
}

impl Reset for SyncFixedBuffer<'_> {
    fn reset(&mut self) {
        SyncFixedBuffer::reset(self);
    }
}

impl Usage for SyncFixedBuffer<'_> {
    fn used(&self) -> usize {
        SyncFixedBuffer::used(self)
    }
    fn capacity(&self) -> usize {
        self.len
    }
}

impl fmt::Debug for SyncFixedBuffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncFixedBuffer")
            .field("used", &self.used())
            .field("capacity", &self.len)
            .finish_non_exhaustive()
    }
}
