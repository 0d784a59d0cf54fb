//! Large runs that were freed a moment ago, kept whole for the next request of the same length.
//!
//! A program that takes and gives a large block in a loop would have its run searched for in bitmaps, described and
//! forgotten each time, under the lock of a span heap. Here the way there and back is one atomic step each, in the
//! thread's own [row](crate::rows), or, where that is full or the thread has none, a short lock, shared only with requests of
//! like length.
//!
//! What is parked is never missed: before a span heap touches memory that was not resident, and before a block that
//! could grow in place is moved, all parked runs go back to their heaps ([`RunCache::drain`]). So parking costs no memory. What
//! nobody asked for during a tick or two goes back as well ([`RunCache::age`]).

#[cfg(test)]
mod tests;

use crossbeam_utils::CachePadded;

use crate::config::UNIT;
use crate::directory::{Directory, Owner};
use crate::lock::Lock;
use crate::rows::{Hints, Row};
use crate::seat::{self, SEATS};
use crate::segment::{Purpose, Segment, Span};
use crate::span_heap::{SpanHeap, Taken, WATCH_FROM};
use crate::span_heaps::{SpanHeaps, WayBack};
use crate::sync::Ordering;
use crate::tag::{Kind, Rest};

/// Stripes: requests of different lengths rarely meet.
const STRIPES: usize = 16;
/// Runs that a stripe keeps: a few blocks of one length are often alive at once.
const PLACES: usize = 4;
/// The longest run that is parked, in units: to search for a longer one is nothing beside its use. No row or stripe keeps more.
const UNITS_MAX: usize = (8 << 20) / UNIT;
/// Ticks without a request after which the runs of a row or a stripe go back.
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
/// - **R1** A run is in `places` if and only if its tag says [`Rest::Stripe`]; that changes under this stripe's lock only.
/// - **R2** `units` is the sum over `places`, and `most` no less.
#[derive(Debug)]
struct Stripe {
    places: [Option<Parked>; PLACES],
    /// The sum of their units.
    units: usize,
    /// The most that `units` was since all runs went back: its share of [`Hints::most`].
    most: usize,
    /// Ticks since a run was parked or taken.
    quiet: u8,
}

/// All parked runs of a heap. Lock order: a class's home, the turn to drain, a stripe, a span heap. A run of a row is closed with its span
/// heap's lock held, so a fork finds no run between the two.
///
/// # Invariants
///
/// - **R4** Where a run is in a stripe, `hints.stripes` is set, or a thread that is draining has yet to come to the stripe. (For rows
///   see R3 of [`Row`].)
#[derive(Debug)]
pub(crate) struct RunCache {
    /// One for each seat.
    rows: [CachePadded<Row<Span>>; SEATS],
    stripes: [CachePadded<Lock<Stripe>>; STRIPES],
    hints: CachePadded<Hints>,
}

impl Stripe {
    /// Takes a run in, if there is room. `None`: there is none. `Some(false)`: it is no block of `units`.
    fn park(&mut self, segment: &'static Segment, span: &'static Span, units: usize) -> Option<bool> {
        if self.units + units > UNITS_MAX {
            return None;
        }
        let place = self.places.iter_mut().find(|place| place.is_none())?;
        if !span.tag.rest(units, Rest::Stripe) {
            return Some(false);
        }
        *place = Some(Parked { segment, span });
        self.units += units;
        self.quiet = 0;
        Some(true)
    }
}

impl RunCache {
    pub(crate) const fn new() -> Self {
        const STRIPE: Stripe = Stripe { places: [None; PLACES], units: 0, most: 0, quiet: 0 };
        Self {
            rows: [const { CachePadded::new(Row::new()) }; SEATS],
            stripes: [const { CachePadded::new(Lock::new(STRIPE)) }; STRIPES],
            hints: Hints::new(),
        }
    }

    /// Whether so much is parked, of all lengths together, that somebody should watch it.
    #[inline]
    pub(crate) fn is_worth_watching(&self) -> bool {
        // Relaxed: a count. Negative for a moment, where of two changes of one share the later is counted first.
        self.hints.most.load(Ordering::Relaxed).cast_signed() >= (WATCH_FROM / UNIT).cast_signed()
    }

    /// Units that are parked. Exact while no other thread parks or takes.
    pub(crate) fn held(&self) -> usize {
        let resting =
            || self.rows.iter().enumerate().flat_map(|(row, runs)| runs.resting().map(move |run| (row, run)));
        // Several places may point to one run: only the first counts.
        let is_first =
            |at: usize, run: &Span| !resting().take(at).any(|(_, before)| core::ptr::eq(before, run));
        let in_rows: usize = resting()
            .enumerate()
            .filter(|&(at, (_, run))| is_first(at, run))
            .map(|(_, (_, run))| run.units())
            .sum();
        in_rows + self.stripes.iter().map(|stripe| stripe.lock().units).sum::<usize>()
    }

    /// A run of exactly `units` whose address is a multiple of `align` bytes, as a block, if the calling thread parked one. `None`: it
    /// may be that [`take_slow`](Self::take_slow) finds one. O(1).
    #[inline(always)]
    pub(crate) fn take(&self, units: usize, align: usize) -> Option<&'static Span> {
        self.rows.get(seat::own())?.take(units, |span| span.is_aligned(align))
    }

    /// A parked run of exactly `units` whose address is a multiple of `align` bytes, as a block.
    pub(crate) fn take_slow(&self, units: usize, align: usize) -> Option<&'static Span> {
        if let Some(row) = self.rows.get(seat::own())
            && let Some(span) = row.take_any(units, |span| span.is_aligned(align))
        {
            return Some(span);
        }
        // Relaxed: a hint; what is parked there is reached under the stripe's lock.
        if !self.hints.stripes.load(Ordering::Relaxed) {
            return None;
        }
        let stripe = &mut *self.stripes[units % STRIPES].lock();
        let good = |parked: &Parked| parked.span.units() == units && parked.span.is_aligned(align);
        let place = stripe.places.iter_mut().find(|place| place.as_ref().is_some_and(good))?;
        let parked = place.take()?;
        // R1.
        parked.span.tag.set(Kind::Run, 0, units);
        stripe.units -= units;
        stripe.quiet = 0;
        Some(parked.span)
    }

    /// Parks a block's run in the calling thread's row. `None`: it is not parked, and [`give_slow`](Self::give_slow) knows why.
    /// `Some(false)`: it is, and the caller calls [`tell`](Self::tell). O(1).
    #[inline(always)]
    pub(crate) fn give(&self, span: &'static Span, units: usize) -> Option<bool> {
        let seat = seat::own();
        let row = self.rows.get(seat)?;
        let place = row.vacant(units, UNITS_MAX)?;
        let parked = row.park(place, span, units);
        parked.then(|| row.is_known(&self.hints, 1 << seat) && !self.is_worth_watching())
    }

    /// Tells of what was parked in the calling thread's row. Says whether so much is parked that somebody should watch it.
    pub(crate) fn tell(&self) -> bool {
        let seat = seat::own();
        if let Some(row) = self.rows.get(seat) {
            row.announce(&self.hints, 1 << seat);
        }
        self.is_worth_watching()
    }

    /// As [`give`](Self::give), where the thread's row seems full, or there is none, or the run is no block's: takes the run in any case. Says whether so
    /// much is free that somebody should watch it. `None`: it is no block of `units`, or was freed before.
    pub(crate) fn give_slow(
        &self,
        spans: &SpanHeaps,
        segment: &'static Segment,
        span: &'static Span,
        units: usize,
    ) -> Option<bool> {
        let seat = seat::own();
        if let Some(row) = self.rows.get(seat)
            && let Some(place) = row.vacant_again(&self.hints, 1 << seat, units, UNITS_MAX)
        {
            return row.park(place, span, units).then(|| self.tell());
        }
        let mut stripe = self.stripes[units % STRIPES].lock();
        if let Some(live) = stripe.park(segment, span, units) {
            if stripe.units > stripe.most {
                self.hints.change_most(stripe.most, stripe.units);
                stripe.most = stripe.units;
            }
            if !self.hints.stripes.load(Ordering::Relaxed) {
                self.hints.stripes.store(true, Ordering::Relaxed);
            }
            return live.then(|| self.is_worth_watching());
        }
        drop(stripe);
        // First: a fork finds no run that is neither a block nor free.
        let mut heap = spans.of(segment).lock();
        if !span.tag.rest(units, Rest::Closed) {
            return None;
        }
        heap.give(segment, span);
        Some(heap.is_worth_watching())
    }

    /// Gives a block's run back whose units read as zeros and are not resident. `false`: it is no block of `units`, or was freed
    /// before. The heap is that of the segment.
    pub(crate) fn give_clean(
        &self,
        heap: &mut SpanHeap,
        segment: &'static Segment,
        span: &Span,
        units: usize,
    ) -> bool {
        // A1, though nobody waits for the run: whoever frees the block at the same time is told.
        let live = span.tag.rest(units, Rest::Closed);
        if live {
            heap.give_clean(segment, span);
        }
        live
    }

    /// Takes `units` from the span heaps, from that of `group` if it can be. All parked runs go back to them before memory is touched that is not
    /// resident.
    pub(crate) fn take_fresh(
        &self,
        spans: &SpanHeaps,
        directory: &Directory,
        group: usize,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        if self.hints.any() {
            if let Some(taken) = spans.take_resident(group, units, align, purpose) {
                return Some(taken);
            }
            self.drain(spans, directory);
        }
        spans.take(directory, group, units, align, purpose)
    }

    /// Gives all parked runs back to the span heaps, and waits for others who do. Says whether there were any. O(1).
    #[cold]
    #[inline(never)]
    pub(crate) fn drain(&self, spans: &SpanHeaps, directory: &Directory) -> bool {
        if !self.hints.any() {
            return false;
        }
        let (_turn, mut found) = self.hints.turn();
        // First: what is parked meanwhile sets it again (R4). Release: R5.
        if self.hints.stripes.load(Ordering::Relaxed) && self.hints.stripes.swap(false, Ordering::Release) {
            found |= self.stripes.iter().filter(|stripe| self.empty(&mut stripe.lock(), spans)).count() > 0;
        }
        let mut left = self.hints.take_rows();
        let mut way = WayBack::new(spans);
        while left != 0 {
            found |= self.empty_row(left.trailing_zeros() as usize, &mut way, directory);
            left &= left - 1;
        }
        found
    }

    /// A tick has passed: gives back what nobody asked for. Says whether anything is still parked.
    pub(crate) fn age(&self, spans: &SpanHeaps, directory: &Directory) -> bool {
        let (_turn, _) = self.hints.turn();
        let mut left = 0;
        for stripe in &self.stripes {
            let mut stripe = stripe.lock();
            stripe.quiet = stripe.quiet.saturating_add(1);
            if stripe.quiet >= QUIET {
                self.empty(&mut stripe, spans);
            }
            left += stripe.units;
        }
        let rows = self.hints.rows.load(Ordering::Relaxed);
        for (seat, row) in self.rows.iter().enumerate().filter(|(seat, _)| rows >> seat & 1 == 1) {
            if row.tick() >= u16::from(QUIET) {
                self.hints.take_row(1 << seat);
                self.empty_row(seat, &mut WayBack::new(spans), directory);
            } else {
                left += row.resting().map(Span::units).sum::<usize>();
            }
        }
        left > 0
    }

    /// Gives all runs of a row, whose bit the caller took, back to their span heaps. Says whether there were any.
    fn empty_row(&self, seat: usize, way: &mut WayBack<'_>, directory: &Directory) -> bool {
        let mut found = false;
        self.rows[seat].drain(&self.hints, |span, units| {
            // It is in a segment, so the directory knows which.
            if let Some(Owner::Segment(segment)) = directory.owner_of(span.base().addr()) {
                let heap = way.to(segment);
                // A2. Under the heap's lock: a fork finds no run that is closed and not free.
                if span.tag.close(units) {
                    heap.give(segment, span);
                    found = true;
                }
            }
        });
        found
    }

    /// Gives all runs of a stripe back to their span heaps. Says whether there were any.
    fn empty(&self, stripe: &mut Stripe, spans: &SpanHeaps) -> bool {
        self.hints.change_most(stripe.most, 0);
        stripe.most = 0;
        if stripe.units == 0 {
            return false;
        }
        stripe.units = 0;
        let mut way = WayBack::new(spans);
        for parked in stripe.places.iter_mut().filter_map(Option::take) {
            way.to(parked.segment).give(parked.segment, parked.span);
        }
        true
    }

    /// Closes all stripes, so that a fork finds them whole, and lets nobody begin to drain.
    pub(crate) fn lock_for_fork(&self) {
        self.hints.turn.lock_for_fork();
        self.stripes.iter().for_each(|stripe| stripe.lock_for_fork());
        // R4 says so already, since nobody drains now; a child has only this one chance to know.
        // SAFETY: all are closed by this thread.
        if self.stripes.iter().any(|stripe| unsafe { stripe.peek() }.units > 0) {
            self.hints.stripes.store(true, Ordering::Relaxed);
        }
    }

    /// In the child of a fork: the owners of all rows but the calling thread's are not there. What they had begun is put right.
    ///
    /// # Safety
    ///
    /// All locks of the heap are closed by this thread.
    pub(crate) unsafe fn recount_in_child(&self) {
        // SAFETY: the caller's promise.
        let mut most: usize = self.stripes.iter().map(|stripe| unsafe { stripe.peek() }.most).sum();
        let mut rows = 0;
        for (seat, row) in self.rows.iter().enumerate() {
            most += if seat == seat::own() { row.most() } else { row.recount() };
            rows |= usize::from(row.resting().next().is_some()) << seat;
        }
        self.hints.most.store(most, Ordering::Relaxed);
        self.hints.rows.store(rows, Ordering::SeqCst);
    }

    /// Opens the stripes again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            self.stripes.iter().for_each(|stripe| stripe.unlock_after_fork());
            self.hints.turn.unlock_after_fork();
        }
    }

    /// R1 and R2 recounted. (Rows have no lock that would hold them still; and a thread that drains, R4, may wait for a stripe.)
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
        })
    }
}
