//! What a fork closes before the process's heap: the locks of modules above it, which it cannot know.
//!
//! The C library runs handlers in the reverse of the order in which they were registered, and two threads that begin at the same time
//! may register in either. So one handler, [`process`](crate::process)'s, closes all locks of this crate, and asks here for
//! those that come first.

use core::ptr;

use crate::sync::{AtomicPtr, Ordering};

/// Whose locks they are. Nobody holds locks of two of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    /// The private heaps'.
    Heaps,
    /// The caches' of C's threads, and what watches the free memory there.
    Caches,
}

const COUNT: usize = Whose::Caches as usize + 1;

/// Locks that are taken before those of the process's heap.
#[derive(Debug)]
pub(crate) struct Locks {
    /// Closes them, so that the child finds what they guard whole.
    pub(crate) close: fn(),
    /// In the child, while all locks are closed: puts right what other threads had begun without a lock.
    pub(crate) mend: unsafe fn(),
    /// Opens them again, in the parent and in the child.
    pub(crate) open: unsafe fn(),
}

/// Null, or what is closed first.
static ALL: [AtomicPtr<Locks>; COUNT] = [const { AtomicPtr::new(ptr::null_mut()) }; COUNT];

/// What the fork that is under way has closed: written and read by its thread, while a lock keeps other forks away.
static CLOSED: [AtomicPtr<Locks>; COUNT] = [const { AtomicPtr::new(ptr::null_mut()) }; COUNT];

/// From now on a fork closes these first. Before they are taken for the first time.
pub(crate) fn close_first(whose: Whose, locks: &'static Locks) {
    // Release pairs with the acquire in `close_all`.
    ALL[whose as usize].store(ptr::from_ref(locks).cast_mut(), Ordering::Release);
}

/// Closes them. No other fork is under way.
pub(crate) fn close_all() {
    for (all, closed) in ALL.iter().zip(&CLOSED) {
        let locks = all.load(Ordering::Acquire);
        closed.store(locks, Ordering::Relaxed);
        // SAFETY: null, or a reference that lives for ever, as all that is stored there.
        if let Some(locks) = unsafe { locks.as_ref() } {
            (locks.close)();
        }
    }
}

/// What [`close_all`] closed, the last one first.
fn closed() -> impl Iterator<Item = &'static Locks> {
    // SAFETY: as in `close_all`.
    CLOSED.iter().rev().filter_map(|closed| unsafe { closed.load(Ordering::Relaxed).as_ref() })
}

/// In the child: puts right what needs it.
///
/// # Safety
///
/// [`close_all`] was called by this thread before the fork, and all locks of the heap are closed.
pub(crate) unsafe fn mend_all() {
    // SAFETY: the caller's promise.
    closed().for_each(|locks| unsafe { (locks.mend)() });
}

/// Opens them again.
///
/// # Safety
///
/// [`close_all`] was called by this thread before the fork.
pub(crate) unsafe fn open_all() {
    // SAFETY: the caller's promise.
    closed().for_each(|locks| unsafe { (locks.open)() });
}
