//! The one door to atomics: the core's, or loom's when its model checker runs the crate's protocols.

#[cfg(all(any(feature = "malloc", feature = "checked"), not(loom)))]
pub(crate) use core::sync::atomic::AtomicU8;
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU32, AtomicUsize, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU16, AtomicU32, AtomicUsize, Ordering};

/// Loom takes only fences for what SeqCst says, where it stands for a fence between operations that are SeqCst already.
#[cfg(loom)]
pub(crate) fn full_fence() {
    loom::sync::atomic::fence(Ordering::SeqCst);
}

/// How often a waiter looks before it sleeps, with pauses of 1, 2, 4, ... instructions in between: 127 in all, a microsecond or
/// two, in which most holders are done.
#[cfg(not(loom))]
const SPINS: u32 = 7;

/// How a thread waits for another one: a little spinning first, then asleep.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    #[cfg(not(loom))]
    backoff: crossbeam_utils::Backoff,
    #[cfg(not(loom))]
    rounds: core::cell::Cell<u32>,
}

impl Pause {
    /// Spins, twice as long each time. `false`: that was enough of it.
    pub(crate) fn spin(&self) -> bool {
        #[cfg(not(loom))]
        {
            self.backoff.spin();
            self.rounds.set(self.rounds.get() + 1);
            self.rounds.get() <= SPINS
        }
        #[cfg(loom)]
        false
    }

    /// Sleeps until the word is woken, or gives the processor away where that is not possible. The word was `value`.
    pub(crate) fn sleep(&self, word: &AtomicU32, value: u32) {
        // Not `Backoff::snooze`: without that crate's feature `std` it spins for ever.
        #[cfg(not(loom))]
        if !heap_os::wait::wait(word, value) {
            heap_os::pages::yield_now();
        }
        #[cfg(loom)]
        {
            let _ = (word, value);
            loom::thread::yield_now();
        }
    }
}

/// Wakes one that sleeps on the word.
pub(crate) fn wake_one(word: &AtomicU32) {
    #[cfg(not(loom))]
    heap_os::wait::wake_one(word);
    #[cfg(loom)]
    let _ = word;
}
