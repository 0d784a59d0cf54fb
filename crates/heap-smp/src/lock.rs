//! The lock of the slow paths: short waits spin, long ones sleep. Never allocates.
//!
//! It protects a few hundred instructions, taken once for a chain of blocks. When its holder is not running, waiters
//! must leave the processor to it (W-22), and to yield is not enough: with 128 threads on two cores, those that waited
//! took turns at looking, and 95 % of the time went there. So they sleep until the holder wakes one. After Drepper,
//! "Futexes Are Tricky" (2011), mutex 2.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use crate::sync::{AtomicU32, Ordering, Pause, wake_one};

/// Nobody has the lock.
const OPEN: u32 = 0;
/// Somebody has it.
const CLOSED: u32 = 1;
/// Somebody has it, and others may be asleep until it is open.
const AWAITED: u32 = 2;

/// A value behind a lock.
///
/// # Invariants
///
/// - **L1** `state` is not `OPEN` exactly while one [`Guard`] exists, or between `lock_for_fork` and `unlock_after_fork`.
/// - **L2** `value` is accessed only through the guard.
/// - **L3** While anybody sleeps on `state`, it is `AWAITED`, or somebody was woken who will make it so again.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    state: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: L1 and L2: one thread at a time reaches the value, and the acquire of `lock` pairs with the release of
// the guard's drop.
unsafe impl<T: Send> Sync for Lock<T> {}

/// The right to use the value of a [`Lock`].
#[derive(Debug)]
pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
}

impl<T> Lock<T> {
    /// An open lock.
    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Self { state: AtomicU32::new(OPEN), value: UnsafeCell::new(value) }
    }

    /// An open lock.
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self { state: AtomicU32::new(OPEN), value: UnsafeCell::new(value) }
    }

    /// Waits until the lock is open, and closes it.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.acquire();
        Guard { lock: self }
    }

    /// Closes the lock if it is open.
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        // Acquire as in `acquire`.
        let open = self.state.compare_exchange(OPEN, CLOSED, Ordering::Acquire, Ordering::Relaxed).is_ok();
        // Not `then_some`: a guard that is made and dropped opens the lock of another.
        open.then(|| Guard { lock: self })
    }

    /// Whether somebody has the lock just now. If not, what the last holder did is seen.
    pub(crate) fn is_held(&self) -> bool {
        // Acquire pairs with the release in `open`.
        self.state.load(Ordering::Acquire) != OPEN
    }

    #[inline]
    fn acquire(&self) {
        // Acquire pairs with the release in `open`.
        if self.state.compare_exchange(OPEN, CLOSED, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.acquire_slow();
        }
    }

    #[cold]
    #[inline(never)]
    fn acquire_slow(&self) {
        let pause = Pause::default();
        while pause.spin() {
            if self.state.load(Ordering::Relaxed) == OPEN
                && self.state.compare_exchange(OPEN, CLOSED, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
        }
        // L3: whoever has slept cannot know whether others still do, so it takes the lock as awaited.
        while self.state.swap(AWAITED, Ordering::Acquire) != OPEN {
            pause.sleep(&self.state, AWAITED);
        }
    }

    #[inline]
    fn open(&self) {
        let state = self.state.swap(OPEN, Ordering::Release);
        debug_assert_ne!(state, OPEN, "L1");
        if state == AWAITED {
            wake_one(&self.state);
        }
    }

    /// Closes the lock across a fork, so that the child finds the value whole.
    #[cfg(not(loom))]
    pub(crate) fn lock_for_fork(&self) {
        self.acquire();
    }

    #[cfg(not(loom))]
    /// The value, while the lock is closed by [`lock_for_fork`](Self::lock_for_fork).
    ///
    /// # Safety
    ///
    /// This thread closed the lock, and has not opened it again while the reference is used.
    #[cfg(not(loom))]
    pub(crate) unsafe fn peek(&self) -> &T {
        // SAFETY: L1: the lock is closed by the caller, so nobody else reaches the value.
        unsafe { &*self.value.get() }
    }

    /// Opens the lock again, in the parent and in the child.
    ///
    /// # Safety
    ///
    /// This thread (in the child: the thread it was in the parent) called [`lock_for_fork`](Self::lock_for_fork).
    pub(crate) unsafe fn unlock_after_fork(&self) {
        self.open();
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: L1: this guard is the only one.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: L1: this guard is the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.open();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn who_tries_a_closed_lock_in_vain_does_not_open_it() {
        let lock = Lock::new(0);
        let held = lock.lock();
        assert!(lock.try_lock().is_none() && lock.try_lock().is_none());
        drop(held);
        assert!(lock.try_lock().is_some_and(|guard| *guard == 0) && lock.try_lock().is_some());
    }
}
