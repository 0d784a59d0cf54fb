//! What waits in depots and overflows goes home: when memory that is not resident would be touched, when the system gives no more,
//! and when nobody asked for it.

use crate::chain::Link;
use crate::config::UNIT;
use crate::core_heap::CoreHeap;
use crate::size::CLASS;
use crate::sync::Ordering;

/// The part of what is in use, as a divisor, that may wait in the overflows while fresh memory is touched.
const OVERFLOW_PART: usize = 64;
/// Bytes that go home at once at the least, and the part of what waits.
const STEP_MIN: usize = 1 << 20;
const STEP_PART: usize = 16;

impl CoreHeap {
    /// Whether a chain may be in some overflow.
    #[inline]
    pub(crate) fn is_overflowing(&self) -> bool {
        self.overflowing.load(Ordering::Relaxed)
    }

    /// Memory that is not resident is about to be touched: brings home a part of what is in the overflows, class by class, so that
    /// whole slabs become free. Does nothing if they hold little. No lock is held.
    ///
    /// A part only, because the caller waits: a million blocks take some 20 milliseconds. As each slab that is opened in fresh
    /// memory brings home many times as much as it is long, the sum of those is a small part of what waited.
    #[cold]
    #[inline(never)]
    pub(crate) fn bring_overflow_home(&self) {
        let classes = || self.groups.iter().flat_map(|group| group.overflows.iter().zip(&CLASS).enumerate());
        let held: usize =
            classes().map(|(_, (overflow, known))| overflow.chains() * known.chain_bytes()).sum();
        if held <= self.spans.lock().counts.in_use * UNIT / OVERFLOW_PART {
            return;
        }
        // First: what comes meanwhile sets it again.
        self.overflowing.store(false, Ordering::Relaxed);
        let mut left = STEP_MIN.max(held / STEP_PART);
        for (class, (overflow, known)) in classes() {
            let chains = overflow.chains();
            let some = chains.min(left.div_ceil(known.chain_bytes()));
            self.empty(class, some, || overflow.pop());
            left = left.saturating_sub(some * known.chain_bytes());
            if some < chains {
                self.overflowing.store(true, Ordering::Relaxed);
                return;
            }
        }
    }

    /// Brings home up to `chains` chains that `next` gives, or fewer if it gives null.
    fn empty(&self, class: usize, chains: usize, next: impl Fn() -> *mut Link) {
        for chain in (0..chains).map(|_| next()).take_while(|chain| !chain.is_null()) {
            // SAFETY: P1, O1: a chain that was taken out is ours alone.
            unsafe { self.bring_home(class, chain) }
        }
    }

    /// Brings the chains of a class's depots and overflows home.
    pub(crate) fn drain_depot(&self, class: usize) {
        for group in self.groups.iter() {
            let overflow = &group.overflows[class];
            self.empty(class, overflow.chains(), || overflow.pop());
            self.empty(class, usize::MAX, || group.depots[class].pop_any());
        }
    }
}
