//! All private heaps that live: for the end of a thread, which lets go of those that it owns, and for a fork.
//!
//! Taken under one lock when a heap comes or goes, and when a thread ends that ever owned one; never by an allocation.

use core::ptr;

use crate::forks::{self, Locks, Whose};
use crate::lock::Lock;
use crate::private::State;
use crate::sync::Ordering;
use crate::thread_number;

#[cfg(feature = "std")]
std::thread_local! {
    static END: End = const { End };
}

/// Lets go of the thread's heaps when it ends. Apart from the number, so that the number has no destructor.
#[cfg(feature = "std")]
struct End;

#[cfg(feature = "std")]
impl Drop for End {
    fn drop(&mut self) {
        let number = thread_number::leave();
        HEAPS.lock().for_each(|state| state.disown_if_of(number));
    }
}

/// Makes the calling thread the owner of a heap without one, if it can be an owner. No lock is held.
pub(crate) fn claim(state: &State) -> bool {
    join().is_some_and(|number| state.claim(number))
}

/// The number of the calling thread, which will let go of its heaps at its end.
pub(crate) fn join() -> Option<usize> {
    #[cfg(feature = "std")]
    let register = || END.try_with(|_| ()).is_ok();
    #[cfg(not(feature = "std"))]
    let register = || false;
    thread_number::join(register)
}

/// The first of the list.
struct Heaps {
    first: *mut State,
}

// SAFETY: listed states live until they are removed, and their links are reached under the lock that guards this value.
unsafe impl Send for Heaps {}

/// Lock order: before all locks of a heap.
static HEAPS: Lock<Heaps> = Lock::new(Heaps { first: ptr::null_mut() });

impl Heaps {
    fn for_each(&self, mut f: impl FnMut(&State)) {
        let mut next = self.first;
        // SAFETY: a listed state lives: `remove` waits for the lock.
        while let Some(state) = unsafe { next.as_ref() } {
            next = state.links.next.load(Ordering::Relaxed);
            f(state);
        }
    }
}

/// Lists a heap.
///
/// # Safety
///
/// `state` stays where it is and alive until [`remove`] has returned.
pub(crate) unsafe fn add(state: &State) {
    watch_forks();
    let own = ptr::from_ref(state).cast_mut();
    let mut heaps = HEAPS.lock();
    state.links.prev.store(ptr::null_mut(), Ordering::Relaxed);
    state.links.next.store(heaps.first, Ordering::Relaxed);
    // SAFETY: a listed state lives.
    if let Some(first) = unsafe { heaps.first.as_ref() } {
        first.links.prev.store(own, Ordering::Relaxed);
    }
    heaps.first = own;
}

/// Takes a heap off the list. Afterwards nobody but the caller knows it, if nobody uses it.
pub(crate) fn remove(state: &State) {
    let mut heaps = HEAPS.lock();
    let prev = state.links.prev.load(Ordering::Relaxed);
    let next = state.links.next.load(Ordering::Relaxed);
    // SAFETY: neighbours of a listed state are listed, and live.
    match unsafe { prev.as_ref() } {
        Some(prev) => prev.links.next.store(next, Ordering::Relaxed),
        None => heaps.first = next,
    }
    // SAFETY: as above.
    if let Some(next) = unsafe { next.as_ref() } {
        next.links.prev.store(prev, Ordering::Relaxed);
    }
}

/// Makes `owner` the owner of a heap that nobody uses (zero: nobody). The owner before it, if it ends just now, is done with
/// the heap when this returns, or leaves it alone.
pub(crate) fn hand_over(state: &State, owner: usize) {
    let _heaps = HEAPS.lock();
    state.set_owner(owner);
}

/// Has the list, and the homes of all heaps, whole in the child of a fork.
pub(crate) fn watch_forks() {
    static LOCKS: Locks = Locks { close: lock_all, mend: forget_lost_owners, open: unlock_all };
    forks::close_first(Whose::Heaps, &LOCKS);
}

/// Closes the locks of the list and of all heaps' homes: no slab is being opened or closed from now on.
pub(crate) fn lock_all() {
    HEAPS.lock_for_fork();
    // SAFETY: locked by this thread.
    unsafe { HEAPS.peek() }.for_each(State::lock_for_fork);
}

/// Opens them again.
///
/// # Safety
///
/// This thread called [`lock_all`].
pub(crate) unsafe fn unlock_all() {
    // SAFETY: the caller's promise is the same; the list has not changed since.
    unsafe {
        HEAPS.peek().for_each(|state| state.unlock_after_fork());
        HEAPS.unlock_after_fork();
    }
}

/// In the child of a fork: heaps that other threads owned have no owner.
///
/// # Safety
///
/// This thread called [`lock_all`].
unsafe fn forget_lost_owners() {
    // SAFETY: the caller's promise.
    unsafe { HEAPS.peek() }.for_each(State::forget_lost_owner);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::config::Settings;
    use crate::core_heap::CORE;
    use crate::process;
    use crate::sync::AtomicBool;

    /// With a handler of its own for this list, which of two threads registered first decided about the order, and a fork could wait for
    /// a home of a private heap whose holder waited for a span heap.
    #[test]
    fn one_handler_closes_the_locks_of_private_heaps_and_then_those_of_the_processs() {
        process::start(&Settings::DEFAULT);
        watch_forks();
        let (begun, free) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let heaps = HEAPS.lock();
            let forking = scope.spawn(|| {
                begun.store(true, Ordering::Relaxed);
                // SAFETY: one thread closes and opens them.
                unsafe {
                    process::before_fork();
                    let waited = free.load(Ordering::Relaxed);
                    process::after_fork();
                    waited
                }
            });
            while !begun.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            for _ in 0..1000 {
                // While it waits for the list, it has none of these.
                drop(CORE.spans.here());
                thread::yield_now();
            }
            free.store(true, Ordering::Relaxed);
            drop(heaps);
            assert!(forking.join().unwrap());
        });
    }
}
