//! Which allocations are counted, and how much each stands for.

use heap_core::Allocator;

use crate::counts::PARTS;
use crate::debug_allocator::DebugAllocator;
use crate::ledger::Ledger;
use crate::thread;
use crate::trace::Trace;

/// Bytes and parts of blocks that a counted block of `size` bytes stands for.
///
/// A block is counted when one of its bytes is drawn, each with chance `1 / interval`: with probability
/// `1 - exp(-size / interval)`. It stands for as many as would be needed to draw one.
fn weight(size: usize, interval: usize) -> (usize, usize) {
    if interval == 0 {
        return (size, PARTS);
    }
    let chance = -(-(size as f64) / interval as f64).exp_m1();
    let blocks = 1.0 / chance;
    ((size as f64 * blocks).round() as usize, (PARTS as f64 * blocks).round() as usize)
}

/// Bytes until the next one is drawn: an exponential variate with mean `interval`.
fn distance(interval: usize, random: u64) -> isize {
    // 53 bits make a number in (0, 1].
    let uniform = ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    (-uniform.ln() * interval as f64) as isize
}

impl<A: Allocator> DebugAllocator<A> {
    /// Whether the next allocation is to be counted.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_sample(&self, size: usize) -> bool {
        match self.config.profile {
            None => false,
            Some(0) => true,
            Some(interval) => thread::sample_due(size, |random| distance(interval, random)),
        }
    }

    /// Counts a block.
    #[cold]
    #[inline(never)]
    pub(crate) fn count_alloc(&self, ledger: &Ledger, site: Trace, size: usize) {
        let (bytes, parts) = weight(size, self.config.profile.unwrap_or(0));
        if let Ok(mut counts) = ledger.counts.lock(thread::token()) {
            counts.add(site, bytes, parts);
        }
    }

    /// Counts a block no more.
    #[cold]
    #[inline(never)]
    pub(crate) fn count_free(&self, ledger: &Ledger, site: Trace, size: usize) {
        let (bytes, parts) = weight(size, self.config.profile.unwrap_or(0));
        if let Ok(mut counts) = ledger.counts.lock(thread::token()) {
            counts.remove(site, bytes, parts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_stands_for_the_whole() {
        assert_eq!(weight(100, 0), (100, PARTS));
        assert_eq!(weight(1 << 30, 1000), (1 << 30, PARTS));
        let mut random = 1_u64;
        for size in [10, 100, 1000, 5000] {
            let (mut left, mut bytes, mut blocks) = (0_isize, 0, 0);
            for _ in 0..200_000 {
                left -= size as isize;
                while left < 0 {
                    let counted = weight(size, 1000);
                    (bytes, blocks) = (bytes + counted.0, blocks + counted.1);
                    // Without memory: what is over is drawn anew.
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    left = distance(1000, random);
                }
            }
            let (bytes, blocks) =
                (bytes as f64 / (200_000 * size) as f64, blocks as f64 / (200_000 * PARTS) as f64);
            assert!((0.9..1.1).contains(&bytes) && (0.9..1.1).contains(&blocks), "{size}: {bytes} {blocks}");
        }
    }
}
