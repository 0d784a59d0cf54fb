//! The source of every choice in the workloads: xorshift with a multiply (Vigna 2016), the same on all machines.

/// A stream of numbers fixed by its seed.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        // Spread small seeds over the word; the state must not be zero.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    #[inline]
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which must not be zero.
    #[inline]
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A number in `low..=high`.
    #[inline]
    pub(crate) fn range(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    #[cfg(feature = "some-real")]
    /// True `percent` times of a hundred.
    #[inline]
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A size in bytes as programs ask for them: each doubling from 8 to `max` is half as likely as the last.
    #[inline]
    pub(crate) fn size(&mut self, max: usize) -> usize {
        let doublings = (max / 8).max(1).ilog2();
        let step = self.next().trailing_ones().min(doublings.saturating_sub(1));
        let low = 8usize << step;
        self.range(low, (2 * low).min(max))
    }

    /// Shuffles in place (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_kept_and_reached() {
        let mut rng = Rng::new(1);
        let seen: Vec<usize> = (0..10_000).map(|_| rng.range(3, 9)).collect();
        assert_eq!((seen.iter().min(), seen.iter().max()), (Some(&3), Some(&9)));
    }

    #[test]
    fn sizes_reach_the_largest_and_mostly_stay_small() {
        let mut rng = Rng::new(2);
        let sizes: Vec<usize> = (0..100_000).map(|_| rng.size(8_192)).collect();
        assert!(sizes.iter().all(|size| (8..=8_192).contains(size)));
        assert!(sizes.iter().any(|&size| size > 4_096));
        let small = sizes.iter().filter(|&&size| size <= 32).count();
        assert!((70_000..80_000).contains(&small), "{small}");
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..1_000).collect();
        Rng::new(3).shuffle(&mut items);
        assert!(items.iter().enumerate().any(|(place, &item)| place != item));
        items.sort_unstable();
        assert!(items.into_iter().eq(0..1_000));
    }
}
