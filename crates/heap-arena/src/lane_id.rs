//! Which lane is this thread's: small numbers, each held by one live thread at a time.
//!
//! A thread takes the lowest free number when it first needs one and gives it back when it ends. Whoever holds number
//! `n` may use lane `n` of every [`SyncArena`](crate::SyncArena) without further agreement; what one holder did there,
//! the next one sees.
//!
//! Public, but no part of the API: the shared pools of heap-pool have lanes by the same numbers.

#[cfg(all(feature = "std", not(loom)))]
pub use local::{current, settle};

/// This thread has no lane, and it is of no use to ask again.
pub const NO_LANE: usize = usize::MAX;

/// This thread has not asked for a lane yet.
pub const UNASKED: usize = usize::MAX - 1;

/// Without threads' own variables there are no lanes.
#[cfg(not(any(feature = "std", loom)))]
#[inline(always)]
pub fn current() -> usize {
    NO_LANE
}

/// Without threads' own variables there are no lanes.
#[cfg(not(any(feature = "std", loom)))]
pub fn settle() -> usize {
    NO_LANE
}

/// The model checker's threads say themselves which lane is theirs.
#[cfg(loom)]
pub fn settle() -> usize {
    current()
}

#[cfg(loom)]
mod modelled {
    use core::cell::Cell;

    loom::thread_local! { static LANE: Cell<usize> = Cell::new(super::NO_LANE); }

    /// The lane of this thread, or [`NO_LANE`](super::NO_LANE).
    pub fn current() -> usize {
        LANE.with(Cell::get)
    }

    /// Says which lane is this thread's.
    ///
    /// # Safety
    ///
    /// No other thread has this lane, and the last that had it happens before.
    pub unsafe fn set_lane(id: usize) {
        LANE.with(|lane| lane.set(id));
    }
}
#[cfg(loom)]
pub use modelled::current;
#[cfg(loom)]
pub use modelled::set_lane;

/// The number of this thread, in its own variables.
#[cfg(all(feature = "std", not(loom)))]
mod local {
    use core::cell::Cell;
    use std::thread_local;

    use super::{NO_LANE, UNASKED};
    use crate::lane_ids::LaneIds;

    static IDS: LaneIds = LaneIds::new();

    thread_local! {
        /// Without a destructor, so that reading it is one load, and works while the thread ends.
        static ID: Cell<usize> = const { Cell::new(UNASKED) };
        static GIVE_BACK: GiveBack = const { GiveBack(Cell::new(NO_LANE)) };
    }

    /// Gives the number back when the thread ends.
    struct GiveBack(Cell<usize>);

    impl Drop for GiveBack {
        fn drop(&mut self) {
            let id = self.0.replace(NO_LANE);
            // Destructors that run after this one have no lane.
            ID.set(NO_LANE);
            if id != NO_LANE {
                // SAFETY: ours since `settle`; and from now on `current` says that there is none.
                unsafe { IDS.give_back(id) };
            }
        }
    }

    /// The lane of this thread, or [`NO_LANE`], or [`UNASKED`].
    #[inline(always)]
    pub fn current() -> usize {
        ID.get()
    }

    /// Asks for a lane, once.
    #[cold]
    #[inline(never)]
    pub fn settle() -> usize {
        // Registering the destructor may allocate, perhaps from an arena that asks us.
        ID.set(NO_LANE);
        // An error: the thread is ending, and there is no lane any more.
        let _ = GIVE_BACK.try_with(|held| {
            if let Some(id) = IDS.claim() {
                held.0.set(id);
                ID.set(id);
            }
        });
        ID.get()
    }
}
