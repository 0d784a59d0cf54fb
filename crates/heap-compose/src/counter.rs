//! [`Counter`]: a number that [`Limit`](crate::Limit) and [`Stats`](crate::Stats) keep, shared, private or not at all.

use core::cell::Cell;

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicUsize, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};

/// A `usize` that is counted up and down through a shared reference.
///
/// `AtomicUsize` is exact under threads; `Cell<usize>` costs less and stays on one thread; `()` counts nothing, and
/// what counts with it is compiled away. Each method of the atomic one is a single step in the counter's
/// modification order.
///
/// ```
/// use core::cell::Cell;
/// use heap_compose::Counter;
/// let used = Cell::new(0);
/// assert!(used.add_within(60, 100) && !used.add_within(60, 100));
/// assert_eq!(Counter::get(&used), 60);
/// ```
///
/// # Safety
///
/// No method panics, unwinds or allocates: they run on allocation paths.
pub unsafe trait Counter: Default {
    /// Whether it counts.
    const COUNTS: bool;
    /// The number now.
    fn get(&self) -> usize;
    /// Adds `n` and returns the new number.
    fn add(&self, n: usize) -> usize;
    /// Takes `n` away. What happened before it is seen by the [`add_within`](Self::add_within) that it makes room for.
    fn sub(&self, n: usize);
    /// Adds `n` if the sum is at most `max`.
    fn add_within(&self, n: usize, max: usize) -> bool;
    /// Makes it `n`, if it is less.
    fn raise_to(&self, n: usize);
}

#[inline]
fn sum_within(now: usize, n: usize, max: usize) -> Option<usize> {
    now.checked_add(n).filter(|&sum| sum <= max)
}

// SAFETY: atomic arithmetic, which wraps.
unsafe impl Counter for AtomicUsize {
    const COUNTS: bool = true;
    #[inline]
    fn get(&self) -> usize {
        self.load(Ordering::Relaxed)
    }
    #[inline]
    fn add(&self, n: usize) -> usize {
        self.fetch_add(n, Ordering::Relaxed).wrapping_add(n)
    }
    #[inline]
    fn sub(&self, n: usize) {
        // Release pairs with the Acquire in `add_within`: a child sees the free before the request that it admits.
        self.fetch_sub(n, Ordering::Release);
    }
    #[inline]
    fn add_within(&self, n: usize, max: usize) -> bool {
        let sum = |now| sum_within(now, n, max);
        self.fetch_update(Ordering::Acquire, Ordering::Relaxed, sum).is_ok()
    }
    #[inline]
    fn raise_to(&self, n: usize) {
        // Mostly the load decides, and the line stays shared.
        if self.load(Ordering::Relaxed) < n {
            self.fetch_max(n, Ordering::Relaxed);
        }
    }
}

// SAFETY: arithmetic that wraps.
unsafe impl Counter for Cell<usize> {
    const COUNTS: bool = true;
    #[inline]
    fn get(&self) -> usize {
        Cell::get(self)
    }
    #[inline]
    fn add(&self, n: usize) -> usize {
        self.set(Cell::get(self).wrapping_add(n));
        Cell::get(self)
    }
    #[inline]
    fn sub(&self, n: usize) {
        self.set(Cell::get(self).wrapping_sub(n));
    }
    #[inline]
    fn add_within(&self, n: usize, max: usize) -> bool {
        sum_within(Cell::get(self), n, max).map(|sum| self.set(sum)).is_some()
    }
    #[inline]
    fn raise_to(&self, n: usize) {
        self.set(Cell::get(self).max(n));
    }
}

// SAFETY: does nothing.
unsafe impl Counter for () {
    const COUNTS: bool = false;
    #[inline]
    fn get(&self) -> usize {
        0
    }
    #[inline]
    fn add(&self, _: usize) -> usize {
        0
    }
    #[inline]
    fn sub(&self, _: usize) {}
    #[inline]
    fn add_within(&self, _: usize, _: usize) -> bool {
        true
    }
    #[inline]
    fn raise_to(&self, _: usize) {}
}
