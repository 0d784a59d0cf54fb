//! Runs that a thread freed a moment ago, in a row of its own: parked and taken again in one atomic step each.
//!
//! A row has places that point to runs. They are hints: whether a run rests there is said by its tag, and whoever turns the tag
//! has the run, so a thread that wants all runs back (who *drains*) needs no lock that the row's owner would have to take.
//!
//! # Why no run is missed
//!
//! To park a run its owner stores the hint, turns the tag, then looks whether the row's bit in [`Hints::rows`] is set, and sets it
//! if not. To drain is to clear the bits, then to load the hints of those rows, then their tags. All these are SeqCst,
//! so all threads see them in one order. If the owner saw the bit set after it had turned the tag, then whoever clears the bit does so
//! later, and finds the hint and the tag. If it saw the bit clear it sets it, for the next who drains (R3).

#[cfg(loom)]
use core::array;
use core::ptr;

use crossbeam_utils::CachePadded;

use crate::lock::{Guard, Lock};
#[cfg(loom)]
use crate::sync::full_fence;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU16, AtomicUsize, Ordering};
use crate::tag::{Rest, Tag};

/// Runs that a row has places for: a few blocks, of a few lengths, are often alive at once.
pub(crate) const PLACES: usize = if cfg!(loom) { 2 } else { 8 };

/// What all rows and stripes hold together, as far as it can be known without a look at each. Read by each request, seldom
/// written: a program that takes and gives the same again changes nothing.
///
/// # Invariants
///
/// - **R5** Who clears `rows` or `stripes` has the turn, until what it found there is back in a span heap. So who finds nothing here
///   and nobody at it has not missed what was parked before, however many span heaps there are.
#[derive(Debug)]
pub(crate) struct Hints {
    /// Bit set: something may rest in the row.
    pub(crate) rows: AtomicUsize,
    /// Something may be in the stripes.
    pub(crate) stripes: AtomicBool,
    /// The sum of what [`Row::most`] and each stripe's `most` say: no fewer units than are parked.
    pub(crate) most: AtomicUsize,
    /// Held by who drains.
    pub(crate) turn: Lock<()>,
}

/// One thread's row of parked runs of type `S`. "The owner" has the seat of the row's number.
///
/// # Invariants
///
/// - **W1** `places` are written by the owner only, and each is null or points to a span, whose books stay for ever. `lens`, `units`
///   are the owner's alone.
/// - **W2** For each run that the owner parked here and that rests in a row since then, `places[p]` points to it and `lens[p]` is its
///   units, for some `p`. Where `lens[p]` is zero no run depends on `places[p]`.
/// - **W3** `units` is the sum of `lens`, no less than what rests here, where others took runs.
/// - **R3** Where a run rests in a row, the row's bit in [`Hints::rows`] is set; or its owner is about to set it; or a thread
///   cleared it and has yet to look at the run's place.
#[derive(Debug)]
pub(crate) struct Row<S: 'static> {
    places: [AtomicPtr<S>; PLACES],
    lens: [AtomicU16; PLACES],
    units: AtomicUsize,
    /// The most that `units` was since the row was drained: its share of [`Hints::most`].
    most: AtomicUsize,
    /// Ticks since the owner parked or took a run.
    quiet: AtomicU16,
}

impl Hints {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> CachePadded<Self> {
        CachePadded::new(Self {
            rows: AtomicUsize::new(0),
            stripes: AtomicBool::new(false),
            most: AtomicUsize::new(0),
            turn: Lock::new(()),
        })
    }

    #[cfg(loom)]
    pub(crate) fn new() -> CachePadded<Self> {
        CachePadded::new(Self {
            rows: AtomicUsize::new(0),
            stripes: AtomicBool::new(false),
            most: AtomicUsize::new(0),
            turn: Lock::new(()),
        })
    }

    /// Whether runs may be parked, or were and are on their way back.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        // Acquire pairs with the release of who cleared them, after it had taken the turn (R5).
        self.rows.load(Ordering::Acquire) != 0 || self.stripes.load(Ordering::Acquire) || self.turn.is_held()
    }

    /// The turn to drain, and whether somebody else had it and was waited for. The caller holds no lock of a stripe or a span heap.
    pub(crate) fn turn(&self) -> (Guard<'_, ()>, bool) {
        match self.turn.try_lock() {
            Some(turn) => (turn, false),
            None => (self.turn.lock(), true),
        }
    }

    /// A share of `most` was `before` and is `now`.
    pub(crate) fn change_most(&self, before: usize, now: usize) {
        // Relaxed: a count. Wrapping, because of two changes of one share the later may be counted first.
        self.most.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
    }

    /// Takes the bits of all rows that may hold something. The caller has the turn, and drains them.
    pub(crate) fn take_rows(&self) -> usize {
        let rows = self.rows.swap(0, Ordering::SeqCst);
        #[cfg(loom)]
        full_fence();
        rows
    }

    /// Takes the bit of one row. The caller has the turn, and drains it.
    pub(crate) fn take_row(&self, bit: usize) {
        self.rows.fetch_and(!bit, Ordering::SeqCst);
    }
}

impl<S: AsRef<Tag>> Row<S> {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self {
            places: [const { AtomicPtr::new(ptr::null_mut()) }; PLACES],
            lens: [const { AtomicU16::new(0) }; PLACES],
            units: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            quiet: AtomicU16::new(0),
        }
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            places: array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            lens: array::from_fn(|_| AtomicU16::new(0)),
            units: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            quiet: AtomicU16::new(0),
        }
    }

    /// The run that a place points to, if any.
    #[inline]
    fn at(&self, place: usize) -> Option<&'static S> {
        // SeqCst: R3.
        // SAFETY: W1.
        unsafe { self.places[place].load(Ordering::SeqCst).as_ref() }
    }

    /// A place for a run of `units`, if the row's runs have `units_max` at the most with it. The caller is the owner.
    #[inline]
    pub(crate) fn vacant(&self, units: usize, units_max: usize) -> Option<usize> {
        if self.units.load(Ordering::Relaxed) + units > units_max {
            return None;
        }
        (0..PLACES).find(|&place| self.lens[place].load(Ordering::Relaxed) == 0)
    }

    /// As [`vacant`](Self::vacant), of a row that seems full.
    pub(crate) fn vacant_again(
        &self,
        hints: &Hints,
        bit: usize,
        units: usize,
        units_max: usize,
    ) -> Option<usize> {
        // If the bit is set, nobody took all that is here.
        if hints.rows.load(Ordering::Relaxed) & bit != 0 {
            return None;
        }
        self.look_again();
        self.vacant(units, units_max)
    }

    /// Parks a block's run of `units` in a [vacant](Self::vacant) place. The caller is the owner, gives the run up, and then looks
    /// whether it [`is_known`](Self::is_known). `false`: it is no block, or not of so many units, or was freed before.
    #[inline]
    pub(crate) fn park(&self, place: usize, span: &'static S, units: usize) -> bool {
        // W2: nothing depends on what the place pointed to. As a rule it is the same run.
        if self.places[place].load(Ordering::Relaxed).cast_const() != ptr::from_ref(span) {
            self.places[place].store(ptr::from_ref(span).cast_mut(), Ordering::SeqCst);
        }
        if !span.as_ref().rest(units, Rest::Row) {
            return false;
        }
        self.lens[place].store(units as u16, Ordering::Relaxed);
        self.units.store(self.units.load(Ordering::Relaxed) + units, Ordering::Relaxed);
        self.quiet.store(0, Ordering::Relaxed);
        #[cfg(loom)]
        full_fence();
        true
    }

    /// Whether those who drain know of the row, and how much it may hold. The caller is the owner, and parked a run.
    #[inline]
    pub(crate) fn is_known(&self, hints: &Hints, bit: usize) -> bool {
        // SeqCst: R3.
        hints.rows.load(Ordering::SeqCst) & bit != 0
            && self.units.load(Ordering::Relaxed) <= self.most.load(Ordering::Relaxed)
    }

    /// Makes the row known.
    pub(crate) fn announce(&self, hints: &Hints, bit: usize) {
        if hints.rows.load(Ordering::SeqCst) & bit == 0 {
            hints.rows.fetch_or(bit, Ordering::SeqCst);
            self.look_again();
        }
        let sum = self.units.load(Ordering::Relaxed);
        if sum > self.most.load(Ordering::Relaxed) {
            hints.change_most(self.most.swap(sum, Ordering::Relaxed), sum);
        }
    }

    /// Forgets what others took. The caller is the owner.
    fn look_again(&self) {
        let mut sum = 0;
        for place in 0..PLACES {
            let len = self.lens[place].load(Ordering::Relaxed);
            let here = self.at(place).and_then(|span| span.as_ref().in_row());
            if here == Some(len as usize) {
                sum += len as usize;
            } else {
                // W2: it was taken since. If it rests again, it was parked by another thread.
                self.lens[place].store(0, Ordering::Relaxed);
            }
        }
        self.units.store(sum, Ordering::Relaxed);
    }

    /// A run of exactly `units` that `fits`, as a block: of several only the first is looked at. The caller is the owner.
    #[inline(always)]
    pub(crate) fn take(&self, units: usize, fits: impl Fn(&S) -> bool) -> Option<&'static S> {
        let place = (0..PLACES).find(|&place| self.lens[place].load(Ordering::Relaxed) as usize == units)?;
        self.take_at(place, units, fits)
    }

    /// As [`take`](Self::take), of all.
    pub(crate) fn take_any(&self, units: usize, fits: impl Fn(&S) -> bool) -> Option<&'static S> {
        (0..PLACES)
            .filter(|&place| self.lens[place].load(Ordering::Relaxed) as usize == units)
            .find_map(|place| self.take_at(place, units, &fits))
    }

    /// The run at a place whose length is `units`, if it fits and still rests there.
    #[inline]
    fn take_at(&self, place: usize, units: usize, fits: impl Fn(&S) -> bool) -> Option<&'static S> {
        let span = self.at(place).filter(|span| fits(span))?;
        self.lens[place].store(0, Ordering::Relaxed);
        self.units.store(self.units.load(Ordering::Relaxed) - units, Ordering::Relaxed);
        self.quiet.store(0, Ordering::Relaxed);
        // Otherwise it was drained.
        span.as_ref().wake(units).then_some(span)
    }

    /// Hands all runs that rest here to `take`, with their units. It closes their tags, under the lock of the span heap that they go back
    /// to; somebody else may be first. Any thread may call, that took the row's bit before.
    pub(crate) fn drain(&self, hints: &Hints, mut take: impl FnMut(&'static S, usize)) {
        hints.change_most(self.most.swap(0, Ordering::Relaxed), 0);
        for span in (0..PLACES).filter_map(|place| self.at(place)) {
            if let Some(units) = span.as_ref().in_row() {
                take(span, units);
            }
        }
    }

    /// The runs that rest here, or in another row that points to them too.
    pub(crate) fn resting(&self) -> impl Iterator<Item = &'static S> {
        (0..PLACES).filter_map(|place| self.at(place)).filter(|span| span.as_ref().in_row().is_some())
    }

    /// A tick has passed: how many since the owner used the row.
    pub(crate) fn tick(&self) -> u16 {
        let quiet = self.quiet.load(Ordering::Relaxed).saturating_add(1);
        self.quiet.store(quiet, Ordering::Relaxed);
        quiet
    }

    /// Makes the owner's books from what is true, where the owner is no more, and may have been about to change them. Returns the
    /// units.
    pub(crate) fn recount(&self) -> usize {
        let mut sum = 0;
        for place in 0..PLACES {
            let units = self.at(place).and_then(|span| span.as_ref().in_row()).unwrap_or(0);
            self.lens[place].store(units as u16, Ordering::Relaxed);
            sum += units;
        }
        self.units.store(sum, Ordering::Relaxed);
        self.most.store(sum, Ordering::Relaxed);
        sum
    }

    /// Forgets all but the hints.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn forget_books(&self) {
        self.lens.iter().for_each(|len| len.store(0, Ordering::Relaxed));
        self.units.store(7, Ordering::Relaxed);
        self.most.store(9, Ordering::Relaxed);
    }

    /// The row's share of [`Hints::most`].
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}
