//! [`SmpAllocator`]: what a user writes behind `#[global_allocator]`, and the same as an [`Allocator`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, UsableSize};

use crate::config::Settings;
use crate::core_heap::CORE;
use crate::front;
use crate::heap_map::HeapMap;
use crate::process;
use crate::reclaim;
use crate::registry;
use crate::stats::Stats;
use crate::validate;

/// The process's shared heap.
///
/// A handle: all values share one heap, so blocks may be freed through any of them, on any thread. The settings
/// of the first one that is used count.
///
/// ```
/// use heap_smp::SmpAllocator;
///
/// #[global_allocator]
/// static GLOBAL: SmpAllocator = SmpAllocator::new();
///
/// let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
/// assert_eq!(squares[30], 900);
/// assert!(GLOBAL.stats().slab_bytes > 0);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "smp_allocator")]
pub struct SmpAllocator {
    settings: Settings,
}

impl SmpAllocator {
    /// With the default settings.
    #[must_use]
    pub const fn new() -> Self {
        Self { settings: Settings::new() }
    }

    /// With settings of one's own.
    #[must_use]
    pub const fn with(settings: Settings) -> Self {
        Self { settings }
    }

    /// Gives memory back to the system: the calling thread's cache and the depots are emptied, and free pages
    /// dropped. Other threads' caches stay as they are. O(free memory).
    ///
    /// Returns how many bytes of free memory that may have been resident went back: at most so much is resident less.
    ///
    /// ```
    /// use heap_smp::SmpAllocator;
    /// #[global_allocator]
    /// static GLOBAL: SmpAllocator = SmpAllocator::new();
    ///
    /// drop(vec![1u8; 4 << 20]);
    /// println!("{} bytes went back", GLOBAL.purge());
    /// assert_eq!(GLOBAL.stats().free_resident_bytes, 0);
    /// ```
    pub fn purge(&self) -> usize {
        front::flush_this_thread();
        reclaim::purge(&CORE)
    }

    /// What lies where, as a picture.
    #[must_use]
    pub const fn map(&self) -> HeapMap {
        HeapMap::new()
    }

    /// What the heap holds. Exact for each counter, not across them while other threads run. O(classes).
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&CORE)
    }

    /// Checks the heap's books against each other. For tests of programs that may corrupt memory, and of this crate.
    ///
    /// O(memory of the heap), with all slow paths of other threads waiting.
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold, in words.
    pub fn validate(&self) -> Result<(), &'static str> {
        // A fork waits until the locks are open again, also where nothing was allocated yet and there is no private heap.
        process::start(&self.settings);
        registry::watch_forks();
        validate::validate(&CORE)
    }

    /// Whether the block of `old` can serve `new_size` where it is, or elsewhere at little cost.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::resize`], with sizes that are not zero.
    #[inline]
    unsafe fn resize_or_move(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new_size: usize,
        may_move: bool,
    ) -> Option<NonNull<u8>> {
        let new = Layout::from_size_align(new_size, old.align()).ok()?;
        // SAFETY: the caller's promise is the same.
        unsafe { front::resize(block, old, new, may_move) }
    }
}

impl Default for SmpAllocator {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: A1, A2: slots and runs are disjoint, and aligned as C2 and the search for runs say. A3: sizes of zero are
// answered before any heap is asked. A4: no method panics; out of memory is null. A5: all handles share one heap.
unsafe impl Allocator for SmpAllocator {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = NonNull::new(front::alloc(layout, &self.settings)).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 || new_size == 0 {
            return layout.size() == new_size;
        }
        // SAFETY: the caller's promise is the same.
        unsafe { self.resize_or_move(block, layout, new_size, false) }.is_some()
    }

    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 {
            return (layout.size() == new_size).then(|| zero_sized(layout));
        }
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { self.resize_or_move(block, layout, new_size, true) }?;
        Some(NonNull::slice_from_raw_parts(moved, new_size))
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { front::free(block, layout) }
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: `zeroed` serves sizes of zero too.
        let block = NonNull::new(front::zeroed(layout, &self.settings)).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }
}

// SAFETY: the front says how much of a slot may be used, and takes a block back with any size up to there.
unsafe impl UsableSize for SmpAllocator {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        front::usable_size(layout)
    }
}

// SAFETY: as for `Allocator`: blocks are disjoint, aligned and live until freed; out of memory is null; no method unwinds.
unsafe impl GlobalAlloc for SmpAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        front::alloc(layout, &self.settings)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's block is not null, and was allocated here with this layout.
        unsafe { front::free(NonNull::new_unchecked(ptr), layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        front::zeroed(layout, &self.settings)
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's block is not null, was allocated here with this layout, and the new size is a layout.
        unsafe {
            let block = NonNull::new_unchecked(ptr);
            if let Some(moved) = self.resize_or_move(block, layout, new_size, true) {
                return moved.as_ptr();
            }
            let new = Layout::from_size_align_unchecked(new_size, layout.align());
            let len = layout.size().min(new_size);
            let fresh = front::alloc_to_fill(new, len, &self.settings);
            if !fresh.is_null() {
                fresh.copy_from_nonoverlapping(ptr, len);
                front::free(block, layout);
            }
            fresh
        }
    }
}

heap_core::impl_foreign_allocators! { impl[] for SmpAllocator }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_of_the_books_begins_to_use_the_heap() {
        assert_eq!(SmpAllocator::new().validate(), Ok(()));
        assert!(CORE.spans.division.is_set());
    }
}
