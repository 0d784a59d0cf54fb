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
use crate::sync::{AtomicBool, Ordering};

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
/// - **R2** `units` is the sum over `places`.
#[derive(Debug)]
pub(crate) struct Stripe {
    places: [Option<Parked>; PLACES],
    /// The sum of their units.
    units: usize,
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
    any: CachePadded<AtomicBool>,
}

impl RunCache {
    pub(crate) const fn new() -> Self {
        const STRIPE: Stripe = Stripe { places: [None; PLACES], units: 0, quiet: 0 };
        Self {
            stripes: [const { CachePadded::new(Lock::new(STRIPE)) }; STRIPES],
            any: CachePadded::new(AtomicBool::new(false)),
        }
    }

    /// Whether runs may be parked.
    #[inline]
    fn any(&self) -> bool {
        // Relaxed: a hint; what is parked is reached under a stripe's lock.
        self.any.load(Ordering::Relaxed)
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
        stripe.quiet = 0;
        span.set_parked(true);
        if !self.any() {
            self.any.store(true, Ordering::Relaxed);
        }
        Some(units * UNIT >= WATCH_FROM)
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
        if !self.any() || !self.any.swap(false, Ordering::Relaxed) {
            return false;
        }
        self.stripes.iter().filter(|stripe| stripe.lock().empty(spans)).count() > 0
    }

    /// A tick has passed: gives back what nobody asked for. Says whether anything is still parked.
    pub(crate) fn age(&self, spans: &Lock<SpanHeap>) -> bool {
        let mut left = 0;
        for stripe in &self.stripes {
            let mut stripe = stripe.lock();
            stripe.quiet = stripe.quiet.saturating_add(1);
            if stripe.quiet >= QUIET {
                stripe.empty(spans);
            }
            left += stripe.units;
        }
        left > 0
    }

    /// Closes all stripes, so that a fork finds them whole.
    pub(crate) fn lock_for_fork(&self) {
        self.stripes.iter().for_each(|stripe| stripe.lock_for_fork());
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
                && (stripe.units == 0 || self.any())
        })
    }
}

impl Stripe {
    /// Gives all its runs back to the span heap. Says whether there were any.
    fn empty(&mut self, spans: &Lock<SpanHeap>) -> bool {
        if self.units == 0 {
            return false;
        }
        self.units = 0;
        let mut spans = spans.lock();
        for parked in self.places.iter_mut().filter_map(Option::take) {
            parked.span.set_parked(false);
            spans.give(parked.segment, parked.span);
        }
        true
    }
}
