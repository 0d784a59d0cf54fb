//! [`TestAllocator`]: fails the test that leaks or misuses memory.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Global};

use crate::validation::ValidationAllocator;

/// The allocator for the tests of an allocator's clients: panics on drop when memory was leaked or misused.
///
/// Make one a test, on the stack, before what uses it. It is a [`ValidationAllocator`] with an opinion on leaks.
///
/// ```should_panic
/// use core::alloc::Layout;
/// use heap_core::Allocator;
/// let allocator = heap_test::TestAllocator::new();
/// let _leaked = allocator.alloc(Layout::new::<u64>());
/// ```
#[derive(Debug)]
#[doc(alias = "testing.allocator")]
pub struct TestAllocator<A = Global> {
    checked: ValidationAllocator<A>,
}

impl TestAllocator {
    /// Memory from [`Global`].
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Global)
    }
}

impl Default for TestAllocator {
    fn default() -> Self {
        Self::new()
    }
}

impl<A> TestAllocator<A> {
    /// Memory from `inner`.
    pub const fn new_in(inner: A) -> Self {
        Self { checked: ValidationAllocator::new(inner) }
    }

    /// The records, to look at or to take faults out that the test expects.
    #[must_use]
    pub const fn records(&self) -> &ValidationAllocator<A> {
        &self.checked
    }
}

// SAFETY: every call is forwarded unchanged.
unsafe impl<A: Allocator> Allocator for TestAllocator<A> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.checked.alloc(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { self.checked.resize(block, layout, new_size) }
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise is the same.
        unsafe { self.checked.remap(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.checked.free(block, layout) }
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.checked.alloc_zeroed(layout)
    }
    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise is the same.
        unsafe { self.checked.realloc(block, old, new) }
    }
}

/// Panics when blocks are still live, unless a panic is under way. Faults panic next, in the records' own drop.
impl<A> Drop for TestAllocator<A> {
    fn drop(&mut self) {
        let live = self.checked.live();
        if !live.is_empty() && !std::thread::panicking() {
            let bytes: usize = live.iter().map(|(_, layout)| layout.size()).sum();
            let list: String = live
                .iter()
                .take(20)
                .map(|(addr, layout)| {
                    format!("\n  {addr:#x}: {} bytes at alignment {}", layout.size(), layout.align())
                })
                .collect();
            panic!("{} blocks of {bytes} bytes leaked:{list}", live.len());
        }
    }
}
