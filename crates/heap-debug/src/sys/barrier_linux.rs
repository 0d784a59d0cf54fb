//! `membarrier`: makes every running thread of the process pass a full barrier.

use std::time::Duration;

use crate::sync::{AtomicUsize, Ordering, compiler_fence};

const GLOBAL: libc::c_int = 1;
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

const UNKNOWN: usize = 0;
const NO: usize = 1;
const YES: usize = 2;

static ANSWER: AtomicUsize = AtomicUsize::new(UNKNOWN);

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: takes three numbers, touches no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Whether [`barrier_for_all`] is quick. Asks the system once. Every thread gets the same answer, so nothing is ordered by it.
pub(crate) fn has_barrier() -> bool {
    match ANSWER.load(Ordering::Relaxed) {
        UNKNOWN => {
            let answer = if membarrier(REGISTER_PRIVATE_EXPEDITED) { YES } else { NO };
            ANSWER.store(answer, Ordering::Relaxed);
            answer == YES
        }
        answer => answer == YES,
    }
}

/// The other half of [`barrier_for_all`]: keeps the compiler from swapping what stands before and behind. For the
/// processor the other thread's call is a barrier here.
#[inline(always)]
pub(crate) fn barrier_here() {
    compiler_fence(Ordering::SeqCst);
}

/// When this returns, every thread has passed a full memory barrier since it was called. Only where [`has_barrier`].
pub(crate) fn barrier_for_all() {
    // A child of a fork may have lost the registration; a filter may have come since. The slow one needs none.
    if !membarrier(PRIVATE_EXPEDITED) && !membarrier(GLOBAL) {
        // Stores leave a processor within nanoseconds, and at every interrupt.
        std::thread::sleep(Duration::from_millis(20));
    }
}
