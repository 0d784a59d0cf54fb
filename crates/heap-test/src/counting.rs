//! [`CountingAllocator`]: how often each operation was called, to test what a client or a wrapper asks for.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns};

use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// Calls of each operation, successful or not, zero-sized ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Calls of `alloc`.
    pub alloc: usize,
    /// Calls of `alloc_zeroed`.
    pub alloc_zeroed: usize,
    /// Calls of `resize`.
    pub resize: usize,
    /// Calls of `remap`.
    pub remap: usize,
    /// Calls of `free`.
    pub free: usize,
}

/// Counts the calls that reach `inner`. A `realloc` is counted as the calls that it is made of.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::{Allocator, Global};
/// use heap_test::{Calls, CountingAllocator};
/// let counting = CountingAllocator::new(Global);
/// let block = counting.alloc(Layout::new::<u64>())?;
/// // SAFETY: allocated above with this layout.
/// unsafe { counting.free(block.cast(), Layout::new::<u64>()) };
/// assert_eq!(counting.calls(), Calls { alloc: 1, free: 1, ..Calls::default() });
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Debug, Default)]
pub struct CountingAllocator<A> {
    inner: A,
    alloc: AtomicUsize,
    alloc_zeroed: AtomicUsize,
    resize: AtomicUsize,
    remap: AtomicUsize,
    free: AtomicUsize,
}

impl<A> CountingAllocator<A> {
    /// Counts from zero.
    pub const fn new(inner: A) -> Self {
        let [alloc, alloc_zeroed, resize, remap, free] = [const { AtomicUsize::new(0) }; 5];
        Self { inner, alloc, alloc_zeroed, resize, remap, free }
    }

    /// The calls so far; exact once other threads that call have been joined.
    #[must_use]
    pub fn calls(&self) -> Calls {
        Calls {
            alloc: self.alloc.load(Relaxed),
            alloc_zeroed: self.alloc_zeroed.load(Relaxed),
            resize: self.resize.load(Relaxed),
            remap: self.remap.load(Relaxed),
            free: self.free.load(Relaxed),
        }
    }

    /// The allocator behind.
    #[must_use]
    pub const fn inner(&self) -> &A {
        &self.inner
    }
}

// SAFETY: every call is forwarded unchanged.
unsafe impl<A: Allocator> Allocator for CountingAllocator<A> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc.fetch_add(1, Relaxed);
        self.inner.alloc(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        self.resize.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { self.inner.resize(block, layout, new_size) }
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        self.remap.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { self.inner.remap(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.free.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { self.inner.free(block, layout) }
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_zeroed.fetch_add(1, Relaxed);
        self.inner.alloc_zeroed(layout)
    }
}

// SAFETY: blocks are those of `A`.
unsafe impl<A: Owns> Owns for CountingAllocator<A> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.inner.owns(block)
    }
}
