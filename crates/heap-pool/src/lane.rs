//! A lane: the slots that one thread of a shared pool has at hand.

use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::raw_pool::RawPool;
use crate::slot::{FreeSlots, FreshSlots, SlotLayout};

/// The slots at hand of one thread. As long as two cache lines, which processors fetch in pairs.
///
/// # Invariants
///
/// - **N1** Only the thread that holds the lane's number uses it, or who borrows the pool exclusively.
/// - **N2** Its slots are handed out as far as the shared part is concerned, and nobody else's.
/// - **N3** `held` is the number of slots in `free`.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Lane {
    free: FreeSlots,
    fresh: FreshSlots,
    held: Cell<usize>,
}

impl Lane {
    pub(crate) const fn new() -> Self {
        Self { free: FreeSlots::new(), fresh: FreshSlots::new(), held: Cell::new(0) }
    }

    /// Takes a slot.
    #[inline(always)]
    pub(crate) fn take(&self, slot: SlotLayout) -> Option<NonNull<u8>> {
        if let Some(taken) = self.free.pop() {
            self.held.set(self.held.get() - 1);
            return Some(taken);
        }
        self.fresh.take(slot)
    }

    /// Keeps a slot, unless it has `most` already.
    ///
    /// # Safety
    ///
    /// The slot is the pool's, and the caller gives it up if the result is `true`.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, slot: NonNull<u8>, most: usize) -> bool {
        let held = self.held.get();
        if held >= most {
            return false;
        }
        // SAFETY: the caller's promise; by N2 it is on no list.
        unsafe { self.free.push(slot) };
        self.held.set(held + 1);
        true
    }

    /// Gets at least one and up to `count` slots, when there is none.
    pub(crate) fn refill<A: Allocator>(&self, core: &RawPool<A>, count: usize) -> Result<(), AllocError> {
        self.held.set(core.deal(&self.free, &self.fresh, count)?);
        Ok(())
    }

    /// Gives `count` slots away, the last ones that came.
    pub(crate) fn flush<A: Allocator>(&self, core: &RawPool<A>, count: usize) {
        self.held.set(self.held.get() - core.collect(&self.free, count));
    }

    /// The slots at hand.
    pub(crate) fn slots(&self, slot: SlotLayout) -> impl Iterator<Item = NonNull<u8>> {
        self.free.iter().chain(self.fresh.iter(slot))
    }

    /// Forgets all slots.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}
