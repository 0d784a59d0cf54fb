//! Walking over the live items of a pool: their bits, slab by slab.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::slab::{Slab, SlabList, Slabs};
use crate::slot::SlotLayout;

/// The slots whose bits are set: the slab opened last comes first, and each is in the order of its addresses.
///
/// # Invariants
///
/// - **W1** While this exists, the slabs are live, have their bits filled, and are not changed.
#[derive(Debug)]
pub(crate) struct LiveSlots {
    slabs: Slabs,
    slab: Option<Slab>,
    /// Where to look next in `slab`.
    index: usize,
    slot: SlotLayout,
}

impl LiveSlots {
    /// # Safety
    ///
    /// W1.
    pub(crate) unsafe fn new(slabs: &SlabList, slot: SlotLayout) -> Self {
        let mut slabs = slabs.iter();
        Self { slab: slabs.next(), slabs, index: 0, slot }
    }
}

impl Iterator for LiveSlots {
    type Item = NonNull<u8>;

    fn next(&mut self) -> Option<NonNull<u8>> {
        loop {
            let slab = self.slab?;
            // SAFETY: W1.
            let found = unsafe { slab.next_bit(self.index) };
            if let Some(index) = found {
                self.index = index + 1;
                // SAFETY: W1; a set bit is that of a slot.
                return Some(unsafe { slab.base().add(index * self.slot.size()) });
            }
            (self.slab, self.index) = (self.slabs.next(), 0);
        }
    }
}

/// The live items of a pool, each once, in no particular order: see [`Pool::iter_mut`](crate::Pool::iter_mut).
///
/// # Invariants
///
/// - **I1** Every slot of `slots` holds an initialised `T` that nobody else uses during `'a`.
pub struct IterMut<'a, T> {
    slots: LiveSlots,
    lent: PhantomData<&'a mut T>,
}

impl<T> IterMut<'_, T> {
    /// # Safety
    ///
    /// W1 and I1.
    pub(crate) unsafe fn new(slots: LiveSlots) -> Self {
        Self { slots, lent: PhantomData }
    }
}

impl<'a, T> Iterator for IterMut<'a, T> {
    type Item = &'a mut T;

    fn next(&mut self) -> Option<&'a mut T> {
        // SAFETY: I1; each slot comes once.
        self.slots.next().map(|slot| unsafe { slot.cast().as_mut() })
    }
}

impl<T> FusedIterator for IterMut<'_, T> {}

// SAFETY: it is a `&mut` to each of its items, and the pool's slabs do not change meanwhile (W1).
unsafe impl<T: Send> Send for IterMut<'_, T> {}
// SAFETY: as above; and a shared iterator gives nothing out.
unsafe impl<T: Sync> Sync for IterMut<'_, T> {}

impl<T> fmt::Debug for IterMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterMut").finish_non_exhaustive()
    }
}
