//! [`PoolOptions`]: what a pool's slots are aligned to, and how many it gets at a time.

use heap_core::Alignment;

/// How many slots the first slab has at least unless the options say otherwise.
const FIRST: usize = 8;

/// How many bytes of slots the first slab has unless the options say otherwise: little, because programs have many
/// small pools.
const FIRST_BYTES: usize = 1 << 10;

/// What a new pool is like: a builder, usable in constants.
///
/// By default slots have the alignment of their items, and the pool grows by slabs, each as large as all before it
/// together, so that `n` items take O(log n) calls to the child. Slots of a slab are not touched before they are
/// used, so a large slab costs addresses, not memory, where the child's fresh memory does.
///
/// ```
/// use heap_core::Alignment;
/// use heap_pool::{Pool, PoolOptions};
///
/// const OPTIONS: PoolOptions = PoolOptions::new().align(Alignment::of::<u128>()).growable(false);
/// let pool: Pool<u32> = Pool::with_options(OPTIONS);
/// pool.preheat(1)?;
/// let item = pool.create(7)?;
/// assert_eq!(item.addr().get() % 16, 0);
/// assert!(pool.create(8).is_err());
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "MemoryPoolOptions")]
#[doc(alias = "MemoryPoolExtra")]
#[doc(alias = "MemoryPoolAligned")]
#[doc(alias = "memory_pool.Options")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    alignment: Alignment,
    growable: bool,
    /// Zero: not said.
    first_slab: usize,
    max_slab: usize,
}

impl PoolOptions {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { alignment: Alignment::of::<u8>(), growable: true, first_slab: 0, max_slab: usize::MAX }
    }

    /// The least alignment of slots. That of the items counts if it is larger.
    #[must_use]
    pub const fn align(mut self, alignment: Alignment) -> Self {
        self.alignment = alignment;
        self
    }

    /// Whether the pool gets more slots by itself. If not, it has those of [`preheat`](crate::Pool::preheat), and
    /// keeps their number for ever: what a reset gives back to the child is fetched again when it is needed.
    #[must_use]
    pub const fn growable(mut self, growable: bool) -> Self {
        self.growable = growable;
        self
    }

    /// How many slots the first slab has: by default 1 KiB of them, at least eight.
    #[must_use]
    pub const fn first_slab(mut self, count: usize) -> Self {
        self.first_slab = count;
        self
    }

    /// How many slots a slab has at most: by default as many as all before it together. The same number as for
    /// [`first_slab`](Self::first_slab) makes slabs of equal size.
    #[must_use]
    pub const fn max_slab(mut self, count: usize) -> Self {
        self.max_slab = if count == 0 { 1 } else { count };
        self
    }

    pub(crate) const fn alignment(&self) -> Alignment {
        self.alignment
    }

    pub(crate) const fn is_growable(&self) -> bool {
        self.growable
    }

    /// How many slots of `size` bytes the next slab should have, when the pool has `total`.
    pub(crate) fn next_slab(&self, size: usize, total: usize) -> usize {
        let first = if self.first_slab == 0 { (FIRST_BYTES / size).max(FIRST) } else { self.first_slab };
        total.max(first).min(self.max_slab)
    }
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slabs_double_within_the_bounds() {
        let plain = PoolOptions::new();
        assert_eq!([plain.next_slab(8, 0), plain.next_slab(4096, 0), plain.next_slab(8, 999)], [128, 8, 999]);
        let bounded = plain.first_slab(3).max_slab(5);
        assert_eq!([0, 3, 4, 6, 99].map(|total| bounded.next_slab(8, total)), [3, 3, 4, 5, 5]);
        assert_eq!(plain.max_slab(0).next_slab(8, 0), 1);
    }
}
