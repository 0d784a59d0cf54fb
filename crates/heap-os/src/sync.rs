//! The door for atomics: every other file takes them from here.

#[cfg(feature = "fault-injection")]
pub(crate) use core::sync::atomic::AtomicIsize;
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// A lock that spins. For sections of a few instructions where nothing else is at hand: WebAssembly, and the break.
#[derive(Debug)]
pub(crate) struct SpinLock {
    held: AtomicBool,
}

impl SpinLock {
    pub(crate) const fn new() -> Self {
        Self { held: AtomicBool::new(false) }
    }

    /// Runs `section` alone. Not re-entrant; `section` must not unwind.
    #[inline]
    pub(crate) fn with<R>(&self, section: impl FnOnce() -> R) -> R {
        // Acquire pairs with the Release below: what the last section wrote is seen by this one.
        while self.held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            while self.held.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
        }
        let result = section();
        self.held.store(false, Ordering::Release);
        result
    }
}
