//! [`Inspect`]: a function of yours sees every operation.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::block::{Fresh, no_unwind};
use crate::event::Event;

/// Calls `see` with every operation and its outcome, and changes nothing.
///
/// For traces, breakpoints, sampling, tests. `see` runs on the allocation path: it must not ask this allocator for
/// memory without an end, and a panic in it aborts. Costs what `see` costs; it is compiled in.
///
/// ```
/// use core::alloc::Layout;
/// use core::cell::Cell;
/// use heap_compose::{Event, Inspect};
/// use heap_core::{Allocator, Global};
///
/// let largest = Cell::new(0);
/// let heap = Inspect::new(Global, |event| {
///     if let Event::Alloc { layout, .. } = event {
///         largest.set(largest.get().max(layout.size()));
///     }
/// });
/// let block = heap.alloc(Layout::new::<[u8; 100]>())?;
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), Layout::new::<[u8; 100]>()) };
/// assert_eq!(largest.get(), 100);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy)]
#[doc(alias = "tracked_allocator")]
#[doc(alias = "LoggingAllocator")]
#[doc(alias = "LogToWriterAllocator")]
pub struct Inspect<A, F> {
    child: A,
    see: F,
}

impl<A, F: Fn(Event)> Inspect<A, F> {
    /// `child`, with `see` watching.
    pub const fn new(child: A, see: F) -> Self {
        Self { child, see }
    }
    #[inline]
    fn seen(&self, event: Event) {
        no_unwind(|| (self.see)(event));
    }
    #[inline]
    fn made(&self, layout: Layout, zeroed: bool, block: Fresh) -> Fresh {
        self.seen(Event::Alloc { layout, zeroed, block });
        block
    }
}

children! { [A, F] Inspect<A, F>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, F: Fn(Event)] for Inspect<A, F> }

// SAFETY: every call goes to the child unchanged, and `see` cannot unwind (A4).
unsafe impl<A: Allocator, F: Fn(Event)> Allocator for Inspect<A, F> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.made(layout, false, self.child.alloc(layout))
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        let done = unsafe { self.child.resize(block, layout, new_size) };
        self.seen(Event::Resize { block, layout, new_size, done });
        done
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { self.child.remap(block, layout, new_size) };
        self.seen(Event::Remap { block, layout, new_size, moved });
        moved
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.seen(Event::Free { block, layout });
        // SAFETY: the caller's promise is the same.
        unsafe { self.child.free(block, layout) }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.made(layout, true, self.child.alloc_zeroed(layout))
    }
}

impl<A: fmt::Debug, F> fmt::Debug for Inspect<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspect").field("child", &self.child).finish_non_exhaustive()
    }
}

forward_owns! { [A: Owns, F: Fn(Event)] Inspect<A, F>, child }
forward_usable_size! { [A: UsableSize, F: Fn(Event)] Inspect<A, F>, child }
forward_usage! { [A: Usage, F] Inspect<A, F>, child }
forward_reset! { [A: Reset, F] Inspect<A, F>, child }
