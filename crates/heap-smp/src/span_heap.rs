//! The span heap: runs of units, cut from segments, kept while they are worth keeping, given back when not.
//!
//! A run that was used before and is still resident ("dirty") is preferred to a fresh one, the lowest address first:
//! so the resident set stays small and dense, and no page is faulted twice without need. Free neighbours coalesce by
//! being neighbours in a bitmap.

#[cfg(feature = "checked")]
mod guard;
mod source;
#[cfg(test)]
mod tests;

use heap_os::pages::{self, HugePages};

use crate::bits;
use crate::config::{HUGE_PAGE, Settings, UNIT, UNITS};
use crate::directory::Directory;
use crate::segment::{Maps, Purpose, Segment, Span};

/// Segments at the most: one TiB where a segment is 32 MiB. Larger blocks have mappings of their own and do not count.
const SEGMENTS: usize = if usize::BITS >= 64 { 32 << 10 } else { 1 << 10 };
/// Free resident bytes from which a helper thread is worth its start.
pub(crate) const WATCH_FROM: usize = 2 << 20;
/// Units of a huge page.
const HUGE_UNITS: usize = HUGE_PAGE / UNIT;

/// The part of the least heap with huge pages, as a divisor, from which slabs have them. With two, 27 programs took 0.994 of the time and
/// 1.005 of the memory; with four 0.989 and 1.019. The same part for all blocks: 0.987 and 1.041, 0.975 and 1.056.
const DENSE_PART: usize = 2;

/// How much more may be resident than was ever in use, while fresh units are touched: one part in so many of that, at least so
/// many units. Of a quarter, an eighth and a sixteenth, frames of 64 KiB to 8 MiB that come and go took 0.92, 0.85 and 0.75 of
/// the memory they took without a limit, and 4,000, 6,400 and 11,700 faults; their times differed by less than the noise.
const DIRTY_PART: usize = 16;
const DIRTY_MIN: usize = (1 << 20) / UNIT;

/// What a search needs to know of a segment before it looks at its maps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) free: u16,
    pub(crate) dirty: u16,
    /// No run of free units is longer.
    pub(crate) longest: u16,
    /// No run of free and dirty units is longer.
    pub(crate) longest_dirty: u16,
}

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
    /// The most that `in_use` was.
    pub(crate) high_water: usize,
    /// Segments' units, free or not.
    pub(crate) total: usize,
    /// Given back to the system so far.
    pub(crate) returned: usize,
}

/// The state behind the span heap's lock.
///
/// # Invariants
///
/// - **H1** `segments[..count]` are all the open segments. A unit whose `free` bit is set belongs to nobody; `dirty`
///   is meaningful for free units only, and its count is `summary.dirty`.
/// - **H2** `summary[i]` says the truth about `segments[i]` (`longest` and `longest_dirty`: an upper bound).
/// - **H3** `counts` are the sums over all segments.
#[derive(Debug)]
pub(crate) struct SpanHeap {
    pub(crate) segments: [Option<&'static Segment>; SEGMENTS],
    summary: [Summary; SEGMENTS],
    count: usize,
    pub(crate) counts: Counts,
    settings: Settings,
}

/// Units that were just taken.
#[derive(Debug)]
pub(crate) struct Taken {
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
            segments: [None; SEGMENTS],
            summary: [Summary { free: 0, dirty: 0, longest: 0, longest_dirty: 0 }; SEGMENTS],
            count: 0,
            counts: Counts {
                in_use: 0,
                dirty: 0,
                takes: 0,
                dirty_low: 0,
                high_water: 0,
                total: 0,
                returned: 0,
            },
            settings: Settings::UNSET,
        }
    }

    /// Takes the settings over, once: the first allocator that is used decides.
    pub(crate) fn configure(&mut self, settings: &Settings) {
        if self.settings == Settings::UNSET {
            self.settings = *settings;
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether so much is free and resident that somebody should watch it.
    pub(crate) fn is_worth_watching(&self) -> bool {
        self.counts.dirty * UNIT >= WATCH_FROM
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

    /// As [`take`](Self::take), but only where all of the run is resident.
    pub(crate) fn take_resident(&mut self, units: usize, align: usize, purpose: Purpose) -> Option<Taken> {
        if self.counts.dirty < units {
            return None;
        }
        let (index, unit) = self.search(units, align, true)?;
        self.take_at(index, unit, units, purpose)
    }

    fn take_at(&mut self, index: usize, unit: usize, units: usize, purpose: Purpose) -> Option<Taken> {
        let segment = self.segments[index]?;
        let dense = matches!(purpose, Purpose::Slab(..));
        let (clean, advised) = self.claim(index, segment, unit, units, dense)?;
        let span = segment.describe(unit, units, purpose);
        let large_heap = self.counts.in_use * UNIT >= self.settings.prefault_from;
        Some(Taken { span, clean, faults: clean && !advised, large_heap })
    }

    /// Gives a span's units back.
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
        if first + units > UNITS || (self.summary[index].free as usize) < more {
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

    /// The open segments, and what is known of each.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (&'static Segment, &Summary)> {
        let listed = self.segments[..self.count].iter().zip(&self.summary);
        listed.filter_map(|(segment, summary)| Some(((*segment)?, summary)))
    }

    /// A free run: a dirty one first, the lowest address first.
    fn find(&mut self, units: usize, align: usize) -> Option<(usize, usize)> {
        if self.counts.dirty >= units
            && let Some(found) = self.search(units, align, true)
        {
            return Some(found);
        }
        self.search(units, align, false)
    }

    fn search(&mut self, units: usize, align: usize, dirty: bool) -> Option<(usize, usize)> {
        for index in 0..self.count {
            let summary = &mut self.summary[index];
            let longest = if dirty { &mut summary.longest_dirty } else { &mut summary.longest };
            if (*longest as usize) < units {
                continue;
            }
            let Some(segment) = self.segments[index] else { continue };
            // SAFETY: G3: `&mut self` is the lock's guard.
            match unsafe { segment.maps() }.find(units, align, dirty) {
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
        let spare = self.counts.dirty - old;
        self.counts.in_use += units;
        self.counts.takes += 1;
        let advised = old < units && self.advise(index, segment, maps, unit, units, dense);
        let dirty = bits::count(&maps.dirty, unit, units);
        bits::clear(&mut maps.free, unit, units);
        bits::clear(&mut maps.dirty, unit, units);
        let summary = &mut self.summary[index];
        summary.free -= units as u16;
        summary.dirty -= dirty as u16;
        self.counts.dirty -= dirty;
        self.counts.dirty_low = self.counts.dirty_low.min(self.counts.dirty);
        self.make_up_for(units - old, spare);
        Some((old == 0, advised))
    }

    /// `units` that were not resident are about to be. Where so many dirty ones are free that did not fit (`spare`, without the
    /// rest of a fresh huge page) that more would be resident than ever was of use, as many go back. Below that nothing does:
    /// whatever the sizes are that come and go, a program that repeats itself keeps what it has.
    fn make_up_for(&mut self, units: usize, spare: usize) {
        self.counts.high_water = self.counts.high_water.max(self.counts.in_use);
        let limit = self.counts.high_water + (self.counts.high_water / DIRTY_PART).max(DIRTY_MIN);
        let excess = (self.counts.in_use + spare).saturating_sub(limit).min(units);
        if excess > 0 {
            let whole = self.decommit(excess, true);
            if whole < excess {
                self.decommit(excess - whole, false);
            }
        }
    }

    /// Whether so much is in use that a huge page that is not filled costs a small part of it. Units that are `dense` will be filled: a
    /// slab's, not those of one long block, of which the program may use a part only.
    pub(crate) fn wants_huge_pages(&self, dense: bool) -> bool {
        let part = if dense { DENSE_PART } else { 1 };
        self.counts.in_use * UNIT >= self.settings.huge_pages_from / part
    }

    /// Asks for huge pages where the run enters stretches that nothing touched yet, once the heap is large enough
    /// that a part-filled one costs little. Says whether the whole run lies in advised stretches. The first touch makes
    /// all of a huge page resident, so the rest of one counts as dirty from now on: it is what the next run gets.
    fn advise(
        &mut self,
        index: usize,
        segment: &Segment,
        maps: &mut Maps,
        unit: usize,
        units: usize,
        dense: bool,
    ) -> bool {
        let large = self.wants_huge_pages(dense);
        let mut all = true;
        for stretch in unit / HUGE_UNITS..=(unit + units - 1) / HUGE_UNITS {
            let first = stretch * HUGE_UNITS;
            if maps.advised & (1 << stretch) == 0 {
                let untouched = bits::count(&maps.free, first, HUGE_UNITS) == HUGE_UNITS
                    && bits::count(&maps.dirty, first, HUGE_UNITS) == 0;
                if large && untouched {
                    // SAFETY: the stretch is ours and lies inside the segment. Advice changes no contents.
                    let _ =
                        unsafe { pages::advise_huge(segment.unit_ptr(first), HUGE_PAGE, HugePages::Advise) };
                    maps.advised |= 1 << stretch;
                    bits::set(&mut maps.dirty, first, HUGE_UNITS);
                    let summary = &mut self.summary[index];
                    summary.dirty += HUGE_UNITS as u16;
                    summary.longest_dirty = summary.longest_dirty.max(maps.note_grown(first, HUGE_UNITS).1);
                    self.counts.dirty += HUGE_UNITS;
                } else {
                    all = false;
                }
            }
        }
        all
    }

    fn release(&mut self, segment: &'static Segment, unit: usize, units: usize, dirty: bool) {
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        bits::set(&mut maps.free, unit, units);
        let summary = &mut self.summary[segment.index()];
        if dirty {
            bits::set(&mut maps.dirty, unit, units);
            summary.dirty += units as u16;
            self.counts.dirty += units;
        }
        summary.free += units as u16;
        let (longest, longest_dirty) = maps.note_grown(unit, units);
        summary.longest = summary.longest.max(longest);
        summary.longest_dirty = summary.longest_dirty.max(longest_dirty);
        self.counts.in_use -= units;
    }

    /// Gives the contents of up to `units` free dirty units back to the system, the highest addresses first. Returns
    /// how many it gave back. With `whole`, only stretches as long as a huge page go: to drop a part of one splits it for good.
    pub(crate) fn decommit(&mut self, units: usize, whole: bool) -> usize {
        let mut done = 0;
        for index in (0..self.count).rev() {
            if done >= units {
                break;
            }
            if self.summary[index].dirty > 0
                && let Some(segment) = self.segments[index]
            {
                done += self.decommit_in(index, segment, units - done, whole);
            }
        }
        self.counts.dirty_low = self.counts.dirty_low.min(self.counts.dirty);
        self.counts.returned += done;
        done
    }

    fn decommit_in(&mut self, index: usize, segment: &Segment, units: usize, whole: bool) -> usize {
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        let grain = if whole { HUGE_UNITS } else { 1 };
        let mut done = 0;
        let mut from = 0;
        while done < units
            && let Some(one) = bits::next_one(|word| maps.free[word] & maps.dirty[word], from, UNITS)
        {
            let start = one.next_multiple_of(grain);
            let limit = (units - done).next_multiple_of(grain).min(UNITS.saturating_sub(start));
            let run = bits::run_at(|word| maps.free[word] & maps.dirty[word], start, limit) / grain * grain;
            from = start + run.max(1);
            let (first, all) = maps.with_rest_of_huge_pages(start, run);
            // SAFETY: the units are free (H1), so their contents are nobody's.
            if run > 0 && unsafe { pages::decommit(segment.unit_ptr(first), all * UNIT) }.is_ok() {
                bits::clear(&mut maps.dirty, start, run);
                self.summary[index].dirty -= run as u16;
                self.counts.dirty -= run;
                done += run;
            }
        }
        done
    }
}
