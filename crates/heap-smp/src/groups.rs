//! Depots and homes, divided among groups of processors: on a large machine few threads meet at one of them.
//!
//! A thread trades with the depot and takes from the home of the group whose processor runs it just then. A slab stays with
//! the group that opened it, and its blocks go home there, whoever frees them: so a heap of many producers
//! and consumers is bounded as that of one group is. Machines of few processors have one group; `docs/scaling.md` counts and
//! simulates what more of them bring.

use crossbeam_utils::CachePadded;

use crate::central::Central;
use crate::config::GROUPS_MAX;
use crate::depot::Depot;
use crate::overflow::Overflow;
use crate::size::CLASSES;

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

/// The groups of a heap. How many of them are used, and which one serves a thread, says its [`Division`](crate::division::Division).
#[derive(Debug)]
pub(crate) struct Groups {
    all: [CachePadded<Group>; GROUPS_MAX],
}

impl Groups {
    pub(crate) const fn new() -> Self {
        Self { all: [const { CachePadded::new(Group::new()) }; GROUPS_MAX] }
    }

    /// The group of this number, which came from the division or from a slab. Of a slab that is none of the process's heap
    /// any more, because a block was freed twice: some group, whose home says so.
    #[inline]
    pub(crate) fn get(&self, group: usize) -> &Group {
        &self.all[group % GROUPS_MAX]
    }

    /// The first `count` groups.
    pub(crate) fn iter(&self, count: usize) -> impl DoubleEndedIterator<Item = &Group> {
        self.all[..count].iter().map(|group| &**group)
    }
}
