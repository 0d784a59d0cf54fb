//! The one door to atomics: the core's, or loom's when its model checker runs the crate's protocols.

#[cfg(all(any(feature = "malloc", feature = "checked"), not(loom)))]
pub(crate) use core::sync::atomic::AtomicU8;
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU32, AtomicUsize, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Rounds of spinning before the processor is given away: 127 pauses in all, a microsecond or two.
#[cfg(not(loom))]
const SPINS: u32 = 7;

/// How a thread waits for another one: a little spinning first, then the processor is given away.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    #[cfg(not(loom))]
    backoff: crossbeam_utils::Backoff,
    #[cfg(not(loom))]
    rounds: core::cell::Cell<u32>,
}

impl Pause {
    pub(crate) fn wait(&self) {
        // Not `Backoff::snooze`: without that crate's feature `std` it spins for ever.
        #[cfg(not(loom))]
        if self.rounds.get() < SPINS {
            self.rounds.set(self.rounds.get() + 1);
            self.backoff.spin();
        } else {
            heap_os::pages::yield_now();
        }
        #[cfg(loom)]
        loom::thread::yield_now();
    }
}
