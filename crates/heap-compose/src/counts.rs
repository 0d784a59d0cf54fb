//! [`Counts`]: the numbers that [`Stats`](crate::Stats) keeps.
#![forbid(unsafe_code)]

use core::{array, fmt};

use heap_core::SizeClasses;

use crate::counter::{AtomicUsize, Counter};

/// Every layout's size class.
const CLASSES: usize = SizeClasses::count_up_to(isize::MAX as usize);

/// What happened to an allocator's blocks. Bytes are requested bytes; requests of size zero are not counted.
///
/// Each number is exact under threads: every call changes it in one atomic step between its begin and its end, so it is
/// the number after some order of the calls that the callers cannot tell from the real one. Numbers read one after the
/// other, while other threads allocate, belong to different moments of that order.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::{Counts, Stats};
/// use heap_core::{Allocator, Global};
///
/// fn report(counts: &Counts) -> String {
///     format!("{} blocks live, {} bytes at most", counts.live_blocks(), counts.high_water())
/// }
///
/// let heap = Stats::new(Global);
/// let block = heap.alloc(Layout::new::<[u8; 50]>())?;
/// assert_eq!(report(heap.counts()), "1 blocks live, 50 bytes at most");
/// # unsafe { heap.free(block.cast(), Layout::new::<[u8; 50]>()) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - **C1** Each value that a step raises `live` to is offered to `high_water`, so when no call is under way
///   `high_water` is the largest value in `live`'s modification order.
pub struct Counts<C = AtomicUsize> {
    /// Blocks ever made, by size class.
    made: [C; CLASSES],
    numbers: [C; Number::COUNT],
}

/// Names for the places in `numbers`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Frees,
    Resizes,
    Remaps,
    Refusals,
    Failures,
    Live,
    HighWater,
}

impl Number {
    const ALL: [Self; 7] = {
        use Number::*;
        [Frees, Resizes, Remaps, Refusals, Failures, Live, HighWater]
    };
    const COUNT: usize = Self::ALL.len();
}

#[cfg(not(loom))]
impl Counts {
    pub(crate) const fn new() -> Self {
        Self {
            made: [const { AtomicUsize::new(0) }; CLASSES],
            numbers: [const { AtomicUsize::new(0) }; Number::COUNT],
        }
    }
}

impl<C: Counter> Default for Counts<C> {
    fn default() -> Self {
        Self { made: array::from_fn(|_| C::default()), numbers: array::from_fn(|_| C::default()) }
    }
}

impl<C: Counter> Counts<C> {
    #[inline]
    pub(crate) fn at(&self, number: Number) -> &C {
        &self.numbers[number as usize]
    }

    /// A block of `size` bytes, which is not zero, was made.
    #[inline]
    pub(crate) fn made(&self, size: usize) {
        if let Some(class) = self.made.get(SizeClasses::class_of(size)) {
            class.add(1);
        }
        self.raise(size);
    }

    /// `live` grows (C1).
    #[inline]
    pub(crate) fn raise(&self, bytes: usize) {
        self.at(Number::HighWater).raise_to(self.at(Number::Live).add(bytes));
    }

    /// Blocks made so far. O(size classes).
    pub fn allocs(&self) -> usize {
        self.made.iter().fold(0, |sum, class| sum.wrapping_add(class.get()))
    }

    /// Blocks freed so far.
    pub fn frees(&self) -> usize {
        self.at(Number::Frees).get()
    }

    /// Blocks resized in place so far.
    pub fn resizes(&self) -> usize {
        self.at(Number::Resizes).get()
    }

    /// Blocks remapped so far.
    pub fn remaps(&self) -> usize {
        self.at(Number::Remaps).get()
    }

    /// Calls of `resize` and `remap` that were refused so far.
    pub fn refusals(&self) -> usize {
        self.at(Number::Refusals).get()
    }

    /// Requests so far for which there was no memory.
    pub fn failures(&self) -> usize {
        self.at(Number::Failures).get()
    }

    /// Blocks not freed. O(size classes).
    pub fn live_blocks(&self) -> usize {
        let frees = self.frees();
        self.allocs().saturating_sub(frees)
    }

    /// Bytes of the blocks not freed.
    pub fn live_bytes(&self) -> usize {
        self.at(Number::Live).get()
    }

    /// The most bytes that were live at once.
    pub fn high_water(&self) -> usize {
        self.at(Number::HighWater).get()
    }

    /// For each size class that was asked for: its size in bytes, and the blocks made for it so far.
    pub fn histogram(&self) -> impl Iterator<Item = (usize, usize)> {
        let class = |(class, made): (usize, &C)| (SizeClasses::class_size(class), made.get());
        self.made.iter().enumerate().map(class).filter(|&(_, made)| made != 0)
    }
}

impl<C: Counter> fmt::Debug for Counts<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = Number::ALL.map(|number| (number, self.at(number).get()));
        f.debug_map().entry(&"Allocs", &self.allocs()).entries(numbers).finish()
    }
}
