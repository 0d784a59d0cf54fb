//! Which units of a segment are free, and what their pages hold: bitmaps, read and written under the span heap's lock.
#![forbid(unsafe_code)]

use crate::bits;
use crate::config::{HUGE_PAGE, SEGMENT, UNIT, UNITS};

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
}

const _: () = assert!(SEGMENT / HUGE_PAGE <= 64);

impl Maps {
    /// The lengths of the run of free units, and of that of free and dirty ones, that the free units `start..start + count` lie in.
    /// (Of the second, the units themselves are counted as dirty.)
    pub(crate) fn run_around(&self, start: usize, count: usize) -> (u16, u16) {
        let around = |word: &dyn Fn(usize) -> u64| {
            let end = start + count;
            (bits::run_before(word, start) + count + bits::run_at(word, end, UNITS - end)) as u16
        };
        (around(&|at| self.free[at]), around(&|at| self.free[at] & self.dirty[at]))
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
