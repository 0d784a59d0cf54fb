//! The lock of a stripe: almost free for the one thread that uses it alone. Never allocates, and knows its holder.
//!
//! A lock may be *biased* to a thread: that thread takes it by plain stores and loads, without an atomic exchange.
//! The first other thread revokes the bias for good, by a barrier that every thread feels; from then on all spin a
//! little, then yield. A thread that comes back while it holds the lock (from a signal handler that interrupted it) is
//! told so instead of waiting for itself.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use crate::sync::{self, AtomicUsize, Ordering};
use crate::sys;

/// Turns of a busy wait before the processor is given away: the lock is held for about a hundred nanoseconds.
const SPINS: u32 = if cfg!(loom) { 0 } else { 64 };

/// In `owner`: the lock was shared between threads, and stays so.
const SHARED: usize = usize::MAX;

/// A value behind a lock.
///
/// # Invariants
///
/// - **L1** `holder` is a thread's token while that thread has the lock in the shared way: from a compare-and-swap until
///   [`release`](Lock::release); else 0.
/// - **L2** `owner` is 0, then perhaps a thread's token (a thread that gets a dead one's token comes after it), then `SHARED`; it is written by holders (L1) only. While it is a token,
///   that thread has the lock exactly while `busy` is 1; `busy` is written by it only. `first` keeps its token.
/// - **L3** A holder has the value only once `owner` is 0, `SHARED` or its own token, and, if it revoked a bias, `busy` was
///   seen 0 after the barrier.
/// - **L4** `value` is accessed only through the guard.
///
/// Why L3 suffices: the owner writes `busy`, then reads `owner`; a revoker writes `owner`, lets every thread pass a
/// barrier, then reads `busy`. If the owner read its token, it did so before the barrier, so its `busy` is seen; if it
/// comes later, it reads `SHARED` and steps back.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    holder: AtomicUsize,
    owner: AtomicUsize,
    /// The token that `owner` had.
    first: AtomicUsize,
    busy: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: L3 and L4: one thread at a time reaches the value. Acquire in `acquire` and in `revoke` pairs with the releases
// at the end of a guard.
unsafe impl<T: Send> Sync for Lock<T> {}

/// The calling thread holds the lock already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reentered;

/// The right to use the value of a [`Lock`].
#[derive(Debug)]
pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
    /// Taken by the owner, by L2.
    biased: bool,
}

impl<T> Lock<T> {
    sync::const_fn! {
        /// An open lock.
        pub(crate) const fn new(value: T) -> Self {
            Self {
                holder: AtomicUsize::new(0),
                owner: AtomicUsize::new(0),
                first: AtomicUsize::new(0),
                busy: AtomicUsize::new(0),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Waits until the lock is open, and closes it for the thread whose token is given.
    #[inline]
    pub(crate) fn lock(&self, token: usize) -> Result<Guard<'_, T>, Reentered> {
        // Relaxed: a thread sees its own token, and `SHARED` at the latest behind the barrier.
        if self.owner.load(Ordering::Relaxed) == token {
            if self.busy.load(Ordering::Relaxed) != 0 {
                return Err(Reentered);
            }
            if let Some(guard) = self.try_biased(token) {
                return Ok(guard);
            }
        }
        self.acquire(token)?;
        Ok(Guard { lock: self, biased: false })
    }

    /// Closes the lock where that takes no more than a step: it is biased to this thread, or shared and open.
    #[inline(always)]
    pub(crate) fn try_lock(&self, token: usize) -> Option<Guard<'_, T>> {
        // Relaxed: `SHARED` stays, and whoever wrote it was a holder: L1 makes its `revoke` come before.
        if self.owner.load(Ordering::Relaxed) != SHARED {
            return self.try_biased(token);
        }
        // Acquire pairs with the release in `release`.
        let taken = self.holder.compare_exchange(0, token, Ordering::Acquire, Ordering::Relaxed);
        // Lazily: a guard that nobody wants opens the lock.
        taken.is_ok().then(|| Guard { lock: self, biased: false })
    }

    /// Closes the lock for the thread that it is biased to; `None` for any other, or when that thread has it already.
    #[inline(always)]
    pub(crate) fn try_biased(&self, token: usize) -> Option<Guard<'_, T>> {
        // Relaxed: a thread sees its own token, and `SHARED` at the latest behind the barrier.
        if self.owner.load(Ordering::Relaxed) != token || self.busy.load(Ordering::Relaxed) != 0 {
            return None;
        }
        self.busy.store(1, Ordering::Relaxed);
        // The store comes before the load (L3).
        sys::barrier_here();
        if self.owner.load(Ordering::Relaxed) == token {
            return Some(Guard { lock: self, biased: true });
        }
        // Nothing was done, but what this thread did in earlier turns is to be seen by a revoker that sees this 0.
        self.busy.store(0, Ordering::Release);
        None
    }

    /// As [`lock`](Self::lock), by the thread that is to have the lock for itself as long as no other comes.
    #[inline]
    pub(crate) fn lock_own(&self, token: usize) -> Result<Guard<'_, T>, Reentered> {
        let mut guard = self.lock(token)?;
        if !guard.biased && self.owner.load(Ordering::Relaxed) == 0 && sys::has_barrier() {
            // L2: the guard is a holder's. It goes on as the owner's; the next holder sees both stores by L1.
            self.busy.store(1, Ordering::Relaxed);
            self.first.store(token, Ordering::Relaxed);
            self.owner.store(token, Ordering::Relaxed);
            guard.biased = true;
            // SAFETY: this thread is the holder.
            unsafe { self.release() };
        }
        Ok(guard)
    }

    /// As [`lock`](Self::lock), without a guard: for `fork`.
    #[inline]
    pub(crate) fn acquire(&self, token: usize) -> Result<(), Reentered> {
        // Acquire pairs with the release in `release`.
        if self.holder.compare_exchange_weak(0, token, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait(token)?;
        }
        let owner = self.owner.load(Ordering::Relaxed);
        if owner == 0 || owner == SHARED { Ok(()) } else { self.revoke(owner == token) }
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, token: usize) -> Result<(), Reentered> {
        let mut spins = 0;
        loop {
            // Relaxed: a thread always sees its own token, and others' only make it wait.
            let holder = self.holder.load(Ordering::Relaxed);
            // Whoever revokes the bias waits for `busy`: if it is this thread's, each would wait for the other.
            let inside =
                self.first.load(Ordering::Relaxed) == token && self.busy.load(Ordering::Relaxed) != 0;
            if holder == token || inside {
                return Err(Reentered);
            }
            if holder == 0
                && self.holder.compare_exchange_weak(0, token, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return Ok(());
            }
            pause(&mut spins);
        }
    }

    /// Ends the bias. The caller is the holder.
    #[cold]
    #[inline(never)]
    fn revoke(&self, own: bool) -> Result<(), Reentered> {
        if own && self.busy.load(Ordering::Relaxed) != 0 {
            // SAFETY: the caller is the holder, and gives up.
            unsafe { self.release() };
            return Err(Reentered);
        }
        self.owner.store(SHARED, Ordering::Relaxed);
        sys::barrier_for_all();
        let mut spins = 0;
        // Acquire pairs with the release of the owner's last guard.
        while self.busy.load(Ordering::Acquire) != 0 {
            pause(&mut spins);
        }
        Ok(())
    }

    /// The value, without a guard: for `fork`.
    ///
    /// # Safety
    ///
    /// This thread closed the lock with [`acquire`](Self::acquire), and has no guard.
    pub(crate) unsafe fn peek(&self) -> &T {
        // SAFETY: L3: the caller is the one holder.
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
        // SAFETY: L3: this guard is the only one.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: L3: this guard is the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.biased {
            self.lock.busy.store(0, Ordering::Release);
        } else {
            // SAFETY: L1: this guard is of `acquire` by this thread: it borrows a lock and is not sent.
            unsafe { self.lock.release() }
        }
    }
}

fn pause(spins: &mut u32) {
    *spins += 1;
    if *spins < SPINS { core::hint::spin_loop() } else { sync::yield_now() }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::thread;

    #[test]
    fn a_bias_is_taken_used_and_revoked_without_losing_a_count() {
        for _ in 0..50 {
            let lock = Lock::new(0_u64);
            std::thread::scope(|scope| {
                for turns in [20_000, 100] {
                    let lock = &lock;
                    scope.spawn(move || {
                        for _ in 0..turns {
                            *lock.lock_own(thread::token()).unwrap() += 1;
                        }
                    });
                }
            });
            assert_eq!(*lock.lock(thread::token()).unwrap(), 20_100);
        }
    }

    #[test]
    fn a_thread_that_has_the_lock_is_told_so() {
        let lock = Lock::new(0);
        for _ in 0..2 {
            let guard = lock.lock_own(thread::token()).unwrap();
            assert!(lock.lock(thread::token()).is_err() && lock.acquire(thread::token()).is_err());
            drop(guard);
        }
    }
}
