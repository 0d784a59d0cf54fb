//! A lane: the slots that one thread of a shared pool has at hand.

use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::shared::Shared;
use crate::slot::{FreeSlots, FreshSlots, SlotLayout};

/// The slots at hand of one thread. As long as two cache lines, which processors fetch in pairs.
///
/// # Invariants
///
/// - **N1** Only the thread that holds the lane's number uses it, or who borrows the pool exclusively.
/// - **N2** Its slots are handed out as far as the shared part is concerned, and nobody else's.
/// - **N3** `held` is the number of slots in `free`; `full` is a chain, of one batch, or empty.
/// - **N4** `aside` is empty unless `fresh` is.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Lane {
    free: FreeSlots,
    fresh: FreshSlots,
    held: Cell<usize>,
    full: FreeSlots,
    /// Fresh slots that wait until `full` has been used again.
    aside: FreshSlots,
    /// How many fresh slots to get next, or zero, for a batch: twice as many each time.
    run: Cell<usize>,
}

impl Lane {
    pub(crate) const fn new() -> Self {
        Self {
            free: FreeSlots::new(),
            fresh: FreshSlots::new(),
            held: Cell::new(0),
            full: FreeSlots::new(),
            aside: FreshSlots::new(),
            run: Cell::new(0),
        }
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

    /// Takes a slot, when [`take`](Self::take) finds none, from the chain or the fresh slots set aside.
    pub(crate) fn take_spare(&self, slot: SlotLayout, batch: usize) -> Option<NonNull<u8>> {
        if self.full.move_to(&self.free) {
            self.held.set(batch);
        } else {
            self.aside.split_to(&self.fresh, slot, usize::MAX);
        }
        self.take(slot)
    }

    /// Keeps a slot, unless it has a batch already.
    ///
    /// # Safety
    ///
    /// The slot is the pool's, and the caller gives it up if the result is `true`.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, slot: NonNull<u8>, batch: usize) -> bool {
        let held = self.held.get();
        if held >= batch {
            return false;
        }
        // SAFETY: the caller's promise; by N2 it is on no list.
        unsafe { self.free.push(slot) };
        self.held.set(held + 1);
        true
    }

    /// Whether there is a chain, which must go before [`shelve`](Self::shelve).
    pub(crate) fn is_full(&self) -> bool {
        !self.full.is_empty()
    }

    /// Makes the batch of free slots the chain, when there is none.
    pub(crate) fn shelve(&self, slot: SlotLayout) {
        self.free.move_to(&self.full);
        self.held.set(0);
        if self.fresh.count(slot) != 0 {
            self.fresh.split_to(&self.aside, slot, usize::MAX);
        }
    }

    /// Gets at least one slot, when there is none: up to a batch that came back, or a run of fresh ones, of which `most`
    /// are the most.
    pub(crate) fn refill<A: Allocator>(&self, shared: &mut Shared<A>, most: usize) -> Result<(), AllocError> {
        let run = self.run.get().max(shared.batch()).min(most);
        let held = shared.deal(&self.free, &self.fresh, run)?;
        self.held.set(held);
        if held == 0 {
            self.run.set(run.saturating_mul(2));
        }
        Ok(())
    }

    /// Gives the chain away.
    pub(crate) fn flush<A: Allocator>(&self, shared: &mut Shared<A>) {
        shared.collect(&self.full);
    }

    /// The slots at hand.
    pub(crate) fn slots(&self, slot: SlotLayout) -> impl Iterator<Item = NonNull<u8>> {
        let fresh = self.fresh.iter(slot).chain(self.aside.iter(slot));
        self.free.iter().chain(self.full.iter()).chain(fresh)
    }

    /// Forgets all slots.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }
}
