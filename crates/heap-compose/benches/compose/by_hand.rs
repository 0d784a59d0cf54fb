//! [`ByHand`]: what somebody writes who does not know `Fallback`.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_arena::FixedBuffer;
use heap_core::{AllocError, Allocator, Owns};
use heap_os::PageAllocator;

/// A buffer first, pages then: written out.
pub(crate) struct ByHand<'a> {
    buffer: FixedBuffer<'a>,
    pages: PageAllocator,
}

impl<'a> ByHand<'a> {
    pub(crate) fn new(memory: &'a mut [MaybeUninit<u8>]) -> Self {
        Self { buffer: FixedBuffer::new(memory), pages: PageAllocator }
    }
}

// SAFETY: a block is the buffer's or the pages', and its address says whose.
unsafe impl Allocator for ByHand<'_> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if let Ok(block) = self.buffer.alloc(layout) {
            return Ok(block);
        }
        self.pages.alloc(layout)
    }
    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, _new_size: usize) -> bool {
        false
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, to the one that made the block.
        unsafe {
            if self.buffer.owns(block) {
                self.buffer.free(block, layout);
            } else {
                self.pages.free(block, layout);
            }
        }
    }
}
