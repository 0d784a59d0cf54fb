//! Where a search for a run begins: for each length the word before which no run of so many units starts.
//!
//! First fit looks at the lowest addresses first, which in a heap that has been used for a while are full of runs too short for it. What
//! one search went past in vain, the next one for as many units or more need not look at, until something is freed there.
#![forbid(unsafe_code)]

/// Lengths that are told apart, in units; longer runs begin where those of so many units do.
const LENGTHS: usize = 64;

/// Word indices of a bitmap by the length of a run.
///
/// # Invariants
///
/// - **B1** In the word `words[n - 1]` or behind it starts every run of at least `n` ones; zeros say nothing. So the numbers never fall from
///   one length to the next.
#[derive(Debug)]
pub(crate) struct Starts {
    words: [u8; LENGTHS],
}

impl Starts {
    /// The first word in which a run of `units` may start.
    #[inline]
    pub(crate) fn of(&self, units: usize) -> usize {
        self.words[units.clamp(1, LENGTHS) - 1] as usize
    }

    /// A search for `units` found no run that starts before `word`.
    #[inline]
    pub(crate) fn searched(&mut self, units: usize, word: usize) {
        let word = word as u8;
        // None of more units either.
        self.words.iter_mut().skip(units.max(1) - 1).for_each(|known| *known = (*known).max(word));
    }

    /// A run of `units` now starts in `word`.
    #[inline]
    pub(crate) fn grown(&mut self, units: usize, word: usize) {
        let word = word as u8;
        self.words.iter_mut().take(units).for_each(|known| *known = (*known).min(word));
    }

    /// Anything may have changed.
    pub(crate) fn forget(&mut self) {
        self.words = [0; LENGTHS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_searched_in_vain_is_skipped_for_that_length_and_longer_ones() {
        let mut starts = Starts { words: [0; LENGTHS] };
        starts.searched(5, 7);
        assert_eq!([1, 4, 5, 6, 64, 1_000].map(|units| starts.of(units)), [0, 0, 7, 7, 7, 7]);
        starts.searched(3, 2);
        assert_eq!([2, 3, 4, 5].map(|units| starts.of(units)), [0, 2, 2, 7]);
        starts.searched(1_000, 9);
        assert_eq!(starts.of(64), 7, "what is longer than all lengths says nothing of the longest");
        starts.grown(10, 1);
        assert_eq!([3, 5, 10, 11].map(|units| starts.of(units)), [1, 1, 1, 7]);
        starts.grown(1_000, 0);
        assert_eq!(starts.of(64), 0);
        starts.searched(1, 3);
        starts.forget();
        assert_eq!(starts.of(1), 0);
    }
}
