//! Giving memory back without a helper thread: the slow paths of C's calls look at the clock, and one of them, ten times a
//! second, does what the helper would do.

use heap_os::pages;

use crate::core_heap::CORE;
use crate::lock::Lock;
use crate::reclaim::Watch;
use crate::sync::{AtomicUsize, Ordering};

/// Milliseconds between two looks at the free memory.
const TICK: usize = 100;

/// When the last tick was; zero: never.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// Lock order: before all others.
static WATCH: Lock<Option<Watch>> = Lock::new(None);

/// Gives back what was not needed, if a tick has passed. No lock is held.
pub(crate) fn tick_if_due() {
    let now = pages::now_ms() as usize;
    // Relaxed: the number elects a caller; what it does is under locks.
    let last = LAST.load(Ordering::Relaxed);
    if now.wrapping_sub(last) >= TICK
        && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        // The first call only starts the clock: short programs never tick.
        && last != 0
    {
        tick();
    }
}

#[cold]
#[inline(never)]
fn tick() {
    WATCH.lock().get_or_insert_with(Watch::by_call).tick(&CORE);
}

/// Closes the lock, so that a fork finds its value whole.
pub(crate) fn lock_for_fork() {
    WATCH.lock_for_fork();
}

/// Opens it again.
///
/// # Safety
///
/// This thread called [`lock_for_fork`] before the fork.
pub(crate) unsafe fn unlock_after_fork() {
    // SAFETY: the caller's promise is the same.
    unsafe { WATCH.unlock_after_fork() }
}
