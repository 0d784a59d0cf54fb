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
use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// Stripes: requests of different lengths rarely meet.
const STRIPES: usize = 16;
/// Runs that a stripe keeps: a few blocks of one length are often alive at once.
const PLACES: usize = 4;
/// The longest run that is parked, in units: to search for a longer one is nothing beside its use. No stripe keeps more.
const UNITS_MAX: usize = (8 << 20) / UNIT;
/// Ticks without a request after which a stripe's runs go back.
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
///   stripe's lock only.
/// - **R2** `units` is the sum over `places`, and `most` no less.
#[derive(Debug)]
pub(crate) struct Stripe {
    places: [Option<Parked>; PLACES],
    /// The sum of their units.
    units: usize,
    /// The most that `units` was since all runs went back: its share of [`Hints::most`].
    most: usize,
    /// Ticks since a run was parked or taken.
    quiet: u8,
}

/// All parked runs of a heap. Lock order: a class's home, a stripe, the span heap.
///
/// # Invariants
///
/// - **R3** Where a run is parked, `any` is set, or a thread that is draining has yet to come to its stripe.
#[derive(Debug)]
pub(crate) struct RunCache {
    stripes: [CachePadded<Lock<Stripe>>; STRIPES],
    hints: CachePadded<Hints>,
}

/// What all stripes hold together, as far as it can be known without their locks. Read by each request, seldom written: a program
/// that takes and gives the same again changes neither.
#[derive(Debug)]
struct Hints {
    any: AtomicBool,
    /// The sum of the stripes' `most`: no fewer units than are parked.
    most: AtomicUsize,
}

impl RunCache {
    pub(crate) const fn new() -> Self {
        const STRIPE: Stripe = Stripe { places: [None; PLACES], units: 0, most: 0, quiet: 0 };
        Self {
            stripes: [const { CachePadded::new(Lock::new(STRIPE)) }; STRIPES],
            hints: CachePadded::new(Hints { any: AtomicBool::new(false), most: AtomicUsize::new(0) }),
        }
    }

    /// Whether runs may be parked.
    #[inline]
    fn any(&self) -> bool {
        // Relaxed: a hint; what is parked is reached under a stripe's lock.
        self.hints.any.load(Ordering::Relaxed)
    }

    /// Whether so much is parked, of all lengths together, that somebody should watch it.
    #[inline]
    pub(crate) fn is_worth_watching(&self) -> bool {
        // Relaxed: a count.
        self.hints.most.load(Ordering::Relaxed) * UNIT >= WATCH_FROM
    }

    /// Units that are parked. Exact while no other thread parks or takes. O(1).
    pub(crate) fn held(&self) -> usize {
        self.stripes.iter().map(|stripe| stripe.lock().units).sum()
    }

    /// The stripe for runs of `units`.
    #[inline]
    pub(crate) fn stripe(&self, units: usize) -> Guard<'_, Stripe> {
        self.stripes[units % STRIPES].lock()
    }

    /// A parked run of exactly `units` whose address is a multiple of `align` bytes.
    #[inline]
    pub(crate) fn take(&self, units: usize, align: usize) -> Option<&'static Span> {
        if !self.any() {
            return None;
        }
        let stripe = &mut *self.stripe(units);
        let fits =
            |parked: &Parked| parked.span.units() == units && parked.span.base().addr().is_multiple_of(align);
        let place = stripe.places.iter_mut().find(|place| place.as_ref().is_some_and(fits))?;
        let parked = place.take()?;
        parked.span.set_parked(false);
        stripe.units -= units;
        stripe.quiet = 0;
        Some(parked.span)
    }

    /// Parks a run that was freed, if there is room for it, and says whether so much is parked that somebody should watch
    /// it. `None`: there is no room. The caller holds the run's stripe, and gives the run up.
    #[inline]
    pub(crate) fn park(
        &self,
        stripe: &mut Stripe,
        segment: &'static Segment,
        span: &'static Span,
    ) -> Option<bool> {
        let units = stripe.units + span.units();
        if units > UNITS_MAX {
            return None;
        }
        let place = stripe.places.iter_mut().find(|place| place.is_none())?;
        *place = Some(Parked { segment, span });
        stripe.units = units;
        if units > stripe.most {
            self.hints.most.fetch_add(units - stripe.most, Ordering::Relaxed);
            stripe.most = units;
        }
        stripe.quiet = 0;
        span.set_parked(true);
        if !self.any() {
            self.hints.any.store(true, Ordering::Relaxed);
        }
        Some(self.is_worth_watching())
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
        if self.any() {
            if let Some(taken) = heap.take_resident(units, align, purpose) {
                return Some(taken);
            }
            drop(heap);
            self.drain(spans);
            heap = spans.lock();
        }
        heap.take(directory, units, align, purpose)
    }

    /// Gives all parked runs back to the span heap. Says whether there were any. O(1).
    #[cold]
    #[inline(never)]
    pub(crate) fn drain(&self, spans: &Lock<SpanHeap>) -> bool {
        // First: what is parked meanwhile sets it again (R3).
        if !self.any() || !self.hints.any.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.stripes.iter().filter(|stripe| self.empty(&mut stripe.lock(), spans)).count() > 0
    }

    /// A tick has passed: gives back what nobody asked for. Says whether anything is still parked.
    pub(crate) fn age(&self, spans: &Lock<SpanHeap>) -> bool {
        let mut left = 0;
        for stripe in &self.stripes {
            let mut stripe = stripe.lock();
            stripe.quiet = stripe.quiet.saturating_add(1);
            if stripe.quiet >= QUIET {
                self.empty(&mut stripe, spans);
            }
            left += stripe.units;
        }
        left > 0
    }

    /// Gives all runs of a stripe back to the span heap. Says whether there were any.
    fn empty(&self, stripe: &mut Stripe, spans: &Lock<SpanHeap>) -> bool {
        self.hints.most.fetch_sub(stripe.most, Ordering::Relaxed);
        stripe.most = 0;
        if stripe.units == 0 {
            return false;
        }
        stripe.units = 0;
        let mut spans = spans.lock();
        for parked in stripe.places.iter_mut().filter_map(Option::take) {
            parked.span.set_parked(false);
            spans.give(parked.segment, parked.span);
        }
        true
    }

    /// Closes all stripes, so that a fork finds them whole.
    pub(crate) fn lock_for_fork(&self) {
        self.stripes.iter().for_each(|stripe| stripe.lock_for_fork());
        // A thread that drains may wait for them, and is not there in the child (R3).
        // SAFETY: all are closed by this thread.
        if self.stripes.iter().any(|stripe| unsafe { stripe.peek() }.units > 0) {
            self.hints.any.store(true, Ordering::Relaxed);
        }
    }

    /// Opens them again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        self.stripes.iter().for_each(|stripe| unsafe { stripe.unlock_after_fork() });
    }

    /// R1 to R3 recounted.
    ///
    /// # Safety
    ///
    /// All stripes are closed by this thread.
    pub(crate) unsafe fn is_sound(&self) -> bool {
        self.stripes.iter().all(|stripe| {
            // SAFETY: the caller's promise.
            let stripe = unsafe { stripe.peek() };
            let parked = || stripe.places.iter().flatten();
            parked().all(|parked| parked.span.is_parked())
                && parked().map(|parked| parked.span.units()).sum::<usize>() == stripe.units
                && stripe.units <= stripe.most
                && (stripe.units == 0 || self.any())
        })
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use super::*;
    use crate::config::Settings;
    use crate::core_heap::CoreHeap;
    use crate::large;
    use crate::validate::validate;

    const SETTINGS: Settings = Settings::new().background_thread(false);

    /// Takes a run of each length, in units, and gives all back.
    fn park(core: &CoreHeap, lengths: impl Iterator<Item = usize>) {
        core.configure(&SETTINGS);
        let layouts = lengths.map(|units| Layout::from_size_align(units * UNIT, 8).unwrap());
        let take = |layout| (NonNull::new(large::alloc(core, layout, &SETTINGS)).unwrap(), layout);
        let blocks: Vec<_> = layouts.map(take).collect();
        // SAFETY: just allocated with this layout, and not used again.
        blocks.into_iter().for_each(|(block, layout)| unsafe { large::free(core, block, layout) });
    }

    #[test]
    fn runs_of_many_lengths_are_watched_as_those_of_one() {
        static HEAP: CoreHeap = CoreHeap::new();
        park(&HEAP, [100].into_iter());
        assert!(!HEAP.runs.is_worth_watching(), "too little");
        park(&HEAP, 101..103);
        assert!(HEAP.runs.held() * UNIT >= WATCH_FROM && HEAP.runs.is_worth_watching());
        // The same again is no more; what went back is not counted.
        (0..100).for_each(|_| park(&HEAP, [100].into_iter()));
        assert_eq!(HEAP.runs.hints.most.load(Ordering::Relaxed), HEAP.runs.held());
        assert!(HEAP.runs.drain(&HEAP.spans) && !HEAP.runs.is_worth_watching());
        assert_eq!(validate(&HEAP), Ok(()));
    }

    #[test]
    fn what_a_thread_was_about_to_drain_is_not_missed_in_the_child_of_a_fork() {
        static HEAP: CoreHeap = CoreHeap::new();
        park(&HEAP, [100].into_iter());
        // As far as a draining thread is when it waits for the first stripe; the child is without it.
        HEAP.runs.hints.any.store(false, Ordering::Relaxed);
        HEAP.lock_for_fork();
        // SAFETY: locked just above.
        unsafe { HEAP.unlock_after_fork() };
        assert!(HEAP.runs.drain(&HEAP.spans) && HEAP.runs.held() == 0);
    }

    #[test]
    fn a_recount_while_a_thread_drains_finds_nothing_wrong() {
        static HEAP: CoreHeap = CoreHeap::new();
        park(&HEAP, [100].into_iter());
        HEAP.runs.hints.any.store(false, Ordering::Relaxed);
        assert_eq!(validate(&HEAP), Ok(()));
    }
}
