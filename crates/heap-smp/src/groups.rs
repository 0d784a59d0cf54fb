//! Depots and homes, divided among groups of processors: on a large machine few threads meet at one of them.
//!
//! A thread trades with the depot and takes from the home of the group whose processor runs it just then. A slab stays with
//! the group that opened it, and its blocks go home there, whoever frees them: so a heap of many producers
//! and consumers is bounded as that of one group is. Machines of few processors have one group; `docs/scaling.md` counts and
//! simulates what more of them bring.

use crossbeam_utils::CachePadded;
use heap_os::pages;

use crate::central::Central;
use crate::config::{GROUPS_MAX, Settings};
use crate::depot::Depot;
use crate::overflow::Overflow;
use crate::size::CLASSES;
use crate::sync::{AtomicU32, Ordering};

/// Processors from which there is more than one group, if the settings do not say how many.
const DIVIDED_FROM: usize = 16;
/// Processors of a group, if the settings do not say how many groups.
const PROCESSORS: usize = 4;

/// What one group's threads share.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) depots: [Depot; CLASSES],
    pub(crate) overflows: [Overflow; CLASSES],
    pub(crate) homes: [Central; CLASSES],
}

impl Group {
    const fn new() -> Self {
        Self {
            depots: [const { Depot::new() }; CLASSES],
            overflows: [const { Overflow::new() }; CLASSES],
            homes: [const { Central::new() }; CLASSES],
        }
    }
}

/// How a heap is divided: `count` groups of `processors` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    count: u16,
    processors: u16,
}

impl Plan {
    /// One group for all.
    const WHOLE: Self = Self { count: 1, processors: u16::MAX };

    /// For a machine of so many processors; `wanted` groups, or as many as are worth it if it is zero.
    fn new(wanted: usize, processors: usize) -> Self {
        let fitting = if processors < DIVIDED_FROM { 1 } else { processors / PROCESSORS };
        let count = if wanted == 0 { fitting } else { wanted }.clamp(1, GROUPS_MAX);
        if count == 1 {
            return Self::WHOLE;
        }
        Self {
            count: count as u16,
            processors: processors.div_ceil(count).clamp(1, u16::MAX as usize) as u16,
        }
    }

    /// The group of a processor. Those of one group have neighbouring numbers: on most machines they share a node.
    fn group_of(self, processor: usize) -> usize {
        processor / self.processors as usize % self.count as usize
    }

    fn to_bits(self) -> u32 {
        u32::from(self.count) << 16 | u32::from(self.processors)
    }

    /// Zeros: not planned yet.
    fn from_bits(bits: u32) -> Self {
        if bits == 0 { Self::WHOLE } else { Self { count: (bits >> 16) as u16, processors: bits as u16 } }
    }
}

/// The groups of a heap.
///
/// # Invariants
///
/// - **D1** `plan` is zero or the bits of a [`Plan`] of at most [`GROUPS_MAX`] groups, and written once: before any group but the
///   first is used, and before the fork handlers are registered.
#[derive(Debug)]
pub(crate) struct Groups {
    plan: AtomicU32,
    all: [CachePadded<Group>; GROUPS_MAX],
}

impl Groups {
    pub(crate) const fn new() -> Self {
        Self { plan: AtomicU32::new(0), all: [const { CachePadded::new(Group::new()) }; GROUPS_MAX] }
    }

    /// Decides how many groups there are, if that is not decided yet.
    pub(crate) fn configure(&self, settings: &Settings) {
        // Relaxed, here and below: who sees an older value uses the first group, which is always right.
        if self.plan.load(Ordering::Relaxed) == 0 {
            // Without the numbers of processors all threads would be of one group.
            let processors = if pages::current_cpu().is_some() { pages::cpu_count() } else { 1 };
            let plan = Plan::new(settings.groups, processors).to_bits();
            let _ = self.plan.compare_exchange(0, plan, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    fn plan(&self) -> Plan {
        Plan::from_bits(self.plan.load(Ordering::Relaxed))
    }

    /// The number of the calling thread's group, which may be another one a moment later.
    #[inline]
    pub(crate) fn here(&self) -> usize {
        let plan = self.plan();
        if plan.count <= 1 { 0 } else { plan.group_of(pages::current_cpu().unwrap_or_default()) }
    }

    /// The group of this number, which came from [`here`](Self::here) or from a slab. Of a slab that is none of the process's heap
    /// any more, because a block was freed twice: some group, whose home says so.
    #[inline]
    pub(crate) fn get(&self, group: usize) -> &Group {
        &self.all[group % GROUPS_MAX]
    }

    /// All groups that are used, the first one first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.all[..self.plan().count as usize].iter().map(|group| &**group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_machines_are_not_divided_and_large_ones_by_four_processors() {
        for processors in 1..DIVIDED_FROM {
            assert_eq!(Plan::new(0, processors), Plan::WHOLE, "{processors}");
        }
        for (processors, count) in [(16, 4), (64, 16), (96, 24), (128, 32), (1000, GROUPS_MAX)] {
            let plan = Plan::new(0, processors);
            assert_eq!(plan.count as usize, count, "{processors}");
            let mut members = [0; GROUPS_MAX];
            (0..processors).for_each(|processor| members[plan.group_of(processor)] += 1);
            assert!(members[..count].iter().all(|&members| members > 0), "{processors}: {members:?}");
        }
    }

    #[test]
    fn the_settings_may_say_how_many_groups_there_are() {
        assert_eq!(Plan::new(1, 128), Plan::WHOLE);
        let plan = Plan::new(2, 2);
        assert_eq!((plan.group_of(0), plan.group_of(1)), (0, 1));
        assert_eq!(Plan::new(usize::MAX, 2).count as usize, GROUPS_MAX);
        // A process may be bound to processors with high numbers.
        assert!((0..10_000).all(|processor| Plan::new(5, 7).group_of(processor) < 5));
    }

    #[test]
    fn a_plan_survives_its_bits_and_is_made_once() {
        for plan in [Plan::WHOLE, Plan::new(0, 128), Plan::new(3, 100)] {
            assert_eq!(Plan::from_bits(plan.to_bits()), plan);
        }
        static GROUPS: Groups = Groups::new();
        assert_eq!((GROUPS.here(), GROUPS.iter().count()), (0, 1));
        GROUPS.configure(&Settings::new().processor_groups(3));
        GROUPS.configure(&Settings::new().processor_groups(4));
        assert_eq!(GROUPS.iter().count(), 3);
        assert!(GROUPS.here() < 3);
    }
}
