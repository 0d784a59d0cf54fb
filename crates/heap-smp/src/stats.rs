//! [`Stats`]: what the heap holds, in bytes and counts, read under the slow paths' locks only.

use crate::config::UNIT;
use crate::core_heap::CoreHeap;
use crate::private::State;
use crate::roll;
use crate::size::{CLASS, CLASSES};

/// Size classes that [`Stats::classes`] tells of.
pub const CLASS_COUNT: usize = CLASSES;

/// What a heap holds at one moment.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of slabs: memory cut into slots, used or not.
    pub slab_bytes: usize,
    /// Bytes of slots that are with clients, or cached by threads and depots.
    pub slot_bytes: usize,
    /// Bytes of large blocks inside segments, rounded up to units.
    pub run_bytes: usize,
    /// Bytes of blocks with mappings of their own.
    pub huge_bytes: usize,
    /// Blocks with mappings of their own.
    pub huge_blocks: usize,
    /// Bytes that are free but may still be resident.
    pub free_resident_bytes: usize,
    /// Bytes of address space held in segments.
    pub reserved_bytes: usize,
    /// Bytes of spans that private heaps hold; zero for a private heap itself.
    pub private_bytes: usize,
    /// Each size class's share.
    pub classes: [ClassStats; CLASS_COUNT],
}

/// One size class's share.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes of a slot.
    pub slot: usize,
    /// Slabs.
    pub slabs: usize,
    /// Slots of those slabs.
    pub slots: usize,
    /// Slots that are home: neither with a client nor cached.
    pub free: usize,
}

/// The classes of a heap, and bytes of their slabs and of the slots that are out.
fn count_classes(counts: impl Fn(usize) -> (usize, usize)) -> ([ClassStats; CLASSES], usize, usize) {
    let mut classes = [ClassStats::default(); CLASSES];
    let (mut slab_bytes, mut slot_bytes) = (0, 0);
    for (class, stats) in classes.iter_mut().enumerate() {
        let (slabs, free) = counts(class);
        let known = &CLASS[class];
        let slots = slabs * known.slots as usize;
        *stats = ClassStats { slot: known.slot as usize, slabs, slots, free };
        slab_bytes += slabs * known.units as usize * UNIT;
        slot_bytes += (slots - free) * known.slot as usize;
    }
    (classes, slab_bytes, slot_bytes)
}

impl Stats {
    pub(crate) fn of(core: &CoreHeap) -> Self {
        let (classes, slab_bytes, slot_bytes) = count_classes(|class| core.class_counts(class));
        let parked = core.runs.held() * UNIT;
        let counts = core.spans.lock().counts;
        let huge = core.huge.state.lock();
        let private_bytes = roll::private_units() * UNIT;
        Self {
            slab_bytes,
            slot_bytes,
            run_bytes: (counts.in_use * UNIT).saturating_sub(slab_bytes + private_bytes + parked),
            huge_bytes: huge.bytes,
            huge_blocks: huge.count,
            free_resident_bytes: counts.dirty * UNIT + parked,
            reserved_bytes: counts.total * UNIT,
            private_bytes,
            classes,
        }
    }

    pub(crate) fn of_private(state: &State) -> Self {
        let (classes, slab_bytes, slot_bytes) = count_classes(|class| state.home(class).counts());
        let reserved_bytes = state.roll.units() * UNIT;
        Self {
            slab_bytes,
            slot_bytes,
            run_bytes: reserved_bytes.saturating_sub(slab_bytes),
            huge_bytes: state.huge.bytes(),
            huge_blocks: state.huge.count(),
            free_resident_bytes: 0,
            reserved_bytes,
            private_bytes: 0,
            classes,
        }
    }
}
