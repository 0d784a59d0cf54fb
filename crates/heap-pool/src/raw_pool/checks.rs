//! The marks of live slots: kept and looked at in checked builds, made for the occasion in others (P3).

use core::ptr::NonNull;

use heap_core::Allocator;

use super::RawPool;
use crate::slab::{Slab, SlabList};
use crate::violation::{CHECKED, Violation, report};

impl<A: Allocator> RawPool<A> {
    /// P3, for a slot that goes out.
    #[inline(always)]
    pub(crate) fn note_taken(&self, slot: NonNull<u8>) {
        if CHECKED {
            self.mark(slot, true);
        }
    }

    /// P3, for a slot that comes back.
    #[inline(always)]
    pub(crate) fn note_returned(&self, slot: NonNull<u8>) {
        if CHECKED {
            self.check_live(slot);
            self.mark(slot, false);
        }
    }

    /// Changes the mark of a slot of this pool; returns what it was.
    pub(crate) fn mark(&self, slot: NonNull<u8>, live: bool) -> bool {
        let addr = slot.addr().get();
        // SAFETY: P1: all slabs are live, and their bits filled, by `add_slab` or `snapshot`.
        self.used.iter().any(|slab| unsafe {
            slab.offset_of(addr).is_some_and(|offset| slab.replace_bit(offset / self.slot.size(), live))
        })
    }

    /// Ends the process if a slot is not handed out, when `CHECKED`.
    #[inline(always)]
    pub(crate) fn check_live(&self, slot: NonNull<u8>) {
        if CHECKED && let Some(violation) = self.violation(slot) {
            report(violation, slot.addr().get());
        }
    }

    /// What is wrong with a slot that should be live. O(slabs).
    fn violation(&self, slot: NonNull<u8>) -> Option<Violation> {
        // SAFETY: P1.
        let offset_in =
            |slab: Slab| unsafe { slab.offset_of(slot.addr().get()) }.map(|offset| (slab, offset));
        // A slab in `spare` was in use before a reset, perhaps.
        let found = self.used.iter().chain(self.spare.iter()).find_map(offset_in);
        let Some((slab, offset)) = found else { return Some(Violation::ForeignItem) };
        if !offset.is_multiple_of(self.slot.size()) {
            return Some(Violation::InteriorPointer);
        }
        let index = offset / self.slot.size();
        // SAFETY: P1, P3; the slot is one of the slab's.
        (unsafe { slab.next_bit(index) } != Some(index)).then_some(Violation::DoubleDestroy)
    }

    /// Sets the bits of the slots that are handed out, and of no others, if P3 has not done it. O(slots).
    ///
    /// `elsewhere`: slots that are not handed out, although they are not at home either.
    pub(crate) fn snapshot(&mut self, elsewhere: impl Iterator<Item = NonNull<u8>>) -> &SlabList {
        if !CHECKED {
            for slab in self.used.iter() {
                // SAFETY: P1.
                unsafe { slab.fill_bits(slab.count()) };
            }
            for slot in self.free.iter().chain(self.fresh.iter(self.slot)).chain(elsewhere) {
                self.mark(slot, false);
            }
        }
        &self.used
    }
}
