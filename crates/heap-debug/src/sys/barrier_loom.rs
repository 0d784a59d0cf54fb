//! The barriers as the model checker knows them: a pair of full fences.
//!
//! One thread passes a full barrier where the other's `barrier_for_all` makes it, so the pair is no weaker than two
//! fences (*asymmetric fences*, P1202 of the C++ committee); what holds for the fences holds for it.

use crate::sync::{Ordering, fence};

pub(crate) fn has_barrier() -> bool {
    true
}

pub(crate) fn barrier_here() {
    fence(Ordering::SeqCst);
}

pub(crate) fn barrier_for_all() {
    fence(Ordering::SeqCst);
}
