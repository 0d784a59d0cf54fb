//! The lock of a stripe: spins a little, then yields to the scheduler. Never allocates, and knows its holder.
//!
//! A thread that comes back while it holds the lock (from a signal handler that interrupted it) is told so instead
//! of waiting for itself.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use crate::sync::{AtomicUsize, Ordering};

/// Turns of a busy wait before the processor is given away: the lock is held for about a hundred nanoseconds.
const SPINS: u32 = 64;

/// A value behind a lock.
///
/// # Invariants
///
/// - **L1** `holder` is a thread's token exactly while that thread has the one [`Guard`], or between
///   [`acquire`](Lock::acquire) and [`release`](Lock::release); else 0.
/// - **L2** `value` is accessed only through the guard.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    holder: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: L1 and L2: one thread at a time reaches the value, and the acquire in `acquire` pairs with the release in
// `release`.
unsafe impl<T: Send> Sync for Lock<T> {}

/// The calling thread holds the lock already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reentered;

/// The right to use the value of a [`Lock`].
#[derive(Debug)]
pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
}

impl<T> Lock<T> {
    /// An open lock.
    pub(crate) const fn new(value: T) -> Self {
        Self { holder: AtomicUsize::new(0), value: UnsafeCell::new(value) }
    }

    /// Waits until the lock is open, and closes it for the thread whose token is given.
    #[inline]
    pub(crate) fn lock(&self, token: usize) -> Result<Guard<'_, T>, Reentered> {
        self.acquire(token)?;
        Ok(Guard { lock: self })
    }

    /// As [`lock`](Self::lock), without a guard: for `fork`.
    #[inline]
    pub(crate) fn acquire(&self, token: usize) -> Result<(), Reentered> {
        // Acquire pairs with the release in `release`.
        if self.holder.compare_exchange_weak(0, token, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Ok(());
        }
        self.acquire_slow(token)
    }

    #[cold]
    #[inline(never)]
    fn acquire_slow(&self, token: usize) -> Result<(), Reentered> {
        let mut spins = 0;
        loop {
            // Relaxed: a thread always sees its own token, and others' only make it wait.
            let holder = self.holder.load(Ordering::Relaxed);
            if holder == token {
                return Err(Reentered);
            }
            if holder == 0
                && self.holder.compare_exchange_weak(0, token, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Ok(());
            }
            spins += 1;
            if spins < SPINS { core::hint::spin_loop() } else { std::thread::yield_now() }
        }
    }

    /// The value, without a guard: for `fork`.
    ///
    /// # Safety
    ///
    /// This thread closed the lock with [`acquire`](Self::acquire), and has no guard.
    pub(crate) unsafe fn peek(&self) -> &T {
        // SAFETY: L1: the caller is the one holder.
        unsafe { &*self.value.get() }
    }

    /// Opens the lock.
    ///
    /// # Safety
    ///
    /// This thread closed it with [`acquire`](Self::acquire), or this is the child of a fork and the forking thread did.
    pub(crate) unsafe fn release(&self) {
        self.holder.store(0, Ordering::Release);
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
        // SAFETY: L1: a guard exists only after `acquire` by this thread: it borrows a lock and is not sent.
        unsafe { self.lock.release() }
    }
}
