//! Where a thread begins to look in what several share, a depot or a slab: at a corner of its processor's.
//!
//! Blocks shorter than a cache line have neighbours in it. If threads that run at the same time hold them, each write of one
//! takes the line from the other, and few chains that change hands are enough to mix all blocks of a class. So threads of
//! different processors take different ends of a slab, and find in the depot first what one of their own left. Nothing is set aside:
//! whoever finds his corner empty takes from the others'. Active and passive false sharing: Berger and others, "Hoard: a scalable memory
//! allocator" (2000), which gives each processor slabs of its own instead.
#![forbid(unsafe_code)]

use heap_os::pages;

use crate::depot::{CORNERS, first_of};
use crate::seat;

/// The parts in the order in which processors get them: two have a half each.
const ORDER: [u8; CORNERS] = [0, 2, 1, 3];

/// The part that is the calling thread's, for the moment; `None` while no other thread has a seat: then all is its own.
#[inline]
pub(crate) fn own() -> Option<Corner> {
    (!seat::is_taken_by_one()).then(|| Corner::of_processor(pages::current_cpu().unwrap_or_default()))
}

/// A part of whatever is asked for a place in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corner(u8);

impl Corner {
    /// The first: of a thread that is alone, so that it fills the pages of a slab in their order.
    pub(crate) const FIRST: Self = Self(0);

    /// A processor's. Those whose numbers follow each other have different ones.
    #[inline]
    pub(crate) fn of_processor(number: usize) -> Self {
        Self(ORDER[number % CORNERS])
    }

    /// Its place in the order of the parts.
    #[inline]
    pub(crate) fn number(self) -> usize {
        self.0 as usize
    }

    /// The first of `count` places that is the corner's.
    #[inline]
    pub(crate) fn of(self, count: usize) -> usize {
        first_of(self.number(), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_lie_as_far_apart_as_there_are_threads_to_use_them() {
        let firsts = |count| [0, 1, 2, 3].map(|number| Corner::of_processor(number).of(count));
        assert_eq!(firsts(16), [0, 8, 4, 12]);
        assert_eq!((firsts(2), firsts(1)), ([0, 1, 0, 1], [0; CORNERS]));
        for count in 1..100 {
            assert!(firsts(count).into_iter().all(|first| first < count), "{count}");
        }
        assert!(own().is_none_or(|corner| corner.of(64) < 64));
    }
}
