//! [`Stats`]: what the heap holds, in bytes and counts, read under the slow paths' locks only.

use crate::config::UNIT;
use crate::core_heap::CoreHeap;
use crate::private::State;
use crate::process;
use crate::reclaim;
use crate::roll;
use crate::size::{CLASS, CLASSES};

/// Size classes that [`Stats::classes`] tells of.
pub const CLASS_COUNT: usize = CLASSES;

/// What a heap holds at one moment. [`Display`](core::fmt::Display) writes a table, [`write_json`](Self::write_json) an object.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of slabs: memory cut into slots, used or not.
    pub slab_bytes: usize,
    /// Bytes of slots that are with clients, or cached by threads and depots.
    pub slot_bytes: usize,
    /// Bytes of slots in depots: free, and between threads. (What threads have in their own bins, nobody else can count: at most
    /// 16 KiB, or 128 blocks, for a size.)
    pub depot_bytes: usize,
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
    /// Bytes of free memory given back to the system so far, by decay and by purges. What was given back and used again counts again.
    pub returned_bytes: usize,
    /// Looks at the free memory so far, ten in a second while there is any to watch: see
    /// [`Settings::background_thread`](crate::Settings::background_thread).
    pub helper_ticks: usize,
    /// The helper thread runs just now.
    pub helper_running: bool,
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
    /// Blocks in the class's depot: cached for any thread.
    pub in_depot: usize,
}

/// The classes of a heap, and bytes of their slabs and of the slots that are out.
fn count_classes(counts: impl Fn(usize) -> (usize, usize, usize)) -> ([ClassStats; CLASSES], usize, usize) {
    let mut classes = [ClassStats::default(); CLASSES];
    let (mut slab_bytes, mut slot_bytes) = (0, 0);
    for (class, stats) in classes.iter_mut().enumerate() {
        let (slabs, units, free) = counts(class);
        let known = &CLASS[class];
        let slots = slabs * known.slots as usize;
        *stats = ClassStats { slot: known.slot as usize, slabs, slots, free, in_depot: 0 };
        slab_bytes += units * UNIT;
        slot_bytes += (slots - free) * known.slot as usize;
    }
    (classes, slab_bytes, slot_bytes)
}

impl Stats {
    pub(crate) fn of(core: &CoreHeap) -> Self {
        let (mut classes, slab_bytes, slot_bytes) = count_classes(|class| core.class_counts(class));
        for (class, stats) in classes.iter_mut().enumerate() {
            stats.in_depot = core.in_depot(class);
        }
        let depot_bytes = classes.iter().map(|class| class.in_depot * class.slot).sum();
        let parked = core.runs.held() * UNIT;
        let counts = core.spans.counts();
        let huge = core.huge.state.lock();
        let private_bytes = roll::private_units() * UNIT;
        Self {
            slab_bytes,
            slot_bytes,
            depot_bytes,
            run_bytes: (counts.in_use * UNIT).saturating_sub(slab_bytes + private_bytes + parked),
            huge_bytes: huge.bytes,
            huge_blocks: huge.count,
            free_resident_bytes: counts.dirty * UNIT + parked,
            reserved_bytes: counts.total * UNIT,
            private_bytes,
            returned_bytes: counts.returned * UNIT,
            helper_ticks: reclaim::ticks(),
            helper_running: process::is_helper_running(),
            classes,
        }
    }

    pub(crate) fn of_private(state: &State) -> Self {
        let (classes, slab_bytes, slot_bytes) = count_classes(|class| state.home(class).counts());
        let reserved_bytes = state.roll.units() * UNIT;
        Self {
            slab_bytes,
            slot_bytes,
            depot_bytes: 0,
            run_bytes: reserved_bytes.saturating_sub(slab_bytes),
            huge_bytes: state.huge.bytes(),
            huge_blocks: state.huge.count(),
            free_resident_bytes: 0,
            reserved_bytes,
            private_bytes: 0,
            returned_bytes: 0,
            helper_ticks: 0,
            helper_running: false,
            classes,
        }
    }
}
