//! How a machine is divided: among how many groups of processors, and which of them runs the calling thread.
//!
//! Depots and homes ([`groups`](crate::groups)) and span heaps ([`span_heaps`](crate::span_heaps)) are divided among the same groups.
#![forbid(unsafe_code)]

use heap_os::pages;

use crate::config::{GROUPS_MAX, Settings};
use crate::sync::{AtomicU32, Ordering};

/// Processors from which there is more than one group, if the settings do not say how many.
const DIVIDED_FROM: usize = 16;
/// Processors of a group, if the settings do not say how many groups.
const PROCESSORS: usize = 4;

/// `count` groups of `processors` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    count: u16,
    processors: u16,
}

impl Plan {
    /// One group for all.
    const WHOLE: Self = Self { count: 1, processors: u16::MAX };

    /// For this machine. Asks the system.
    pub(crate) fn of_machine(settings: &Settings) -> Self {
        // Without the numbers of processors all threads would be of one group.
        let processors = if pages::current_cpu().is_some() { pages::cpu_count() } else { 1 };
        Self::new(settings.groups, processors)
    }

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

    /// Groups.
    pub(crate) fn count(self) -> usize {
        self.count as usize
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

/// The division of a heap.
///
/// # Invariants
///
/// - **D1** `plan` is zero or the bits of a [`Plan`] of at most [`GROUPS_MAX`] groups, and written once: before any group but the
///   first is used, and before the fork handlers are registered.
#[derive(Debug)]
pub(crate) struct Division {
    plan: AtomicU32,
}

impl Division {
    pub(crate) const fn new() -> Self {
        Self { plan: AtomicU32::new(0) }
    }

    /// Divides, once. Before, all is made ready that threads of several groups need (D1).
    pub(crate) fn set(&self, plan: Plan) {
        // Release pairs with the acquire in `plan`.
        let _ = self.plan.compare_exchange(0, plan.to_bits(), Ordering::Release, Ordering::Relaxed);
    }

    /// Whether it is decided.
    pub(crate) fn is_set(&self) -> bool {
        self.plan.load(Ordering::Acquire) != 0
    }

    fn plan(&self) -> Plan {
        // Who sees none yet uses the first group, which is always right.
        Plan::from_bits(self.plan.load(Ordering::Acquire))
    }

    /// Whether there is more than one group.
    #[inline]
    pub(crate) fn is_divided(&self) -> bool {
        // The count is above the processors.
        self.plan.load(Ordering::Acquire) >= 2 << 16
    }

    /// Groups.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.plan().count()
    }

    /// The number of the calling thread's group, which may be another one a moment later.
    #[inline]
    pub(crate) fn here(&self) -> usize {
        let plan = self.plan();
        if plan.count <= 1 { 0 } else { plan.group_of(pages::current_cpu().unwrap_or_default()) }
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
            assert_eq!(plan.count(), count, "{processors}");
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
        assert_eq!(Plan::new(usize::MAX, 2).count(), GROUPS_MAX);
        // A process may be bound to processors with high numbers.
        assert!((0..10_000).all(|processor| Plan::new(5, 7).group_of(processor) < 5));
    }

    #[test]
    fn a_plan_survives_its_bits_and_is_made_once() {
        for plan in [Plan::WHOLE, Plan::new(0, 128), Plan::new(3, 100)] {
            assert_eq!(Plan::from_bits(plan.to_bits()), plan);
        }
        static DIVISION: Division = Division::new();
        assert_eq!((DIVISION.here(), DIVISION.count(), DIVISION.is_set()), (0, 1, false));
        for (plan, divided) in [(Plan::WHOLE, false), (Plan::new(2, 2), true), (Plan::new(32, 1), true)] {
            let division = Division::new();
            division.set(plan);
            assert_eq!(division.is_divided(), divided);
        }
        DIVISION.set(Plan::new(3, 100));
        DIVISION.set(Plan::new(4, 100));
        assert_eq!((DIVISION.count(), DIVISION.is_set()), (3, true));
        assert!(DIVISION.here() < 3);
    }
}
