//! A number for each thread that ever owns a private heap, never used twice: so a number that equals the owner's *is* the owner,
//! whatever became of other threads. (The address of thread-local storage would do for a comparison too, but a later
//! thread, or a thread of a forked child, may get the same one.)
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
use core::cell::Cell;

#[cfg(not(feature = "std"))]
use crate::nobody::Nobody;
use crate::sync::{AtomicUsize, Ordering};

/// The number of a thread that has none yet.
const NEW: usize = usize::MAX;
/// The number of a thread that gets none: it ends, or registers for its end just now.
const NONE: usize = usize::MAX - 1;

#[cfg(feature = "std")]
std::thread_local! {
    /// Without a destructor, so every destructor of the thread may ask.
    static NUMBER: Cell<usize> = const { Cell::new(NEW) };
}

/// Without std nobody owns anything.
#[cfg(not(feature = "std"))]
static NUMBER: Nobody = Nobody(NONE);

/// The calling thread's number, or one that no heap has as its owner.
#[inline(always)]
pub(crate) fn number() -> usize {
    NUMBER.get()
}

/// The calling thread's number, given to it if it has none and `register` succeeds, which sees to it that [`leave`] is called at
/// the thread's end. `None`: the thread must not own anything. No lock is held: to register may allocate.
pub(crate) fn join(register: impl FnOnce() -> bool) -> Option<usize> {
    if NUMBER.get() == NEW {
        // What is allocated meanwhile, perhaps from the very heap that asks, does without an owner.
        NUMBER.set(NONE);
        if register() {
            NUMBER.set(next().unwrap_or(NONE));
        }
    }
    Some(NUMBER.get()).filter(|&number| number < NONE)
}

/// The calling thread ends: it gets no number from now on. Returns the one that it had.
pub(crate) fn leave() -> usize {
    NUMBER.replace(NONE)
}

/// A number that no thread had. Zero is nobody's. `None`: all are used up.
fn next() -> Option<usize> {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: that no number comes twice is all there is to it.
    let counted = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
        last.checked_add(1).filter(|&next| next < NONE)
    });
    counted.ok().map(|last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_a_number_of_its_own_until_it_leaves() {
        let of_other = || {
            std::thread::spawn(|| {
                assert_eq!(join(|| false), None, "nobody would be told");
                assert_eq!(join(|| true), None, "one attempt a thread");
            })
            .join()
            .unwrap();
            std::thread::spawn(|| {
                let own = join(|| join(|| true).is_none()).unwrap();
                assert_eq!((number(), join(|| false)), (own, Some(own)));
                assert_eq!(leave(), own);
                assert_ne!(number(), own);
                assert_eq!(join(|| true), None, "not again after the end");
                own
            })
            .join()
            .unwrap()
        };
        let mut seen: Vec<_> = (0..50).map(|_| of_other()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 50);
        assert!(seen[0] > 0, "zero is nobody's");
    }
}
