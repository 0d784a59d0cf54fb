//! [`FixedBuffer`]: a bump allocator over memory that somebody else owns, and nothing more.

use core::alloc::Layout;
use core::fmt;
use core::hint::cold_path;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::bump::Bump;
use crate::mark::{Rewind, Scope, ScopeGuard};
use crate::typed::TypedAlloc;

/// A bump allocator over a borrowed buffer: a slice, an array on the stack, a static, a mapping of a file.
///
/// When the buffer is full, requests fail. The newest block can grow, and its memory comes back when it is freed, and
/// so on downwards while no alignment padding is in between; an older block can only be shrunk, for nothing, and its
/// memory stays lost until [`reset`](Self::reset). Three words; no other memory is ever used.
///
/// For one thread; [`SyncFixedBuffer`](crate::SyncFixedBuffer) is for several.
///
/// ```
/// use core::mem::MaybeUninit;
/// use heap_arena::{FixedBuffer, TypedAlloc};
///
/// let mut memory = [MaybeUninit::uninit(); 64];
/// let mut buffer = FixedBuffer::new(&mut memory);
/// let greeting = buffer.alloc_str("hello")?;
/// assert_eq!(greeting, "hello");
/// assert!(buffer.alloc_value([0u8; 60]).is_err());
/// buffer.reset();
/// assert!(buffer.alloc_value([0u8; 60]).is_ok());
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// Neither the buffer nor the allocator can go away or start anew under a block in use:
///
/// ```compile_fail,E0502
/// use core::mem::MaybeUninit;
/// use heap_arena::{FixedBuffer, TypedAlloc};
/// let mut memory = [MaybeUninit::uninit(); 64];
/// let mut buffer = FixedBuffer::new(&mut memory);
/// let greeting = buffer.alloc_str("hello").unwrap();
/// buffer.reset();
/// assert_eq!(greeting, "hello");
/// ```
#[doc(alias = "FixedBufferAllocator")]
pub struct FixedBuffer<'buf> {
    /// Spans the buffer from the first free byte on.
    bump: Bump,
    start: NonNull<u8>,
    buffer: PhantomData<&'buf mut [MaybeUninit<u8>]>,
}

// SAFETY: the buffer is borrowed exclusively, and bytes may be used from any thread.
unsafe impl Send for FixedBuffer<'_> {}

/// A place in a [`FixedBuffer`] to which it can return: see [`Rewind`].
#[derive(Clone, Copy, Debug)]
pub struct BufferMark(NonNull<u8>);

impl<'buf> FixedBuffer<'buf> {
    /// An allocator over `buffer`. The buffer's address need not be aligned.
    #[must_use]
    pub const fn new(buffer: &'buf mut [MaybeUninit<u8>]) -> Self {
        let len = buffer.len();
        // SAFETY: borrowed exclusively for `'buf`, and may hold anything.
        unsafe { Self::from_raw(NonNull::new_unchecked(buffer.as_mut_ptr()).cast(), len) }
    }

    /// An allocator over initialised bytes.
    ///
    /// ```
    /// use heap_arena::{FixedBuffer, TypedAlloc};
    /// let mut bytes = [0u8; 16];
    /// // SAFETY: only initialised bytes are put into the buffer before it is read below.
    /// unsafe { FixedBuffer::from_bytes(&mut bytes) }.alloc_str("abc")?;
    /// assert_eq!(&bytes[..4], b"abc\0");
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Safety
    ///
    /// Nobody reads bytes of the buffer after `'buf` where a client may have left them uninitialised (the padding of
    /// values is such, for one).
    #[must_use]
    pub const unsafe fn from_bytes(bytes: &'buf mut [u8]) -> Self {
        let len = bytes.len();
        // SAFETY: borrowed exclusively for `'buf`; what may be read later is the caller's promise.
        unsafe { Self::from_raw(NonNull::new_unchecked(bytes.as_mut_ptr()), len) }
    }

    /// An allocator over `len` bytes at `start`.
    ///
    /// # Safety
    ///
    /// The bytes lie in one allocation, and for `'buf` they are valid for reads and writes and nobody else's.
    #[must_use]
    pub const unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Self {
        // SAFETY: the caller's promise.
        Self { bump: unsafe { Bump::over(start, len) }, start, buffer: PhantomData }
    }

    /// Forgets all blocks. O(1).
    #[inline]
    pub fn reset(&mut self) {
        // SAFETY: exclusively borrowed, so no block is in use: all bytes are the bump's again (B2).
        unsafe { self.bump.set(self.start, self.bump.end()) };
    }

    /// Opens a scope: what is allocated through it is gone when the guard is dropped. See [`ScopeGuard`].
    #[inline]
    pub fn scope(&mut self) -> ScopeGuard<'_, Self> {
        ScopeGuard::new(self)
    }

    /// Runs `f` in a scope: what is allocated through it is gone afterwards. See [`Scope`].
    #[inline]
    pub fn scoped<'env, R>(&'env mut self, f: impl for<'s> FnOnce(Scope<'s, 'env, Self>) -> R) -> R {
        f(self.scope().enter())
    }

    /// Bytes of the buffer.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bump.end().addr().get() - self.start.addr().get()
    }

    /// Bytes in use: live blocks, their padding, and blocks that were freed out of order.
    #[must_use]
    #[doc(alias = "end_index")]
    pub fn used(&self) -> usize {
        self.capacity() - self.bump.room()
    }

    /// Bytes that are left, for a request without alignment.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bump.room()
    }

    /// Whether all of a block lies in the buffer; an empty one may lie at its end.
    #[must_use]
    #[doc(alias = "ownsSlice")]
    pub fn owns_slice(&self, block: NonNull<[u8]>) -> bool {
        let offset = block.addr().get().wrapping_sub(self.start.addr().get());
        offset <= self.capacity() && block.len() <= self.capacity() - offset
    }

    /// Whether the block is the newest: the one that can grow and whose memory comes back when it is freed.
    ///
    /// There are false negatives: once the newest is freed, the padding that was before it hides the one below.
    #[must_use]
    #[doc(alias = "isLastAllocation")]
    pub fn is_last(&self, block: NonNull<[u8]>) -> bool {
        !block.is_empty() && self.bump.is_last(block.cast(), block.len())
    }
}

// SAFETY: A1: blocks are disjoint pieces of the buffer (B2), borrowed for longer than this value lives. A2: `fit` aligns
// and has room. A3, A4: checked first, and in `fit`. A5: nothing depends on the address of the value.
unsafe impl Allocator for FixedBuffer<'_> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            cold_path();
            return Ok(zero_sized(layout));
        }
        let block = self.bump.try_alloc(layout).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 || !self.bump.is_last(block, layout.size()) {
            return new_size <= layout.size();
        }
        // SAFETY: the caller's promise; the newest block, with memory.
        unsafe { self.bump.resize_last(block, layout, new_size) }
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 && self.bump.is_last(block, layout.size()) {
            // SAFETY: the caller's promise; the newest block.
            unsafe { self.bump.free_last(layout.size()) };
        }
    }
}

heap_core::impl_foreign_allocators! { impl['buf] for FixedBuffer<'buf> }

// SAFETY: typed values are never freed or resized, and `reset` and `scope` need an exclusive borrow.
unsafe impl<'a> TypedAlloc<'a> for &'a FixedBuffer<'_> {}

// SAFETY: only the cursor changes. The buffer is borrowed exclusively by the one value.
unsafe impl Rewind for FixedBuffer<'_> {
    type Mark = BufferMark;

    #[inline]
    fn mark(&self) -> BufferMark {
        BufferMark(self.bump.cursor())
    }

    #[inline]
    unsafe fn rewind(&self, mark: BufferMark) {
        // SAFETY: B1: the mark is of this buffer; B2: nothing made since is used.
        unsafe { self.bump.set(mark.0, self.bump.end()) };
    }
}

// SAFETY: all blocks with memory begin in the buffer, and it is ours alone.
unsafe impl Owns for FixedBuffer<'_> {
    #[inline]
    fn owns(&self, block: NonNull<u8>) -> bool {
        block.addr().get().wrapping_sub(self.start.addr().get()) < self.capacity()
    }
}

impl Reset for FixedBuffer<'_> {
    fn reset(&mut self) {
        FixedBuffer::reset(self);
    }
}

impl Usage for FixedBuffer<'_> {
    fn used(&self) -> usize {
        FixedBuffer::used(self)
    }
    fn capacity(&self) -> usize {
        FixedBuffer::capacity(self)
    }
}

impl fmt::Debug for FixedBuffer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedBuffer")
            .field("used", &self.used())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
