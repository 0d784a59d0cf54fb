//! [`Mutex`]: a lock of the user's own around the books, instead of the built-in ones.

use core::ops::{Deref, DerefMut};

use crate::lock::{FORKING, Guard, Lock, Reentered};
use crate::sync::{AtomicUsize, Ordering};

/// A lock that a [`DebugAllocator`](crate::DebugAllocator) can be given
/// ([`with_mutex`](crate::DebugAllocator::with_mutex)): one that spins, that knows priorities, of a system without threads of
/// Rust's, or one that does nothing because there is one thread.
///
/// The built-in locks are a part of the books each, never allocate, and cost the thread that uses its part alone next to
/// nothing; a lock of one's own guards all parts at once.
///
/// ```
/// use std::sync::atomic::{AtomicBool, Ordering::{Acquire, Release}};
/// use heap_debug::{DebugAllocator, DebugConfig, Mutex};
///
/// struct Spin(AtomicBool);
///
/// // SAFETY: `lock` returns only after it changed the flag from false to true, `unlock` sets it back.
/// unsafe impl Mutex for Spin {
///     fn lock(&self) {
///         while self.0.swap(true, Acquire) {
///             std::hint::spin_loop();
///         }
///     }
///     unsafe fn unlock(&self) {
///         self.0.store(false, Release);
///     }
/// }
///
/// static SPIN: Spin = Spin(AtomicBool::new(false));
/// #[global_allocator]
/// static GLOBAL: DebugAllocator = DebugAllocator::new().with_mutex(&SPIN);
/// assert_eq!(vec![1, 2].len(), 2);
/// ```
///
/// # Safety
///
/// After `lock` returned and before `unlock` is called, no other call of `lock` returns; an `unlock` happens before the
/// return of the next `lock`. Neither allocates from the allocator that has the lock, nor unwinds.
#[doc(alias = "MutexType")]
pub unsafe trait Mutex: Sync {
    /// Waits until the lock is open, and closes it.
    fn lock(&self);

    /// Opens the lock.
    ///
    /// # Safety
    ///
    /// The calling thread closed it; or this is the child of a fork, and the thread that forked did.
    unsafe fn unlock(&self);
}

/// The user's lock, if there is one, and who has it.
///
/// # Invariants
///
/// - **U1** `holder` is a thread's token while that thread has `mutex`, with `FORKING` when it has it for a fork; else 0.
pub(crate) struct Outer {
    /// Set before the ledger is published.
    pub(crate) mutex: Option<&'static dyn Mutex>,
    holder: AtomicUsize,
}

impl Outer {
    /// Waits for the user's lock, unless the calling thread has it already. Whether it is to be opened again.
    #[cold]
    #[inline(never)]
    fn close(&self, mutex: &'static dyn Mutex, token: usize) -> Result<bool, Reentered> {
        // Relaxed, all: a thread sees its own token; others' are not asked for more.
        let holder = self.holder.load(Ordering::Relaxed);
        if holder == token {
            return Err(Reentered);
        }
        if holder == token | FORKING {
            return Ok(false);
        }
        mutex.lock();
        self.holder.store(token, Ordering::Relaxed);
        Ok(true)
    }

    /// Closes the user's lock across a fork. One that this thread has already stays as it is.
    pub(crate) fn close_for_fork(&self, token: usize) {
        if let Some(mutex) = self.mutex
            && matches!(self.close(mutex, token), Ok(true))
        {
            self.holder.store(token | FORKING, Ordering::Relaxed);
        }
    }

    /// Opens it, if this thread closed it for a fork.
    pub(crate) fn open_after_fork(&self, token: usize) {
        if let Some(mutex) = self.mutex
            && self.holder.load(Ordering::Relaxed) == token | FORKING
        {
            // SAFETY: U1: closed by this thread, in the parent if this is the child.
            unsafe { self.open(mutex) }
        }
    }

    /// Opens it.
    ///
    /// # Safety
    ///
    /// As of [`Mutex::unlock`].
    #[cold]
    #[inline(never)]
    unsafe fn open(&self, mutex: &'static dyn Mutex) {
        self.holder.store(0, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { mutex.unlock() }
    }

    /// Closes `lock`, and the user's lock around it; with `own` for the thread that is to have it for itself.
    #[inline]
    pub(crate) fn enter<'a, T>(
        &'a self,
        lock: &'a Lock<T>,
        token: usize,
        own: bool,
    ) -> Result<Entered<'a, T>, Reentered> {
        let opens = self.mutex.map_or(Ok(false), |mutex| self.close(mutex, token))?;
        let outer = Inside { outer: self, opens };
        let value = if own { lock.lock_own(token)? } else { lock.lock(token)? };
        Ok(Entered { value, _outer: outer })
    }
}

/// The user's lock, if there is one, is this thread's.
struct Inside<'a> {
    outer: &'a Outer,
    opens: bool,
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(mutex) = self.outer.mutex.filter(|_| self.opens) {
            // SAFETY: `enter` closed it, on this thread: the guard inside is not sent.
            unsafe { self.outer.open(mutex) }
        }
    }
}

/// The right to use a part of the books. Opens the inner lock first.
pub(crate) struct Entered<'a, T> {
    value: Guard<'a, T>,
    _outer: Inside<'a>,
}

impl<T> Deref for Entered<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Entered<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
