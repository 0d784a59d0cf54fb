//! A span heap beside others: what it shows to them, and what it knows of them.
#![forbid(unsafe_code)]

use core::mem;

use crossbeam_utils::CachePadded;

use super::SpanHeap;
use crate::board::{self, Board, Shown};
use crate::config::HEAPS;

/// The boards of all heaps that there may be.
pub(crate) type Boards = [CachePadded<Board>; HEAPS];

/// Changes after which a heap looks at what the others show. (It does whenever it touches fresh memory, too, which costs far more.)
const CHANGES: u32 = 64;

impl SpanHeap {
    /// Its number among the heaps of the process.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// Units that spans own, of all heaps together: of this one exactly.
    pub(crate) fn in_use_of_all(&self) -> usize {
        self.counts.in_use + self.others.in_use
    }

    fn board(&self) -> Option<&'static Board> {
        self.boards.and_then(|boards| boards.get(self.number)).map(|board| &**board)
    }

    /// What the heap's board says (V1).
    fn shown(&self) -> Shown {
        Shown {
            in_use: self.counts.in_use,
            dirty: self.counts.dirty,
            high_water: self.counts.high_water,
            reach: self.longest_dirty.min(self.counts.dirty),
        }
    }

    /// No run of free and dirty units is longer.
    pub(crate) fn longest_dirty(&self) -> usize {
        self.longest_dirty
    }

    /// Whether the heap's board, if it has one, says what is so.
    pub(crate) fn is_shown(&self) -> bool {
        self.board().is_none_or(|board| board.shown() == self.shown())
    }

    /// Something has changed: shows it to the other heaps, and looks at them every now and then.
    #[inline(always)]
    pub(super) fn show(&mut self) {
        if self.boards.is_some() {
            self.show_to_others();
        }
    }

    #[inline(never)]
    pub(super) fn show_to_others(&mut self) {
        if let Some(board) = self.board() {
            board.show(self.shown());
        }
        self.changes += 1;
        if self.changes >= CHANGES {
            self.look_at_others();
        }
    }

    /// Looks at what the other heaps show.
    #[inline(always)]
    pub(crate) fn look_around(&mut self) {
        if self.boards.is_some() {
            self.look_at_others();
        }
    }

    #[inline(never)]
    pub(super) fn look_at_others(&mut self) {
        if let Some(boards) = self.boards {
            self.others = board::others(&boards[..self.heaps], self.number);
        }
        self.changes = 0;
    }

    /// Dirty units of any heap that have to go back: the caller sees to it, and to be reminded once is enough.
    pub(crate) fn owed(&mut self) -> usize {
        mem::take(&mut self.owed)
    }
}
