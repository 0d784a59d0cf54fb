//! [`Limit`]: a budget in bytes.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::block::{Fresh, first};
use crate::counter::{AtomicUsize, Counter};

/// Lets at most `limit` bytes be live at once; a request that does not fit is refused before the child hears of it.
///
/// Counts requested bytes: the client gets what it asked for and no slack, so it gives back what was counted. `C` is the
/// [`Counter`]: atomic by default, `Cell<usize>` on one thread. Costs one atomic step per alloc and one per free.
///
/// Exact under threads: the count is changed in single steps (L2), so in their one order no prefix exceeds the limit,
/// and a request is refused only if at its step it did not fit beside what is live and what is being asked for (L1).
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::Limit;
/// use heap_core::{Allocator, Global};
///
/// let heap = Limit::new(Global, 100);
/// let layout = Layout::new::<[u8; 60]>();
/// let block = heap.alloc(layout)?;
/// assert!(heap.alloc(layout).is_err());
/// assert_eq!(heap.remaining(), 40);
/// // SAFETY: allocated above with this layout.
/// unsafe { heap.free(block.cast(), layout) };
/// assert_eq!(heap.remaining(), 100);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - **L1** `used` is the bytes of all live blocks and of all calls that are with the child.
/// - **L2** `used <= limit`: what adds to it compares in the same atomic step.
#[derive(Debug)]
pub struct Limit<A, C = AtomicUsize> {
    child: A,
    limit: usize,
    used: C,
}

#[cfg(not(loom))]
impl<A> Limit<A> {
    /// `child`, of which at most `limit` bytes are used at once, by all threads together.
    pub const fn new(child: A, limit: usize) -> Self {
        Self { child, limit, used: AtomicUsize::new(0) }
    }
}

impl<A, C: Counter> Limit<A, C> {
    /// As [`new`](Limit::new), with a counter of one's choice: `Limit::<A, Cell<usize>>::with_counter(child, limit)`.
    pub fn with_counter(child: A, limit: usize) -> Self {
        Self { child, limit, used: C::default() }
    }
    /// Bytes that may still be asked for.
    pub fn remaining(&self) -> usize {
        self.limit - self.used.get().min(self.limit)
    }
    /// Asks the child with the difference counted before, and taken back where it refuses (L1).
    #[inline]
    fn counted<T>(&self, old: usize, new: usize, ask: impl FnOnce(&A) -> Option<T>) -> Option<T> {
        let more = new.saturating_sub(old);
        if more != 0 && !self.used.add_within(more, self.limit) {
            return None;
        }
        let answer = ask(&self.child);
        let less = if answer.is_some() { old.saturating_sub(new) } else { more };
        if less != 0 {
            self.used.sub(less);
        }
        answer
    }
    #[inline]
    fn alloc_with(&self, layout: Layout, alloc: impl FnOnce(&A, Layout) -> Fresh) -> Fresh {
        let block = self.counted(0, layout.size(), |child| alloc(child, layout).ok());
        block.map(|block| first(block, layout.size())).ok_or(AllocError)
    }
}

children! { [A, C] Limit<A, C>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, C: Counter] for Limit<A, C> }

// SAFETY: every call goes to the child with the same layout, and no more is returned than was asked for (A2).
unsafe impl<A: Allocator, C: Counter> Allocator for Limit<A, C> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        let ask = |child: &A| unsafe { child.resize(block, layout, new_size) }.then_some(());
        self.counted(layout.size(), new_size, ask).is_some()
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise is the same.
        let ask = |child: &A| unsafe { child.remap(block, layout, new_size) };
        self.counted(layout.size(), new_size, ask).map(|block| first(block, new_size))
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.child.free(block, layout) };
        self.used.sub(layout.size());
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc_zeroed)
    }
}

impl<A, C: Counter> Usage for Limit<A, C> {
    /// Bytes of live blocks, as requested.
    fn used(&self) -> usize {
        self.used.get()
    }
    /// The same: what is live is what it holds.
    fn capacity(&self) -> usize {
        self.used.get()
    }
}

impl<A: Reset, C: Counter> Reset for Limit<A, C> {
    fn reset(&mut self) {
        self.child.reset();
        self.used.sub(self.used.get());
    }
}

forward_owns! { [A: Owns, C: Counter] Limit<A, C>, child }
