//! Numbers that are each held by one owner at a time, the lowest free one first.

use crate::atomic::{AtomicUsize, Ordering, const_fn};

/// Words in the set of numbers.
const WORDS: usize = 4;

/// Numbers that are held.
///
/// # Invariants
///
/// - **N1** A bit is set from [`claim`](Self::claim) to [`give_back`](Self::give_back), by one thread.
#[derive(Debug)]
pub(crate) struct LaneIds {
    words: [AtomicUsize; WORDS],
}

impl LaneIds {
    const_fn! {
        /// No number is held.
        pub(crate) const fn new() -> Self {
            Self { words: [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)] }
        }
    }

    /// Takes the lowest free number, if there is one.
    pub(crate) fn claim(&self) -> Option<usize> {
        for (index, word) in self.words.iter().enumerate() {
            let mut held = word.load(Ordering::Relaxed);
            while held != usize::MAX {
                let bit = held.trailing_ones();
                let taken = held | (1 << bit);
                // Acquire: pairs with `give_back`: what the last holder did comes before what we do.
                match word.compare_exchange_weak(held, taken, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(index * usize::BITS as usize + bit as usize),
                    Err(now) => held = now,
                }
            }
        }
        None
    }

    /// Gives a number back.
    ///
    /// # Safety
    ///
    /// The caller holds it, and does not use its lanes any more.
    pub(crate) unsafe fn give_back(&self, id: usize) {
        let bit = 1 << (id % usize::BITS as usize);
        // Release: pairs with `claim`.
        self.words[id / usize::BITS as usize].fetch_and(!bit, Ordering::Release);
    }
}
