//! What a span heap shows to the others of the process, so that they need not ask for its lock.
//!
//! Each heap writes its own board, and all may read: a line of its own for each, so that none is written by many processors. What
//! is read may be old by the time it is used. So it decides only where to look, and what is due as a whole.
#![forbid(unsafe_code)]

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicUsize, Ordering};

/// What is shown, all in units.
///
/// # Invariants
///
/// - **V1** It is written under the lock of its heap only, and while that lock is open it says what the heap's counts say.
/// - **V2** No run of free and dirty units of its heap is longer than `reach`, while the lock is open. So what was given back
///   before a thread looks is found, or somebody else has it.
#[derive(Debug)]
pub(crate) struct Board {
    in_use: AtomicUsize,
    dirty: AtomicUsize,
    high_water: AtomicUsize,
    reach: AtomicUsize,
}

/// What one heap shows, or several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Owned by spans.
    pub(crate) in_use: usize,
    /// Free, but resident.
    pub(crate) dirty: usize,
    /// The most that was in use in all heaps together, as far as one of them saw.
    pub(crate) high_water: usize,
    /// No run of free and resident units is longer.
    pub(crate) reach: usize,
}

impl Shown {
    pub(crate) const NOTHING: Self = Self { in_use: 0, dirty: 0, high_water: 0, reach: 0 };
}

impl Board {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            in_use: AtomicUsize::new(0),
            dirty: AtomicUsize::new(0),
            high_water: AtomicUsize::new(0),
            reach: AtomicUsize::new(0),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            in_use: AtomicUsize::new(0),
            dirty: AtomicUsize::new(0),
            high_water: AtomicUsize::new(0),
            reach: AtomicUsize::new(0),
        }
    }

    /// Shows this from now on. The caller holds the heap's lock (V1).
    pub(crate) fn show(&self, shown: Shown) {
        // Relaxed, here and below: who gave something back and told of it did so after this, so who was told reads this or later
        // values. Units are then taken under the lock.
        let set = |place: &AtomicUsize, value: usize| {
            if place.load(Ordering::Relaxed) != value {
                place.store(value, Ordering::Relaxed);
            }
        };
        set(&self.in_use, shown.in_use);
        set(&self.dirty, shown.dirty);
        set(&self.high_water, shown.high_water);
        set(&self.reach, shown.reach);
    }

    /// The longest run of free and resident units that may be found there.
    #[inline]
    pub(crate) fn reach(&self) -> usize {
        self.reach.load(Ordering::Relaxed)
    }

    pub(crate) fn shown(&self) -> Shown {
        Shown {
            in_use: self.in_use.load(Ordering::Relaxed),
            dirty: self.dirty.load(Ordering::Relaxed),
            high_water: self.high_water.load(Ordering::Relaxed),
            reach: self.reach(),
        }
    }
}

/// What all boards but one show together: sums, and the greatest high water and reach.
pub(crate) fn others(boards: &[CachePadded<Board>], but: usize) -> Shown {
    let shown = boards.iter().enumerate().filter(|&(at, _)| at != but).map(|(_, board)| board.shown());
    shown.fold(Shown::NOTHING, |all, one| Shown {
        in_use: all.in_use + one.in_use,
        dirty: all.dirty + one.dirty,
        high_water: all.high_water.max(one.high_water),
        reach: all.reach.max(one.reach),
    })
}
