//! The first thing that a thread does with a size may be to free another thread's block. What it allocates next should not
//! be that block: the block shares its cache line with neighbours that others write to, and each of their writes would
//! take the line from it (passive false sharing; Berger and others, "Hoard: a scalable memory allocator", 2000).

use core::ptr::{self, NonNull};

use crate::chain::Link;
use crate::floor::Floor;
use crate::size::CLASS;
use crate::thread_cache::ThreadCache;

/// Bytes of a cache line on most processors: longer slots have one for themselves, or share two with a neighbour each.
const CACHE_LINE: usize = 64;

impl ThreadCache {
    /// Takes a block back into a bin that was never used, beneath fresh blocks of the thread's own, where the blocks are shorter
    /// than a cache line. `false`: nothing has changed.
    ///
    /// # Safety
    ///
    /// The bin has no room. The block is free, of the bin's class and of `floor`, and the caller gives it up, if it is taken.
    pub(super) unsafe fn put_beneath_own(
        &self,
        floor: &impl Floor,
        bin: usize,
        class: usize,
        block: NonNull<u8>,
    ) -> bool {
        let known = &CLASS[class];
        // T1: a bin without room has a full chain, or was never used: then nothing is lost where its list is replaced.
        if known.slot as usize >= CACHE_LINE || self.fill[bin].get() != 0 || !self.heads[bin].get().is_null()
        {
            return false;
        }
        let full = known.chain as usize;
        let (own, count) = floor.refill(class, self.next_fill(bin, class).min(full - 1));
        if own.is_null() {
            return false;
        }
        let mut last = own;
        // SAFETY: T1: a list of fresh blocks, ours alone.
        while let Some(next) = NonNull::new(unsafe { (*last).next }) {
            last = next.as_ptr();
        }
        let link = block.as_ptr().cast::<Link>();
        // SAFETY: the block is the caller's to give; a slot is at least a link long, and aligned. `last` is ours.
        unsafe {
            link.write(Link { next: ptr::null_mut() });
            (*last).next = link;
        }
        self.heads[bin].set(own);
        self.room[bin].set(full - count - 1);
        // Last, when T1 holds, as in `make_room`.
        floor.on_room_made();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::core_heap::CoreHeap;
    use crate::thread_cache::{bin_of, class_of_bin};

    #[test]
    fn another_threads_block_is_the_last_to_be_handed_out() {
        static HEAP: CoreHeap = CoreHeap::new();
        HEAP.configure(&Settings::new().background_thread(false));
        for size in [8, 16, 56, 64] {
            let bin = bin_of(core::alloc::Layout::from_size_align(size, 1).unwrap()).unwrap();
            let class = class_of_bin(bin);
            let (theirs, ours) = (ThreadCache::new(), ThreadCache::new());
            let block = NonNull::new(theirs.refill(&HEAP, bin, class)).unwrap();
            // SAFETY: the bin is new; the block is free, of this class, and given once.
            let beneath = unsafe { ours.put_beneath_own(&HEAP, bin, class, block) };
            assert_eq!(beneath, size < CACHE_LINE);
            if !beneath {
                continue;
            }
            let count = CLASS[class].chain as usize - ours.room[bin].get();
            let popped: Vec<_> = core::iter::from_fn(|| NonNull::new(ours.pop(bin))).collect();
            assert_eq!((popped.len(), popped.last()), (count, Some(&block)));
            assert!(count > 1 && ours.room[bin].get() == CLASS[class].chain as usize);
            let line = |block: &NonNull<u8>| block.addr().get() / CACHE_LINE;
            assert_ne!(line(&popped[0]), line(&block));
            // The bin was used by now.
            // SAFETY: it is empty; the block is free, of this class, and nobody else's.
            let again = unsafe { ours.put_beneath_own(&HEAP, bin, class, block) };
            assert!(!again);
        }
    }
}
