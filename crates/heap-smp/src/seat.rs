//! A small number for each thread that has some, given to another thread after its end: which row of the run cache is its own.
#![forbid(unsafe_code)]

#[cfg(feature = "std")]
use core::cell::Cell;

#[cfg(not(feature = "std"))]
use crate::nobody::Nobody;
use crate::sync::{AtomicUsize, Ordering};

/// Seats: a bit of a word for each.
pub(crate) const SEATS: usize = usize::BITS as usize;

/// The number of a thread without a seat.
const NONE: usize = SEATS;

/// Bit set: some thread has the seat.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

#[cfg(feature = "std")]
std::thread_local! {
    /// Without a destructor, so every destructor of the thread may ask.
    static SEAT: Cell<usize> = const { Cell::new(NONE) };
}

/// Without std nobody has a seat.
#[cfg(not(feature = "std"))]
static SEAT: Nobody = Nobody(NONE);

/// The calling thread's seat; [`SEATS`] if it has none. Nobody else has it at the same time.
#[inline(always)]
pub(crate) fn own() -> usize {
    SEAT.get()
}

/// Whether no two threads have one, for the moment.
#[inline]
pub(crate) fn is_taken_by_one() -> bool {
    let taken = TAKEN.load(Ordering::Relaxed);
    taken & taken.wrapping_sub(1) == 0
}

/// Gives the calling thread a seat, if one is left. The caller sees to it that [`leave`] is called at the thread's end.
pub(crate) fn take() {
    if own() != NONE {
        return;
    }
    // Acquire pairs with the release in `leave`: the next thread finds the row as the last one left it.
    let free = |taken: usize| (taken != usize::MAX).then(|| taken | (taken + 1));
    if let Ok(taken) = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, free) {
        SEAT.set(taken.trailing_ones() as usize);
    }
}

/// The calling thread ends: the next one may have its seat.
pub(crate) fn leave() {
    let seat = SEAT.replace(NONE);
    if seat != NONE {
        TAKEN.fetch_and(!(1 << seat), Ordering::Release);
    }
}

/// In the child of a fork: the other threads are not there, and need no seats.
pub(crate) fn keep_own_only() {
    TAKEN.store(1usize.checked_shl(own() as u32).unwrap_or(0), Ordering::Relaxed);
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn no_two_threads_have_one_seat_and_those_beyond_do_without() {
        const THREADS: usize = SEATS + 10;
        let all = Barrier::new(THREADS);
        let mut seats: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        take();
                        let seat = own();
                        all.wait();
                        leave();
                        assert_eq!(own(), NONE);
                        seat
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        seats.retain(|&seat| seat != NONE);
        seats.sort_unstable();
        let count = seats.len();
        seats.dedup();
        // Other tests' threads may have some.
        assert!(count > 0 && count <= SEATS && seats.len() == count);
    }
}
