//! A number that nobody outside this process can guess, and cheap random numbers made from it.

use core::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use crate::sync::{AtomicUsize, Ordering};

/// Zero: not drawn yet.
static SECRET: AtomicUsize = AtomicUsize::new(0);

/// The process's secret, which is not zero. A load, after the first time.
#[inline]
pub(crate) fn secret() -> usize {
    match SECRET.load(Ordering::Relaxed) {
        0 => draw(),
        known => known,
    }
}

#[cold]
#[inline(never)]
fn draw() -> usize {
    // The standard library's keys for hash maps are drawn from the system, once a thread, without an allocation.
    let drawn = RandomState::new().hash_one(&raw const SECRET as usize) as usize | 1;
    // Relaxed: the number says all; the first thread's stays.
    match SECRET.compare_exchange(0, drawn, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => drawn,
        Err(known) => known,
    }
}

/// Random numbers of one thread: Marsaglia's xorshift, seeded by the secret.
#[derive(Debug)]
pub(crate) struct Random {
    /// Zero: not seeded yet.
    state: Cell<u64>,
}

impl Random {
    pub(crate) const fn new() -> Self {
        Self { state: Cell::new(0) }
    }

    /// Seeds it. `salt` differs from thread to thread.
    pub(crate) fn seed(&self, salt: usize) {
        self.state
            .set((secret() as u64).rotate_left(29) ^ (salt as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    }

    /// A number below `limit`, which fits 32 bits. Zero, always, before the seed.
    #[inline]
    pub(crate) fn below(&self, limit: usize) -> usize {
        let mut x = self.state.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.state.set(x);
        (((x >> 32) * limit as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_reach_every_value_below_the_limit() {
        let random = Random::new();
        random.seed(1);
        let mut seen = [0; 7];
        (0..7000).for_each(|_| seen[random.below(7)] += 1);
        assert!(seen.iter().all(|&count| (800..1200).contains(&count)), "{seen:?}");
    }

    #[test]
    fn the_secret_stays_and_is_not_zero() {
        assert_ne!(secret(), 0);
        assert_eq!(secret(), secret());
    }
}
