//! A bump pointer that threads move together: one compare-exchange for each block.
//!
//! The counterpart of [`Bump`](crate::bump::Bump). A request that does not fit changes nothing, so a failed big one
//! leaves the rest usable (a fetch-add, one instruction cheaper, would not).

use core::alloc::Layout;

use crate::atomic::{AtomicUsize, Ordering, const_fn};
use crate::bump::{Fit, fit, may_grow};

/// How much of a span is taken, from its start, in bytes.
///
/// The span itself, `base..limit`, is passed in: `limit` may have grown since the last call.
///
/// # Invariants
///
/// - **Y1** `base + used` is at most the largest limit that was ever passed. (A thread may pass an older one.)
/// - **Y2** The bytes from `base + used` on are nobody's. Whoever moves `used` up owns what it passed over; only the
///   owner of the bytes just below it moves it down, and gives them up.
///
/// # Orderings
///
/// Bytes go from their last owner to the next through `used`: moving down is a release, moving up an acquire, and the
/// moves in between are read-modify-writes, which continue the release sequence.
#[derive(Debug)]
pub(crate) struct SyncBump {
    used: AtomicUsize,
}

impl SyncBump {
    const_fn! {
        /// A cursor behind the first `used` bytes.
        pub(crate) const fn new(used: usize) -> Self {
            Self { used: AtomicUsize::new(used) }
        }
    }

    /// Bytes taken.
    #[inline]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Gives bytes up, or takes some back: `used` are taken from now on.
    ///
    /// # Safety
    ///
    /// Nobody else uses the span meanwhile, and what makes that so orders it: this pairs with nothing. The bytes from
    /// `used` on are nobody's (Y2).
    pub(crate) unsafe fn set_used(&self, used: usize) {
        self.used.store(used, Ordering::Relaxed);
    }

    /// As [`try_take`](Self::try_take), without an exchange.
    ///
    /// # Safety
    ///
    /// Nobody else uses the span meanwhile, as for [`set_used`](Self::set_used).
    #[inline]
    pub(crate) unsafe fn try_take_alone(
        &self,
        base: usize,
        limit: usize,
        layout: Layout,
        wanted: usize,
    ) -> Option<Fit> {
        let fit = stretched(base + self.used(), limit, layout, wanted)?;
        self.used.store(fit.end - base, Ordering::Relaxed);
        Some(fit)
    }

    /// The cursor as it may have been, before the exchange that tells.
    ///
    /// Loom remembers one reader of a location, so that the look of one thread would hide the other's, and with it the
    /// interleavings in which it comes later; it remembers all who write, if only what was there.
    #[inline]
    fn peek(&self) -> usize {
        if cfg!(loom) { self.used.fetch_add(0, Ordering::Relaxed) } else { self.used.load(Ordering::Relaxed) }
    }

    /// Takes a block, and what is free behind it up to `wanted` bytes in all; or changes nothing. Lock-free.
    ///
    /// The caller owns `start..end` afterwards (and the padding before).
    #[inline]
    pub(crate) fn try_take(&self, base: usize, limit: usize, layout: Layout, wanted: usize) -> Option<Fit> {
        let mut used = self.peek();
        loop {
            // Y1: no overflow.
            let Fit { start, end } = stretched(base + used, limit, layout, wanted)?;
            // Acquire: pairs with the release of whoever gave up these bytes.
            let moved =
                self.used.compare_exchange_weak(used, end - base, Ordering::Acquire, Ordering::Relaxed);
            match moved {
                Ok(_) => return Some(Fit { start, end }),
                Err(now) => used = now,
            }
        }
    }

    /// Changes the size of a block in place, if it is the newest and there is room. `None`: it is not the newest.
    ///
    /// # Safety
    ///
    /// The caller owns `layout.size()` bytes, not zero, at the address `block`, of this span or outside of it.
    /// Afterwards it owns `new_size`, if that was agreed to.
    #[inline]
    pub(crate) unsafe fn resize_last(
        &self,
        base: usize,
        limit: usize,
        block: usize,
        layout: Layout,
        new_size: usize,
    ) -> Option<bool> {
        // Outside of the span this is no value that `used` can have.
        let end = block.wrapping_add(layout.size()).wrapping_sub(base);
        if self.peek() != end {
            return None;
        }
        let growing = new_size > layout.size();
        if growing && !may_grow(block, limit, layout.align(), new_size) {
            return Some(false);
        }
        // Acquire: pairs with the release of the bytes that are gained. Release: what we did with the bytes given up
        // comes before what their next owner does.
        let order = if growing { Ordering::Acquire } else { Ordering::Release };
        self.used.compare_exchange(end, block + new_size - base, order, Ordering::Relaxed).ok().map(|_| true)
    }
}

/// Places a layout as [`fit`] does, with what is behind it up to `wanted` bytes in all.
#[inline]
fn stretched(cursor: usize, limit: usize, layout: Layout, wanted: usize) -> Option<Fit> {
    // A limit read before the chunk grew may lie below the cursor, which `fit` does not allow.
    let Fit { start, end } = fit(cursor, limit.max(cursor), layout)?;
    let end = if wanted > end - start { start + wanted.min(limit - start) } else { end };
    Some(Fit { start, end })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const BASE: usize = 4096;

    fn bytes(size: usize) -> Layout {
        Layout::from_size_align(size, 1).unwrap()
    }

    #[test]
    fn a_limit_from_before_the_chunk_grew_refuses_even_absurd_sizes() {
        let bump = SyncBump::new(64);
        assert_eq!(bump.try_take(BASE, BASE + 2000, bytes(1000), 0), Some(Fit { start: 4160, end: 5160 }));
        for size in [1, 936, 2000, isize::MAX as usize - 936, isize::MAX as usize - 100, isize::MAX as usize]
        {
            assert_eq!(bump.try_take(BASE, BASE + 128, bytes(size), 0), None, "{size}");
        }
        assert_eq!(bump.used(), 1064);
    }

    #[test]
    fn what_is_wanted_beyond_the_block_is_given_up_to_the_limit() {
        let bump = SyncBump::new(0);
        let take =
            |size, wanted| bump.try_take(BASE, BASE + 100, bytes(size), wanted).map(|fit| fit.end - BASE);
        assert_eq!(
            [take(10, 0), take(10, 5), take(10, 30), take(10, 1000), take(1, 0)]
                .map(Option::unwrap_or_default),
            [10, 20, 50, 100, 0]
        );
    }
}
