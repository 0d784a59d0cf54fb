//! [`Stats`]: counts what passes through.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::block::{Fresh, first};
use crate::counter::{AtomicUsize, Counter};
use crate::counts::{Counts, Number};

/// Counts calls, live blocks and bytes, the high-water mark, and blocks by size class.
///
/// `C` is the [`Counter`]: atomic by default, so exact under threads (see [`Counts`]); `Cell<usize>` on one thread; and
/// with `()` the type is its child, nothing is counted and nothing is paid: switch by a type alias. Costs two atomic
/// steps per alloc and two per free. While it counts, the client gets no slack, so it gives back what was counted.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::Stats;
/// use heap_core::{Allocator, Global};
///
/// let heap = Stats::new(Global);
/// let block = heap.alloc(Layout::new::<[u8; 100]>())?;
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(block.cast(), Layout::new::<[u8; 100]>()) };
/// assert_eq!((heap.counts().live_bytes(), heap.counts().high_water()), (0, 100));
/// assert_eq!(heap.counts().histogram().collect::<Vec<_>>(), [(112, 1)]);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "StatsCollector")]
#[doc(alias = "tracked_allocator")]
pub struct Stats<A, C = AtomicUsize> {
    child: A,
    counts: Counts<C>,
}

#[cfg(not(loom))]
impl<A> Stats<A> {
    /// `child`, counted over all threads together.
    pub const fn new(child: A) -> Self {
        Self { child, counts: Counts::new() }
    }
}

impl<A, C: Counter> Stats<A, C> {
    /// As [`new`](Stats::new), with a counter of one's choice: `Stats::<A, ()>::with_counter(child)` counts nothing.
    pub fn with_counter(child: A) -> Self {
        Self { child, counts: Counts::default() }
    }
    /// The numbers so far.
    pub const fn counts(&self) -> &Counts<C> {
        &self.counts
    }
    #[inline]
    fn made(&self, block: Fresh, layout: Layout) -> Fresh {
        if !C::COUNTS || layout.size() == 0 {
            return block;
        }
        match block {
            Ok(_) => self.counts.made(layout.size()),
            Err(_) => _ = self.counts.at(Number::Failures).add(1),
        }
        block.map(|block| first(block, layout.size()))
    }
    /// Counts a change of size, or the refusal of one.
    #[inline]
    fn changed(&self, number: Number, done: bool, old: usize, new: usize) {
        self.counts.at(if done { number } else { Number::Refusals }).add(1);
        if done && new > old {
            self.counts.raise(new - old);
        } else if done {
            self.counts.at(Number::Live).sub(old - new);
        }
    }
}

children! { [A, C] Stats<A, C>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, C: Counter] for Stats<A, C> }

// SAFETY: every call goes to the child with the same layout; what is returned is the child's block, or less of it (A2).
unsafe impl<A: Allocator, C: Counter> Allocator for Stats<A, C> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.made(self.child.alloc(layout), layout)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // A block of size zero that once had memory would not be counted when it is freed.
        if C::COUNTS && (layout.size() == 0 || new_size == 0) {
            return false;
        }
        // SAFETY: the caller's promise is the same.
        let done = unsafe { self.child.resize(block, layout, new_size) };
        self.changed(Number::Resizes, done, layout.size(), new_size);
        done
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if C::COUNTS && (layout.size() == 0 || new_size == 0) {
            return None;
        }
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { self.child.remap(block, layout, new_size) };
        self.changed(Number::Remaps, moved.is_some(), layout.size(), new_size);
        moved.map(|block| if C::COUNTS { first(block, new_size) } else { block })
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            self.counts.at(Number::Frees).add(1);
            self.counts.at(Number::Live).sub(layout.size());
        }
        // SAFETY: the caller's promise is the same.
        unsafe { self.child.free(block, layout) }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.made(self.child.alloc_zeroed(layout), layout)
    }
}

impl<A, C: Counter> Usage for Stats<A, C> {
    /// Bytes of live blocks, as requested; 0 with `()`.
    fn used(&self) -> usize {
        self.counts.live_bytes()
    }
    /// The same: what is live is what it holds.
    fn capacity(&self) -> usize {
        self.counts.live_bytes()
    }
}

impl<A: Reset, C: Counter> Reset for Stats<A, C> {
    /// The child's blocks are gone, so they count as freed.
    fn reset(&mut self) {
        self.child.reset();
        self.counts.at(Number::Frees).add(self.counts.live_blocks());
        self.counts.at(Number::Live).sub(self.counts.live_bytes());
    }
}

impl<A: fmt::Debug, C: Counter> fmt::Debug for Stats<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stats").field("child", &self.child).field("counts", &self.counts).finish()
    }
}

forward_owns! { [A: Owns, C: Counter] Stats<A, C>, child }
