//! [`BufferFirst`]: a borrowed buffer, and another allocator for what it does not hold.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns};

use crate::fixed::FixedBuffer;

/// Serves from a buffer while that has room, and from `fallback` otherwise.
///
/// Each block stays with the side that made it: `resize` and `free` go by the address, and a block that outgrows the
/// buffer is moved by [`realloc`](Allocator::realloc), which leaves its place in the buffer free if it was the newest there.
///
/// [`StackFallback`](crate::StackFallback) brings its buffer with it.
///
/// ```
/// use core::{alloc::Layout, mem::MaybeUninit};
/// use heap_arena::BufferFirst;
/// use heap_core::{Allocator, Global};
///
/// let mut memory = [MaybeUninit::uninit(); 100];
/// let alloc = BufferFirst::new(&mut memory, Global);
/// let small = alloc.alloc(Layout::new::<[u8; 60]>())?;
/// let large = alloc.alloc(Layout::new::<[u8; 60]>())?;
/// assert!(alloc.in_buffer(small.cast()) && !alloc.in_buffer(large.cast()));
/// // SAFETY: allocated just above with these layouts.
/// unsafe {
///     alloc.free(small.cast(), Layout::new::<[u8; 60]>());
///     alloc.free(large.cast(), Layout::new::<[u8; 60]>());
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Debug)]
#[doc(alias = "BufferFirstAllocator")]
pub struct BufferFirst<'buf, A: Allocator> {
    buffer: FixedBuffer<'buf>,
    fallback: A,
}

impl<'buf, A: Allocator> BufferFirst<'buf, A> {
    /// An allocator over `buffer` first, and then `fallback`.
    #[must_use]
    pub const fn new(buffer: &'buf mut [MaybeUninit<u8>], fallback: A) -> Self {
        Self { buffer: FixedBuffer::new(buffer), fallback }
    }

    /// The buffer: how much of it is in use, and whether a block is its newest.
    #[must_use]
    pub const fn buffer(&self) -> &FixedBuffer<'buf> {
        &self.buffer
    }

    /// The other allocator.
    #[must_use]
    pub const fn fallback(&self) -> &A {
        &self.fallback
    }

    /// Whether a block lies in the buffer.
    #[inline]
    #[must_use]
    pub fn in_buffer(&self, block: NonNull<u8>) -> bool {
        self.buffer.owns(block)
    }
}

// SAFETY: A1, A2, A5: those of the side that made the block, and every later call for it goes to the same side: `owns` is
// exact for blocks with memory. Blocks without (A3) are settled here. A4: nothing is computed here.
unsafe impl<A: Allocator> Allocator for BufferFirst<'_, A> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        self.buffer.alloc(layout).or_else(|_| self.fallback.alloc(layout))
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        self.buffer.alloc_zeroed(layout).or_else(|_| self.fallback.alloc_zeroed(layout))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 {
            return new_size == 0;
        }
        // SAFETY: the caller's promise, and the side that made the block.
        unsafe {
            if self.in_buffer(block) {
                self.buffer.resize(block, layout, new_size)
            } else {
                new_size != 0 && self.fallback.resize(block, layout, new_size)
            }
        }
    }

    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 {
            return None;
        }
        // SAFETY: the caller's promise, and the side that made the block.
        unsafe {
            if self.in_buffer(block) {
                self.buffer.remap(block, layout, new_size)
            } else {
                self.fallback.remap(block, layout, new_size)
            }
        }
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        // SAFETY: the caller's promise, and the side that made the block.
        unsafe {
            if self.in_buffer(block) {
                self.buffer.free(block, layout);
            } else {
                self.fallback.free(block, layout);
            }
        }
    }
}

heap_core::impl_foreign_allocators! { impl['buf, A: Allocator] for BufferFirst<'buf, A> }

// SAFETY: a block with memory is of one of the two sides, and each of them is exact.
unsafe impl<A: Owns> Owns for BufferFirst<'_, A> {
    #[inline]
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.in_buffer(block) || self.fallback.owns(block)
    }
}
