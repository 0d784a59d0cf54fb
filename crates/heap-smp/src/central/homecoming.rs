//! The way home: blocks are checked, their bits set, and slabs that are whole again closed.
//!
//! In a program that frees much at once this is the hot part of a free: so the slab and the segment of the block before are
//! tried first, the next link is read before a block is looked at, and what is compared is compared at once.

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use crate::central::place::{Place, locate};
use crate::central::{Central, Ground, WATCH_FROM};
use crate::chain::Link;
use crate::hardening;
use crate::size::CLASS;
use crate::sync::Ordering;
use crate::violation::{Violation, report};

impl Central {
    /// Brings blocks home, up to the first that lies in a slab of another group, and returns how many are left, that one first.
    /// Aborts the process on one that is not a block of this class, or is home already.
    ///
    /// # Safety
    ///
    /// The caller gives the blocks up, but for those that are left, and has initialised the slice.
    pub(crate) unsafe fn give(
        &self,
        ground: Ground<'_>,
        class: usize,
        blocks: &[MaybeUninit<NonNull<u8>>],
    ) -> usize {
        let mut blocks = blocks.iter();
        // SAFETY: the caller initialised the slice.
        let next = || blocks.next().map(|block| unsafe { block.assume_init() });
        match self.give_each(ground, class, next) {
            Some(_) => blocks.len() + 1,
            None => 0,
        }
    }

    /// As [`give`](Self::give), for a list of linked blocks. Returns what is left of it.
    ///
    /// # Safety
    ///
    /// `list` is null or a list of free blocks of the class, and the caller gives it up, but for what is left.
    pub(crate) unsafe fn give_list(&self, ground: Ground<'_>, class: usize, list: *mut Link) -> *mut Link {
        let mut head = list;
        let next = || {
            let block = NonNull::new(head)?;
            // SAFETY: `block` is on the caller's list, and its link is read before the block is given up.
            head = unsafe { block.read() }.next;
            Some(block.cast())
        };
        // The one that is left still has its link.
        self.give_each(ground, class, next).map_or(ptr::null_mut(), |block| block.as_ptr().cast())
    }

    /// Brings home what `next` gives, until it gives nothing, or a block that lies in a slab of another group: that one.
    #[inline(always)]
    fn give_each(
        &self,
        ground: Ground<'_>,
        class: usize,
        mut next: impl FnMut() -> Option<NonNull<u8>>,
    ) -> Option<NonNull<u8>> {
        let known = &CLASS[class];
        let mut slabs = self.slabs.lock();
        slabs.journeys = slabs.journeys.wrapping_add(1);
        let slack = if ground.roll.is_some() { 2 * known.slots as usize } else { 0 };
        let mut recent: Option<Place> = None;
        let mut left = None;
        while let Some(block) = next() {
            let addr = block.addr().get();
            let place = match recent {
                Some(place) if known.holds(addr.wrapping_sub(place.base)) => place,
                _ => match locate(ground, class, addr, recent) {
                    Some(place) => place,
                    None => {
                        left = Some(block);
                        break;
                    }
                },
            };
            recent = Some(place);
            let Some(slot) = known.slot_starting_at(addr.wrapping_sub(place.base)) else {
                report(Violation::InteriorPointer, addr)
            };
            // SAFETY: the span is a slab of this class, which has the slot.
            match unsafe { slabs.put(place.span, slot) } {
                None => report(Violation::DoubleFree, addr),
                // At once, also the last one: chains and depots are slack enough, and its units serve any class or run. But a
                // private heap has no depot: of each class it keeps a slab's worth for the threads that do not own it.
                Some(free)
                    if free == known.slots
                        && slabs.free >= slack
                        && hardening::may_close(place.span, known) =>
                {
                    slabs.close(ground, place.segment, place.span);
                    recent = None;
                }
                Some(_) => {}
            }
        }
        // A private heap's homes are not watched: it brings them in order when it is purged.
        if slabs.free * known.slot as usize >= WATCH_FROM && ground.roll.is_none() {
            ground.watch.store(true, Ordering::Relaxed);
        }
        left
    }
}
