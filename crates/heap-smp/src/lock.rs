//! The lock of the slow paths: short waits spin, long ones give the processor away. Never allocates.
//!
//! It protects a few hundred instructions, taken once for a hundred blocks, so it is rarely contended; when its
//! holder is not running, waiters yield (W-22: a pure spin collapses with more threads than processors).

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use crate::sync::{AtomicBool, Ordering, Pause};

/// A value behind a lock.
///
/// # Invariants
///
/// - **L1** `held` is true exactly while one [`Guard`] exists, or between `lock_for_fork` and `unlock_after_fork`.
/// - **L2** `value` is accessed only through the guard.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    held: AtomicBool,
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
        Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// An open lock.
    #[cfg(not(loom))]
    pub(crate) const fn new(value: T) -> Self {
        Self { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits until the lock is open, and closes it.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T> {
        self.acquire();
        Guard { lock: self }
    }

    /// Closes the lock if it is open.
    #[cfg(not(loom))]
    pub(crate) fn try_lock(&self) -> Option<Guard<'_, T>> {
        // Acquire as in `acquire`.
        let open = self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok();
        open.then_some(Guard { lock: self })
    }

    #[inline]
    fn acquire(&self) {
        // Acquire pairs with the release in `Guard::drop` and `unlock_after_fork`.
        if self.held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.acquire_slow();
        }
    }

    #[cold]
    #[inline(never)]
    fn acquire_slow(&self) {
        let pause = Pause::default();
        loop {
            if !self.held.load(Ordering::Relaxed)
                && self.held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            pause.wait();
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
        self.held.store(false, Ordering::Release);
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
        self.lock.held.store(false, Ordering::Release);
    }
}
