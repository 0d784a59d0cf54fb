//! Forgetting everything at once, and what is kept of the slabs for the next round.

use heap_arena::ResetMode;
use heap_core::{AllocError, Allocator};

use super::RawPool;
use crate::live::LiveSlots;
use crate::slab::{Slab, SlabList};
use crate::violation::CHECKED;

impl<A: Allocator> RawPool<A> {
    /// The slots that are handed out.
    ///
    /// # Safety
    ///
    /// The pool is borrowed exclusively for as long as the result exists (W1).
    pub(crate) unsafe fn live_slots(&mut self) -> LiveSlots {
        let slot = self.slot();
        // SAFETY: the caller's promise; the bits are filled by the snapshot.
        unsafe { LiveSlots::new(self.snapshot(core::iter::empty()), slot) }
    }

    /// Forgets all slots that were handed out, and keeps of the slabs what `mode` says, in bytes of slots.
    ///
    /// What stays is used again without a call to the child; with [`ResetMode::RetainCapacity`] that is everything, and
    /// the reset is O(slabs). What a pool that may not grow gives up with the other modes, it fetches again when it is
    /// needed. `false`: the mode asks for a part of a slab, and the child refused a smaller one in its place.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// use heap_pool::{RawPool, ResetMode};
    /// let mut pool = RawPool::new(Layout::new::<u64>());
    /// pool.preheat(1000)?;
    /// assert!(pool.reset(ResetMode::RetainWithLimit(80)));
    /// assert_eq!(pool.slots(), 10);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        let before = self.total.get();
        self.forget();
        let keep = match mode {
            ResetMode::FreeAll => 0,
            ResetMode::RetainCapacity => before,
            ResetMode::RetainWithLimit(bytes) => before.min(bytes / self.slot.size()),
        };
        if keep == before {
            return true;
        }
        let (kept, mut count) = (SlabList::new(), 0);
        while let Some(slab) = self.spare.pop() {
            // SAFETY: P1: live, and none of its slots is in use: exclusively borrowed.
            unsafe {
                if slab.count() <= keep - count {
                    count += slab.count();
                    kept.push(slab);
                } else {
                    slab.free(&self.child, self.slot);
                }
            }
        }
        self.spare = kept;
        self.total.set(count);
        let rest = keep - count;
        let whole = rest == 0 || self.add_rest(rest).is_ok();
        if !self.options.is_growable() {
            self.owed.set(self.owed.get().saturating_add(before - self.total.get()));
        }
        whole
    }

    /// Gets a slab of exactly `count` slots.
    fn add_rest(&self, count: usize) -> Result<(), AllocError> {
        let slab = Slab::create(&self.child, self.slot, count, false)?;
        // SAFETY: just created.
        unsafe {
            if CHECKED {
                slab.fill_bits(0);
            }
            self.spare.push(slab);
        }
        self.total.set(self.total.get() + count);
        Ok(())
    }

    /// Forgets all slots that were handed out: all slabs are spare.
    fn forget(&mut self) {
        self.free.clear();
        self.fresh.clear();
        while let Some(slab) = self.used.pop() {
            // SAFETY: P1: live, and from now on all its slots are free: exclusively borrowed.
            unsafe {
                if CHECKED {
                    slab.fill_bits(0);
                }
                self.spare.push(slab);
            }
        }
    }
}
