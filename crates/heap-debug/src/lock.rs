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

/// Turns, the later ones of a millisecond each, for which a thread that forks from inside waits for another holder to
/// leave: far longer than any stays.
const TURNS: u32 = SPINS + 50;

/// In `owner`: the lock was shared between threads, and stays so.
const SHARED: usize = usize::MAX;

/// In `holder`, beside a token: that thread forks. Tokens are addresses, and even.
pub(crate) const FORKING: usize = 1;

/// A value behind a lock.
///
/// # Invariants
///
/// - **L1** `holder` is a thread's token while that thread has the lock in the shared way: from a compare-and-swap until
///   `release`; with `FORKING` while that thread forks, and neither it nor another is inside; else 0.
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
    /// What `holder` was, and is to be again: 0, or that of a fork.
    before: usize,
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
        let before = self.acquire(token)?;
        Ok(Guard { lock: self, biased: false, before })
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
        taken.is_ok().then(|| Guard { lock: self, biased: false, before: 0 })
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
            return Some(Guard { lock: self, biased: true, before: 0 });
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
            self.release(guard.before);
        }
        Ok(guard)
    }

    /// Makes this thread the holder, and says what to [`release`](Self::release) the lock to.
    #[inline]
    fn acquire(&self, token: usize) -> Result<usize, Reentered> {
        // Acquire pairs with the release in `release`.
        if self.holder.compare_exchange_weak(0, token, Ordering::Acquire, Ordering::Relaxed).is_err() {
            let before = self.wait(token)?;
            if before != 0 {
                // No other thread has a bias: `close_for_fork` ended it.
                return Ok(before);
            }
        }
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != 0 && owner != SHARED {
            self.revoke(owner == token)?;
        }
        Ok(0)
    }

    #[cold]
    #[inline(never)]
    fn wait(&self, token: usize) -> Result<usize, Reentered> {
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
            // What a forking thread closed, it may open for itself.
            if (holder == 0 || holder == token | FORKING)
                && self
                    .holder
                    .compare_exchange_weak(holder, token, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Ok(holder);
            }
            pause(&mut spins);
        }
    }

    /// Ends the bias. The caller is the holder.
    #[cold]
    #[inline(never)]
    fn revoke(&self, own: bool) -> Result<(), Reentered> {
        if own && self.busy.load(Ordering::Relaxed) != 0 {
            // The caller is the holder, and gives up.
            self.release(0);
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

    /// Closes the lock for all other threads [until after the fork](Self::open_after_fork): nobody is inside while the process is copied. This thread may lock it meanwhile: the fork
    /// handlers of others allocate. If it is inside, since it forks in a signal handler, it stays so.
    pub(crate) fn close_for_fork(&self, token: usize) {
        // Relaxed, all: a thread sees its own stores.
        if self.holder.load(Ordering::Relaxed) == token {
            return;
        }
        let inside = self.first.load(Ordering::Relaxed) == token && self.busy.load(Ordering::Relaxed) != 0;
        let (closed, mut turns) = (token | FORKING, 0);
        // Acquire pairs with the release in `release`.
        while self.holder.compare_exchange_weak(0, closed, Ordering::Acquire, Ordering::Relaxed).is_err() {
            // Another that revokes this thread's bias waits until it has left, and has touched nothing.
            if inside && turns > SPINS {
                if turns > TURNS {
                    return;
                }
                sync::sleep_a_little();
            }
            pause(&mut turns);
        }
        let owner = self.owner.load(Ordering::Relaxed);
        // A bias to this thread does no harm: it is here.
        if owner != 0 && owner != SHARED && owner != token {
            let _ = self.revoke(false);
        }
    }

    /// Opens the lock, if this thread closed it for a fork; in the child also if a thread waits for it that is only in the parent.
    pub(crate) fn open_after_fork(&self, token: usize, in_child: bool) {
        // Relaxed, all: a thread sees its own stores, and in the child there is no other.
        let holder = self.holder.load(Ordering::Relaxed);
        if holder == token | FORKING || (in_child && holder != token) {
            self.release(0);
        }
        if in_child && self.first.load(Ordering::Relaxed) != token {
            self.busy.store(0, Ordering::Relaxed);
        }
    }

    /// Gives up being the holder. `before` is what `acquire` said.
    #[inline]
    fn release(&self, before: usize) {
        self.holder.store(before, Ordering::Release);
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
            // L1: this guard is of `acquire` by this thread: it borrows a lock and is not sent.
            self.lock.release(self.before);
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

    #[test]
    fn a_lock_that_is_closed_for_a_fork_is_open_to_the_thread_that_forks_and_to_no_other() {
        let lock = Lock::new(0);
        let token = thread::token();
        for _ in 0..3 {
            lock.close_for_fork(token);
            *lock.lock(token).unwrap() += 1;
            *lock.lock_own(token).unwrap() += 1;
            let guard = lock.lock_own(token).unwrap();
            assert!(lock.lock(token).is_err(), "inside of the inside");
            drop(guard);
            let before = *lock.lock(token).unwrap();
            std::thread::scope(|scope| {
                let other = scope.spawn(|| *lock.lock(thread::token()).unwrap() += 1);
                std::thread::sleep(std::time::Duration::from_millis(5));
                assert_eq!(*lock.lock(token).unwrap(), before, "the other waits");
                lock.open_after_fork(token, false);
                other.join().unwrap();
            });
            assert_eq!(*lock.lock(token).unwrap(), before + 1);
        }
    }

    #[test]
    fn a_thread_that_waits_only_in_the_parent_is_forgotten_in_the_child() {
        let lock = Lock::new(0);
        let token = thread::token();
        let guard = lock.lock_own(token).unwrap();
        if guard.biased {
            // Another thread is the holder, and waits for this one to leave: as it is copied.
            lock.holder.store(token + 8, Ordering::Relaxed);
            lock.owner.store(SHARED, Ordering::Relaxed);
        }
        lock.close_for_fork(token);
        lock.open_after_fork(token, true);
        drop(guard);
        assert!(lock.lock(token).is_ok());
    }

    #[test]
    fn a_fork_from_inside_leaves_the_lock_closed() {
        let lock = Lock::new(0);
        let token = thread::token();
        for own in [false, true] {
            let guard = if own { lock.lock_own(token).unwrap() } else { lock.lock(token).unwrap() };
            lock.close_for_fork(token);
            lock.open_after_fork(token, false);
            assert!(lock.lock(token).is_err(), "the interrupted call is inside");
            drop(guard);
            assert!(lock.lock(token).is_ok());
        }
    }
}
