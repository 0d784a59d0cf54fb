//! The lock of a shared pool's slow path: short waits spin, long ones give the processor away. Never allocates.

use core::cell::UnsafeCell;

use crate::sync::{AtomicBool, Ordering, const_fn, yield_now};

/// How often a waiter looks before it gives the processor away.
const SPINS: usize = if cfg!(loom) { 0 } else { 32 };

/// A value behind a lock.
///
/// # Invariants
///
/// - **K1** `held` is true while a thread is in [`with`](Self::with), which alone reaches `value` through `&self`.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: K1: one thread at a time reaches the value, and each sees what the last one did: `with`.
unsafe impl<T: Send> Sync for Lock<T> {}

impl<T> Lock<T> {
    const_fn! {
        /// An open lock.
        pub(crate) const fn new(value: T) -> Self {
            Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
        }
    }

    /// Waits until the lock is open, and calls `f` with the value. `f` neither unwinds nor comes back here.
    #[inline]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        self.acquire();
        // SAFETY: K1.
        let result = f(unsafe { &mut *self.value.get() });
        // Release: pairs with `try_acquire`: the next one sees what `f` did.
        self.held.store(false, Ordering::Release);
        result
    }

    #[inline]
    fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_slow();
        }
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        // Acquire: pairs with the release of `with`.
        self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    #[inline(never)]
    fn acquire_slow(&self) {
        let mut looked = 0;
        while self.held.load(Ordering::Relaxed) || !self.try_acquire() {
            looked += 1;
            if looked > SPINS {
                yield_now();
            } else {
                core::hint::spin_loop();
            }
        }
    }

    /// The value, for who has the lock to himself.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}
