//! The one door to atomics: the core's, or loom's when its model checker runs the crate's protocols.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicUsize, Ordering,
};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// How a thread waits for another one: a little spinning first, then the processor is given away.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    #[cfg(not(loom))]
    backoff: crossbeam_utils::Backoff,
}

impl Pause {
    pub(crate) fn wait(&self) {
        #[cfg(not(loom))]
        self.backoff.snooze();
        #[cfg(loom)]
        loom::thread::yield_now();
    }
}
