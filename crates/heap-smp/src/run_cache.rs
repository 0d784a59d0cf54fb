//! Large runs that were freed a moment ago, kept whole for the next request of the same length.
//!
//! A program that takes and gives a large block in a loop would have its run searched for in bitmaps, described and
//! forgotten each time, under the one lock of the span heap. Here the way there and back is two short locks, each
//! shared only with requests of like length.
//!
//! What is parked is never missed: before the span heap touches memory that was not resident, and before a block that
//! could grow in place is moved, all parked runs go back to it ([`RunCache::drain`]). So parking costs no memory. What
//! nobody asked for during a tick or two goes back as well ([`RunCache::age`]).

use crossbeam_utils::CachePadded;

use crate::config::UNIT;
use crate::directory::Directory;
use crate::lock::{Guard, Lock};
use crate::segment::{Purpose, Segment, Span};
use crate::span_heap::{SpanHeap, Taken, WATCH_FROM};
use crate::sync::{AtomicUsize, Ordering};

/// Shards: requests of different lengths rarely meet.
const SHARDS: usize = 16;
/// Runs that a shard keeps: a few blocks of one length are often alive at once.
const PLACES: usize = 4;
/// Units parked at the most, in all: twice the longest run that is worth parking.
const UNITS_MAX: usize = (16 << 20) / UNIT;
/// The longest run that is parked, in units: to search for a longer one is nothing beside its use.
const RUN_UNITS_MAX: usize = (8 << 20) / UNIT;
/// Ticks without a request after which a shard's runs go back.
const QUIET: u8 = 2;

/// A run that waits.
#[derive(Clone, Copy, Debug)]
struct Parked {
    segment: &'static Segment,
    span: &'static Span,
}

/// The runs of like lengths.
///
/// # Invariants
///
/// - **R1** A run is in `places` if and only if its span [is parked](Span::is_parked); the mark changes under this
///   shard's lock only.
#[derive(Debug)]
pub(crate) struct Shard {
    places: [Option<Parked>; PLACES],
    /// Ticks since a run was parked or taken.
    quiet: u8,
}

/// All parked runs of a heap. Lock order: a class's home, a shard, the span heap.
///
/// # Invariants
///
/// - **R2** `held` is the sum of the parked runs' units, but for threads that are between a change and its count.
#[derive(Debug)]
pub(crate) struct RunCache {
    shards: [CachePadded<Lock<Shard>>; SHARDS],
    held: AtomicUsize,
}

impl RunCache {
    pub(crate) const fn new() -> Self {
        Self {
            shards: [const { CachePadded::new(Lock::new(Shard { places: [None; PLACES], quiet: 0 })) }; SHARDS],
            held: AtomicUsize::new(0),
        }
    }

    /// Units that are parked. Exact while no other thread parks or takes.
    #[inline]
    pub(crate) fn held(&self) -> usize {
        // Relaxed: a hint; what is parked is reached under a shard's lock.
        self.held.load(Ordering::Relaxed)
    }

    /// Whether so much is parked that somebody should watch it.
    pub(crate) fn is_worth_watching(&self) -> bool {
        self.held() * UNIT >= WATCH_FROM
    }

    /// The shard for runs of `units`.
    #[inline]
    pub(crate) fn shard(&self, units: usize) -> Guard<'_, Shard> {
        self.shards[units % SHARDS].lock()
    }

    /// A parked run of exactly `units` whose address is a multiple of `align` bytes.
    #[inline]
    pub(crate) fn take(&self, units: usize, align: usize) -> Option<&'static Span> {
        if self.held() == 0 {
            return None;
        }
        let mut shard = self.shard(units);
        let fits = |parked: &Parked| {
            parked.span.units() == units && parked.span.base().addr().is_multiple_of(align)
        };
        let place = shard.places.iter_mut().find(|place| place.as_ref().is_some_and(fits))?;
        let parked = place.take()?;
        parked.span.set_parked(false);
        shard.quiet = 0;
        self.held.fetch_sub(units, Ordering::Relaxed);
        Some(parked.span)
    }

    /// Parks a run that was freed. `false`: there is no room for it. The caller holds the run's shard, and gives the
    /// run up.
    #[inline]
    pub(crate) fn park(&self, shard: &mut Shard, segment: &'static Segment, span: &'static Span) -> bool {
        let units = span.units();
        if units > RUN_UNITS_MAX || self.held() + units > UNITS_MAX {
            return false;
        }
        let Some(place) = shard.places.iter_mut().find(|place| place.is_none()) else { return false };
        *place = Some(Parked { segment, span });
        shard.quiet = 0;
        span.set_parked(true);
        self.held.fetch_add(units, Ordering::Relaxed);
        true
    }

    /// Takes `units` from the span heap. All parked runs go back to it before it touches memory that is not resident.
    pub(crate) fn take_fresh(
        &self,
        spans: &Lock<SpanHeap>,
        directory: &Directory,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        let mut heap = spans.lock();
        if self.held() > 0 {
            if let Some(taken) = heap.take_resident(units, align, purpose) {
                return Some(taken);
            }
            drop(heap);
            self.drain(spans);
            heap = spans.lock();
        }
        heap.take(directory, units, align, purpose)
    }

    /// Gives all parked runs back to the span heap. Says whether there were any.
    #[cold]
    #[inline(never)]
    pub(crate) fn drain(&self, spans: &Lock<SpanHeap>) -> bool {
        self.shards.iter().filter(|shard| self.empty(&mut shard.lock(), spans)).count() > 0
    }

    /// A tick has passed: gives back what nobody asked for. Says whether anything is still parked.
    pub(crate) fn age(&self, spans: &Lock<SpanHeap>) -> bool {
        for shard in &self.shards {
            let mut shard = shard.lock();
            shard.quiet = shard.quiet.saturating_add(1);
            if shard.quiet >= QUIET {
                self.empty(&mut shard, spans);
            }
        }
        self.held() > 0
    }

    fn empty(&self, shard: &mut Shard, spans: &Lock<SpanHeap>) -> bool {
        let mut any = false;
        for parked in shard.places.iter_mut().filter_map(Option::take) {
            parked.span.set_parked(false);
            self.held.fetch_sub(parked.span.units(), Ordering::Relaxed);
            spans.lock().give(parked.segment, parked.span);
            any = true;
        }
        any
    }

    /// Closes all shards, so that a fork finds them whole.
    pub(crate) fn lock_for_fork(&self) {
        self.shards.iter().for_each(|shard| shard.lock_for_fork());
    }

    /// Opens them again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        self.shards.iter().for_each(|shard| unsafe { shard.unlock_after_fork() });
    }

    /// R1 and R2 recounted: the units that are parked, or `None` if the books are wrong.
    ///
    /// # Safety
    ///
    /// All shards are closed by this thread.
    pub(crate) unsafe fn recount(&self) -> Option<usize> {
        let mut units = 0;
        for shard in &self.shards {
            // SAFETY: the caller's promise.
            for parked in unsafe { shard.peek() }.places.iter().flatten() {
                if !parked.span.is_parked() {
                    return None;
                }
                units += parked.span.units();
            }
        }
        (units == self.held()).then_some(units)
    }
}
