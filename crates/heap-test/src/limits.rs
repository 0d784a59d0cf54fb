//! [`Limits`]: what an allocator under test can be asked for.
#![forbid(unsafe_code)]

use core::alloc::Layout;

use heap_core::SizeClasses;

/// What an allocator promises to serve, and so what the suite asks of it.
///
/// Every case takes a new allocator from the closure and stays within these bounds; within them an
/// `AllocError` fails the case. The default suits an allocator that grows: blocks up to 1 MiB, alignments up
/// to 64 KiB, and no more than 64 MiB in one allocator's life, so it may be one that never frees.
/// An allocator with less states it:
///
/// ```
/// use heap_test::Limits;
/// // An arena in a buffer of 256 KiB: half of it, since padding and bookkeeping take room too.
/// const BUFFER: Limits = Limits::DEFAULT.total(128 << 10);
/// assert_eq!(BUFFER.max_size, 128 << 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes that one instance can hand out in its whole life, counting a block as its size plus its alignment plus
    /// `overhead`, and a freed block as lost.
    pub total: usize,
    /// Size in bytes of the largest block.
    pub max_size: usize,
    /// The largest alignment in bytes, a power of two.
    pub max_align: usize,
    /// Bytes that a block may cost beyond its size and alignment: a header, or the rest of a slot.
    pub overhead: usize,
}

impl Limits {
    /// For an allocator that grows, see the type.
    pub const DEFAULT: Self = Self { total: 64 << 20, max_size: 1 << 20, max_align: 64 << 10, overhead: 0 };
    /// For an allocator that may refuse every request: cases try zero sizes and refusals only. With
    /// [`max_size`](Self::max_size) set again, a [`Program`](crate::Program) asks for memory and forgives every refusal.
    pub const NOTHING: Self = Self::DEFAULT.total(0);

    /// The same with another total, in bytes; the largest block and alignment shrink to it where they must.
    #[must_use]
    pub const fn total(mut self, bytes: usize) -> Self {
        self.total = bytes;
        if self.max_size > bytes {
            self.max_size = bytes;
        }
        while self.max_align > 1 && self.max_align > bytes / 16 {
            self.max_align /= 2;
        }
        self
    }

    /// The same with another largest block, in bytes.
    #[must_use]
    pub const fn max_size(mut self, bytes: usize) -> Self {
        self.max_size = bytes;
        self
    }

    /// The same with another largest alignment, in bytes, which is a power of two.
    #[must_use]
    pub const fn max_align(mut self, bytes: usize) -> Self {
        self.max_align = bytes;
        self
    }

    /// The same with blocks that cost so many bytes more than their size and alignment.
    ///
    /// ```
    /// use heap_test::Limits;
    /// // A pool of 1000 slots of 64 bytes: any block takes a slot.
    /// const POOL: Limits = Limits::DEFAULT.total(64 * 1000).max_size(64).max_align(64).overhead(64);
    /// # assert_eq!(POOL.total, 64_000);
    /// ```
    #[must_use]
    pub const fn overhead(mut self, bytes: usize) -> Self {
        self.overhead = bytes;
        self
    }

    /// Whether an allocator with these limits serves a block of `layout`, `times` over.
    #[must_use]
    pub const fn allow(&self, layout: Layout, times: usize) -> bool {
        layout.size() <= self.max_size && layout.align() <= self.max_align && times <= self.count_of(layout)
    }

    /// How many blocks of `layout` fit into the total.
    pub(crate) const fn count_of(&self, layout: Layout) -> usize {
        self.total / self.cost(layout)
    }

    /// What a block of `layout` takes out of the total, at least 1.
    pub(crate) const fn cost(&self, layout: Layout) -> usize {
        layout.size().saturating_add(layout.align()).saturating_add(self.overhead)
    }

    /// What one instance can serve, to count down.
    pub(crate) const fn budget(&self) -> Budget {
        Budget { limits: *self, left: self.total }
    }

    /// Sizes at which allocators change their mind: those of the size classes and their neighbours, ascending, up to
    /// the largest block.
    pub(crate) fn boundary_sizes(&self) -> impl Iterator<Item = usize> {
        let max = self.max_size;
        let classes = if max == 0 { 0 } else { SizeClasses::count_up_to(max) };
        (0..classes)
            .map(SizeClasses::class_size)
            .flat_map(|size| [size - 1, size, size + 1])
            .filter(move |&size| size <= max)
    }

    /// The alignments from 1 byte to the largest.
    pub(crate) fn alignments(&self) -> impl Iterator<Item = usize> {
        let max = self.max_align;
        (0..usize::BITS).map(|log2| 1 << log2).take_while(move |&align| align <= max)
    }
}

/// What a case may still ask of one instance.
pub(crate) struct Budget {
    limits: Limits,
    left: usize,
}

impl Budget {
    /// Takes one block of `layout` out of what is left, if the allocator must serve it.
    #[must_use]
    pub(crate) fn take(&mut self, layout: Layout) -> bool {
        let cost = self.limits.cost(layout);
        let served = cost <= self.left && self.limits.allow(layout, 1);
        self.left -= if served { cost } else { 0 };
        served
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_smaller_total_bounds_blocks_and_alignments() {
        let small = Limits::DEFAULT.total(1 << 10);
        assert_eq!((small.max_size, small.max_align), (1 << 10, 64));
        assert!(small.allow(Layout::from_size_align(448, 64).unwrap(), 2));
        assert!(!small.allow(Layout::from_size_align(449, 64).unwrap(), 2));
        assert_eq!(Limits::NOTHING.boundary_sizes().count(), 0);
    }

    #[test]
    fn boundary_sizes_lie_around_the_classes() {
        let sizes: Vec<_> = Limits::DEFAULT.max_size(100).boundary_sizes().collect();
        assert_eq!(sizes[..6], [7, 8, 9, 15, 16, 17]);
        assert!(sizes.contains(&81) && sizes.iter().all(|&size| size <= 100));
    }
}
