//! A pointer that is made once: whoever needs it first brings it, all others take what is there.

use crate::sync::{AtomicPtr, Ordering};

/// What became of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is there for all from now on.
    Published,
    /// Another one was first; the candidate is still the caller's.
    Late,
}

/// Publishes `candidate` unless the place is taken. Returns what is there now.
pub(crate) fn publish<T>(place: &AtomicPtr<T>, candidate: *mut T) -> (*mut T, Outcome) {
    // Release pairs with the acquire of readers: what the candidate points to is seen before the pointer.
    match place.compare_exchange(core::ptr::null_mut(), candidate, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => (candidate, Outcome::Published),
        Err(other) => (other, Outcome::Late),
    }
}
