//! Which free units stay resident, and which go back to the system; and where huge pages are asked for.

use heap_os::pages::{self, HugePages};

use super::{Entry, HUGE_UNITS, SpanHeap};
use crate::bits;
use crate::config::{HUGE_PAGE, UNIT, UNITS};
use crate::segment::{Maps, Segment};

/// Free resident bytes from which a helper thread is worth its start.
pub(crate) const WATCH_FROM: usize = 2 << 20;

/// The part of the least heap with huge pages, as a divisor, from which slabs have them. With two, 27 programs took 0.994 of the time and
/// 1.005 of the memory; with four 0.989 and 1.019. The same part for all blocks: 0.987 and 1.041, 0.975 and 1.056.
const DENSE_PART: usize = 2;

/// How much more may be resident than was ever in use, while fresh units are touched: one part in so many of that, at least so
/// many units. Of a quarter, an eighth and a sixteenth, frames of 64 KiB to 8 MiB that come and go took 0.92, 0.85 and 0.75 of
/// the memory they took without a limit, and 4,000, 6,400 and 11,700 faults; their times differed by less than the noise.
const DIRTY_PART: usize = 16;
const DIRTY_MIN: usize = (1 << 20) / UNIT;

impl SpanHeap {
    /// Whether so much is free and resident, in all heaps together, that somebody should watch it.
    pub(crate) fn is_worth_watching(&self) -> bool {
        (self.counts.dirty + self.others.dirty) * UNIT >= WATCH_FROM
    }

    /// `units` that were not resident are about to be. Where so many dirty ones are free that did not fit (`spare`, without the
    /// rest of a fresh huge page) that more would be resident than ever was of use, as many go back. Below that nothing does:
    /// whatever the sizes are that come and go, a program that repeats itself keeps what it has.
    pub(super) fn make_up_for(&mut self, units: usize, spare: usize) {
        let excess = self.excess(units, self.counts.in_use, spare);
        if excess > 0 {
            let whole = self.decommit(excess, true);
            if whole < excess {
                self.decommit(excess - whole, false);
            }
        }
    }

    /// As [`make_up_for`](Self::make_up_for), where there are other heaps: all is counted over all of them. Which one gives back whole
    /// huge pages is for the caller to find, once this one's lock is open: it is owed.
    #[inline(never)]
    pub(super) fn make_up_for_all(&mut self, units: usize, spare: usize) {
        self.counts.high_water = self.counts.high_water.max(self.others.high_water);
        if self.in_use_of_all() > self.counts.high_water {
            // What the others had may be in use here by now.
            self.look_at_others();
        }
        self.owed += self.excess(units, self.in_use_of_all(), spare + self.others.dirty);
    }

    #[inline(always)]
    fn excess(&mut self, units: usize, in_use: usize, spare: usize) -> usize {
        self.counts.high_water = self.counts.high_water.max(in_use);
        let limit = self.counts.high_water + (self.counts.high_water / DIRTY_PART).max(DIRTY_MIN);
        (in_use + spare).saturating_sub(limit).min(units)
    }

    /// Whether so much is in use that a huge page that is not filled costs a small part of it. Units that are `dense` will be filled: a
    /// slab's, not those of one long block, of which the program may use a part only.
    pub(crate) fn wants_huge_pages(&self, dense: bool) -> bool {
        let part = if dense { DENSE_PART } else { 1 };
        self.in_use_of_all() * UNIT >= self.settings.huge_pages_from / part
    }

    /// Asks for huge pages where the run enters stretches that nothing touched yet, once the heap is large enough
    /// that a part-filled one costs little. Says whether the whole run lies in advised stretches. The first touch makes
    /// all of a huge page resident, so the rest of one counts as dirty from now on: it is what the next run gets.
    pub(super) fn advise(
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
                    let summary = self.table.summary(index);
                    summary.dirty += HUGE_UNITS as u16;
                    summary.longest_dirty = summary.longest_dirty.max(maps.note_grown(first, HUGE_UNITS).1);
                    self.longest_dirty = self.longest_dirty.max(summary.longest_dirty as usize);
                    self.counts.dirty += HUGE_UNITS;
                } else {
                    all = false;
                }
            }
        }
        all
    }

    /// Gives the contents of up to `units` free dirty units back to the system, the highest addresses first. Returns
    /// how many it gave back. With `whole`, only stretches as long as a huge page go: to drop a part of one splits it for good.
    pub(crate) fn decommit(&mut self, units: usize, whole: bool) -> usize {
        let mut done = 0;
        for index in (0..self.table.count()).rev() {
            if done >= units {
                break;
            }
            let Entry { segment, summary } = self.table.entries()[index];
            if summary.dirty > 0 {
                done += self.decommit_in(index, segment, units - done, whole);
            }
        }
        self.counts.dirty_low = self.counts.dirty_low.min(self.counts.dirty);
        self.counts.returned += done;
        self.show();
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
                self.table.summary(index).dirty -= run as u16;
                self.counts.dirty -= run;
                done += run;
            }
        }
        done
    }
}
