//! A span heap: runs of units, cut from segments, kept while they are worth keeping, given back when not.
//!
//! A run that was used before and is still resident ("dirty") is preferred to a fresh one, the lowest address first:
//! so the resident set stays small and dense, and no page is faulted twice without need. Free neighbours coalesce by
//! being neighbours in a bitmap.
//!
//! A process has one, or one for each group of processors ([`span_heaps`](crate::span_heaps)). A segment belongs to one for ever.

mod table;
#[cfg(feature = "checked")]
mod guard;
mod beside;
mod resident;
mod source;
#[cfg(test)]
mod tests;

use heap_os::pages;

use crate::bits;
use crate::board::Shown;
use crate::config::{HUGE_PAGE, Settings, UNIT, UNITS};
use crate::directory::Directory;
use crate::segment::{Purpose, Segment, Span};
pub(crate) use crate::span_heap::beside::Boards;
pub(crate) use crate::span_heap::resident::WATCH_FROM;
pub(crate) use crate::span_heap::source::Grown;
use crate::span_heap::table::Table;
pub(crate) use crate::span_heap::table::{Entry, SEGMENTS};

/// Units of a huge page.
const HUGE_UNITS: usize = HUGE_PAGE / UNIT;

/// Counters, all in units.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Owned by spans.
    pub(crate) in_use: usize,
    /// Free, but resident.
    pub(crate) dirty: usize,
    /// Runs taken so far: whether anything happens at all.
    pub(crate) takes: usize,
    /// The least that `dirty` was since the last decay: what nobody needed.
    pub(crate) dirty_low: usize,
    /// The most that `in_use` was; of all heaps together, as far as this one knows.
    pub(crate) high_water: usize,
    /// Segments' units, free or not.
    pub(crate) total: usize,
    /// Given back to the system so far.
    pub(crate) returned: usize,
}

impl Counts {
    /// Those of two heaps, or more, together.
    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            in_use: self.in_use + other.in_use,
            dirty: self.dirty + other.dirty,
            takes: self.takes.wrapping_add(other.takes),
            dirty_low: self.dirty_low + other.dirty_low,
            high_water: self.high_water.max(other.high_water),
            total: self.total + other.total,
            returned: self.returned + other.returned,
        }
    }
}

/// The state behind a span heap's lock.
///
/// # Invariants
///
/// - **H1** `table` lists all segments of the heap. A unit whose `free` bit is set belongs to nobody; `dirty`
///   is meaningful for free units only, and its count is `summary.dirty`.
/// - **H2** A summary says the truth about its segment (`longest` and `longest_dirty`: an upper bound), and `longest_dirty` of the
///   heap is no less than that of any segment.
/// - **H3** `counts` are the sums over all segments.
/// - **H4** `boards` is `None`, and the heap the only one of the process; or its first `heaps` are of that many heaps, and this one's is
///   `number`.
/// - **H5** All segments of the heap have its `number`.
#[derive(Debug)]
pub(crate) struct SpanHeap {
    table: Table,
    pub(crate) counts: Counts,
    /// No run of free and dirty units is longer.
    longest_dirty: usize,
    boards: Option<&'static Boards>,
    heaps: usize,
    number: usize,
    /// What the other heaps showed when this one looked.
    others: Shown,
    /// Changes since.
    changes: u32,
    /// Dirty units that have to go back, of any heap: see `make_up_for`.
    owed: usize,
    settings: Settings,
}

/// Units that were just taken.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) segment: &'static Segment,
    pub(crate) span: &'static Span,
    /// The whole run reads as zeros.
    pub(crate) clean: bool,
    /// Touching it takes a fault for each small page: fresh, and no huge pages were asked for.
    pub(crate) faults: bool,
    /// So much is in use that a slab's pages are worth populating at once.
    pub(crate) large_heap: bool,
}

impl SpanHeap {
    /// All zeros, so that a static one takes no room in the executable.
    pub(crate) const fn new() -> Self {
        Self {
            table: Table::new(),
            counts: Counts {
                in_use: 0,
                dirty: 0,
                takes: 0,
                dirty_low: 0,
                high_water: 0,
                total: 0,
                returned: 0,
            },
            longest_dirty: 0,
            boards: None,
            heaps: 0,
            number: 0,
            others: Shown::NOTHING,
            changes: 0,
            owed: 0,
            settings: Settings::UNSET,
        }
    }

    /// Takes the settings over, once: the first allocator that is used decides. The heap is the `number`-th of so many heaps, which have
    /// `boards` if there are several (H4), and, but for the first, was never used.
    pub(crate) fn configure(
        &mut self,
        settings: &Settings,
        number: usize,
        heaps: usize,
        boards: Option<&'static Boards>,
    ) {
        if self.settings == Settings::UNSET {
            self.settings = *settings;
            self.number = number;
            self.heaps = heaps;
            self.boards = boards;
            self.show();
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes a run of `units` whose address is a multiple of `align` units, and describes it as one span.
    /// `None`: the system gives no more.
    pub(crate) fn take(
        &mut self,
        directory: &Directory,
        units: usize,
        align: usize,
        purpose: Purpose,
    ) -> Option<Taken> {
        let (index, unit) = match self.find(units, align) {
            Some(found) => found,
            None => {
                self.grow(directory, units + align - 1)?;
                self.find(units, align)?
            }
        };
        self.take_at(index, unit, units, purpose)
    }

    /// As [`take`](Self::take), but only where the heap has such a run already.
    pub(crate) fn take_free(&mut self, units: usize, align: usize, purpose: Purpose) -> Option<Taken> {
        let (index, unit) = self.find(units, align)?;
        self.take_at(index, unit, units, purpose)
    }

    /// As [`take`](Self::take), but only where all of the run is resident.
    pub(crate) fn take_resident(&mut self, units: usize, align: usize, purpose: Purpose) -> Option<Taken> {
        let (index, unit) = self.find_resident(units, align)?;
        self.take_at(index, unit, units, purpose)
    }

    fn take_at(&mut self, index: usize, unit: usize, units: usize, purpose: Purpose) -> Option<Taken> {
        let segment = self.table.entries().get(index)?.segment;
        let dense = matches!(purpose, Purpose::Slab(..));
        let (clean, advised) = self.claim(index, segment, unit, units, dense)?;
        let span = segment.describe(unit, units, purpose);
        let large_heap = self.in_use_of_all() * UNIT >= self.settings.prefault_from;
        Some(Taken { segment, span, clean, faults: clean && !advised, large_heap })
    }

    /// Gives a span's units back. Its segment is one of this heap.
    pub(crate) fn give(&mut self, segment: &'static Segment, span: &Span) {
        segment.forget(span);
        self.release(segment, segment.unit_of(span), span.units(), true);
    }

    /// As [`give`](Self::give), for units that read as zeros and are not resident. The rest of a huge page behind them may
    /// be: it goes back with their last unit.
    pub(crate) fn give_clean(&mut self, segment: &'static Segment, span: &Span) {
        segment.forget(span);
        let (unit, units) = (segment.unit_of(span), span.units());
        let last = usize::from(!(unit + units).is_multiple_of(HUGE_UNITS));
        self.release(segment, unit, units - last, false);
        self.release(segment, unit + units - last, last, true);
    }

    /// Makes a span longer in place. `false`: the units behind it are not free. The flag: the new part reads as zeros.
    pub(crate) fn extend(&mut self, segment: &'static Segment, span: &Span, units: usize) -> Option<bool> {
        let (first, old) = (segment.unit_of(span), span.units());
        let more = units - old;
        let index = segment.index();
        if first + units > UNITS || (self.table.summary(index).free as usize) < more {
            return None;
        }
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        if bits::run_at(|word| maps.free[word], first + old, more) < more {
            return None;
        }
        let (clean, _) = self.claim(index, segment, first + old, more, false)?;
        segment.set_units(span, units);
        Some(clean)
    }

    /// Makes a span shorter in place.
    pub(crate) fn cut(&mut self, segment: &'static Segment, span: &Span, units: usize) {
        let (first, old) = (segment.unit_of(span), span.units());
        if units < old {
            segment.set_units(span, units);
            self.release(segment, first + units, old - units, true);
        }
    }

    /// The segments, and what is known of each.
    pub(crate) fn segments(&self) -> &[Entry] {
        self.table.entries()
    }

    /// A free run: a dirty one first, the lowest address first.
    fn find(&mut self, units: usize, align: usize) -> Option<(usize, usize)> {
        self.find_resident(units, align).or_else(|| self.search(units, align, false))
    }

    /// A free and dirty run, the lowest address first.
    #[inline]
    fn find_resident(&mut self, units: usize, align: usize) -> Option<(usize, usize)> {
        if self.counts.dirty < units || self.longest_dirty < units {
            return None;
        }
        let found = self.search(units, align, true);
        if found.is_none() && align == 1 {
            // H2: the search found each segment's longest to be shorter.
            self.longest_dirty = units - 1;
            self.show();
        }
        found
    }

    fn search(&mut self, units: usize, align: usize, dirty: bool) -> Option<(usize, usize)> {
        for (index, entry) in self.table.entries_mut().iter_mut().enumerate() {
            let summary = &mut entry.summary;
            let longest = if dirty { &mut summary.longest_dirty } else { &mut summary.longest };
            if (*longest as usize) < units {
                continue;
            }
            // SAFETY: G3: `&mut self` is the lock's guard.
            match unsafe { entry.segment.maps() }.find(units, align, dirty) {
                Some(unit) => return Some((index, unit)),
                None if align == 1 => *longest = units as u16 - 1,
                None => {}
            }
        }
        None
    }

    /// Marks free units as owned, which will be filled if they are `dense`. Says whether all of them read as zeros, and whether
    /// all lie in huge pages. `None`: the system has no memory for what was given back.
    fn claim(
        &mut self,
        index: usize,
        segment: &Segment,
        unit: usize,
        units: usize,
        dense: bool,
    ) -> Option<(bool, bool)> {
        if !pages::DECOMMIT_KEEPS_ACCESS {
            // SAFETY: the units are ours and free; access is only added.
            unsafe { pages::commit(segment.unit_ptr(unit), units * UNIT) }.ok()?;
        }
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        let old = bits::count(&maps.dirty, unit, units);
        if old < units && self.boards.is_some() {
            self.look_at_others();
        }
        let spare = self.counts.dirty - old;
        self.counts.in_use += units;
        self.counts.takes += 1;
        let advised = old < units && self.advise(index, segment, maps, unit, units, dense);
        let dirty = bits::count(&maps.dirty, unit, units);
        bits::clear(&mut maps.free, unit, units);
        bits::clear(&mut maps.dirty, unit, units);
        let summary = self.table.summary(index);
        summary.free -= units as u16;
        summary.dirty -= dirty as u16;
        self.counts.dirty -= dirty;
        self.counts.dirty_low = self.counts.dirty_low.min(self.counts.dirty);
        if self.boards.is_none() {
            self.make_up_for(units - old, spare);
        } else {
            self.make_up_for_all(units - old, spare);
            self.show_to_others();
        }
        Some((old == 0, advised))
    }

    fn release(&mut self, segment: &'static Segment, unit: usize, units: usize, dirty: bool) {
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        bits::set(&mut maps.free, unit, units);
        let summary = self.table.summary(segment.index());
        if dirty {
            bits::set(&mut maps.dirty, unit, units);
            summary.dirty += units as u16;
            self.counts.dirty += units;
        }
        summary.free += units as u16;
        let (longest, longest_dirty) = maps.note_grown(unit, units);
        summary.longest = summary.longest.max(longest);
        summary.longest_dirty = summary.longest_dirty.max(longest_dirty);
        self.longest_dirty = self.longest_dirty.max(longest_dirty as usize);
        self.counts.in_use -= units;
        self.show();
    }
}
