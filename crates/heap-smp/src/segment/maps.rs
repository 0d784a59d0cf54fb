//! Which units of a segment are free, and what their pages hold: bitmaps, read and written under the span heap's lock.
#![forbid(unsafe_code)]

use crate::bits;
use crate::config::{HUGE_PAGE, SEGMENT, UNIT, UNITS};
use crate::segment::starts::Starts;

/// Words of a bitmap with a bit for each unit.
pub(crate) const MAP_WORDS: usize = UNITS / 64;

/// Which units are free, and which of those hold old contents.
#[derive(Debug)]
pub(crate) struct Maps {
    /// Bit set: no span owns the unit.
    pub(crate) free: [u64; MAP_WORDS],
    /// Bit set: the unit may be resident and not zero. Clear: reading it gives zeros.
    pub(crate) dirty: [u64; MAP_WORDS],
    /// Bit set: this stretch of the size of a huge page has been advised.
    pub(crate) advised: u64,
    /// Where searches for free runs begin, and those for free and dirty ones.
    pub(crate) starts: Starts,
    pub(crate) dirty_starts: Starts,
}

/// A run of free units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FreeRun {
    pub(crate) start: usize,
    pub(crate) units: usize,
}

const _: () = assert!(SEGMENT / HUGE_PAGE <= 64);

impl Maps {
    /// The run of free units, and that of free and dirty ones, that the free units `start..start + count` lie in.
    /// (Of the second, the units themselves are counted as dirty.)
    fn runs_around(&self, start: usize, count: usize) -> (FreeRun, FreeRun) {
        let around = |word: &dyn Fn(usize) -> u64| {
            let (before, end) = (bits::run_before(word, start), start + count);
            let behind = bits::run_at(word, end, UNITS - end);
            FreeRun { start: start - before, units: before + count + behind }
        };
        (around(&|at| self.free[at]), around(&|at| self.free[at] & self.dirty[at]))
    }

    /// The units `start..start + count` have become free or dirty: notes where searches have to begin (B1). Returns the lengths of
    /// the run of free units that they lie in, and of that of free and dirty ones.
    pub(crate) fn note_grown(&mut self, start: usize, count: usize) -> (u16, u16) {
        let (free, dirty) = self.runs_around(start, count);
        self.starts.grown(free.units, free.start / 64);
        self.dirty_starts.grown(dirty.units, dirty.start / 64);
        (free.units as u16, dirty.units as u16)
    }

    /// The lowest run of `units` free units, dirty ones if so asked, at a multiple of `align` units.
    pub(crate) fn find(&mut self, units: usize, align: usize, dirty: bool) -> Option<usize> {
        let starts = if dirty { &mut self.dirty_starts } else { &mut self.starts };
        let word = |at: usize| if dirty { self.free[at] & self.dirty[at] } else { self.free[at] };
        let found = bits::find_run(word, MAP_WORDS, starts.of(units), units, align);
        if align == 1 {
            starts.searched(units, found.map_or(MAP_WORDS, |unit| unit / 64));
        }
        found
    }

    /// A free run, with the free units before and after it that share an advised stretch with it: those may be resident
    /// though nobody had them, as the rest of a huge page. The first unit, and how many.
    pub(crate) fn with_rest_of_huge_pages(&self, start: usize, count: usize) -> (usize, usize) {
        const STRETCH: usize = HUGE_PAGE / UNIT;
        let is_rest = |unit: usize| {
            self.advised >> (unit / STRETCH) & 1 == 1 && self.free[unit / 64] >> (unit % 64) & 1 == 1
        };
        let (mut first, mut end) = (start, start + count);
        while !first.is_multiple_of(STRETCH) && is_rest(first - 1) {
            first -= 1;
        }
        while !end.is_multiple_of(STRETCH) && is_rest(end) {
            end += 1;
        }
        (first, end - first)
    }
}
