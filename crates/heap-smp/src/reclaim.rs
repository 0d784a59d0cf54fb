//! When free memory goes back to the system, and how much of it. Policy only: [`SpanHeap::decommit`] does it.
//!
//! Free memory that is resident is worth keeping while the program takes it again, phase after phase: a page costs far more
//! to fault in than to keep for a moment. What it *never needed* during several ticks is surplus: the low-water
//! mark of the free resident memory. Half of the surplus goes back each tick, whole huge pages before parts of them, so an
//! idle program is lean within a second, and one whose phases are shorter than the window keeps everything.

use crate::config::UNIT;
use crate::core_heap::CoreHeap;
use crate::span_heap::SpanHeap;

/// Ticks over which the low-water mark is taken.
const WINDOW: usize = 4;

/// Ticks after which parts of huge pages go back though the program is busy.
const PARTS_EVERY: usize = 16;

/// Units given back under one holding of the lock: some hundred microseconds at the most.
const PIECE: usize = (4 << 20) / UNIT;

/// Units that stay resident though free.
fn keep(spans: &SpanHeap) -> usize {
    let settings = spans.settings();
    (settings.keep_min / UNIT).max(spans.counts.in_use / settings.keep_divisor.max(1))
}

/// What the helper remembers from tick to tick.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// The low-water marks of the last ticks, in units.
    lows: [usize; WINDOW],
    ticks: usize,
    /// Runs that had been taken at the last tick.
    takes: usize,
    /// Ticks since one was taken.
    idle: usize,
}

impl Watch {
    /// One tick has passed: gives a part of the surplus back. Says whether there is more to watch.
    pub(crate) fn tick(&mut self, core: &CoreHeap) -> bool {
        let surplus = self.surplus(core);
        let mut todo = if self.ticks < WINDOW { 0 } else { surplus.div_ceil(2).max(surplus.min(PIECE)) };
        todo -= decommit(core, todo, true);
        if self.idle >= WINDOW || self.ticks.is_multiple_of(PARTS_EVERY) {
            decommit(core, todo, false);
        }
        let spans = core.spans.lock();
        spans.counts.dirty > keep(&spans)
    }

    /// Units that were free and resident during the whole window, beyond what is kept.
    fn surplus(&mut self, core: &CoreHeap) -> usize {
        let mut spans = core.spans.lock();
        let counts = spans.counts;
        self.lows[self.ticks % WINDOW] = counts.dirty_low;
        self.ticks += 1;
        self.idle = if counts.takes == self.takes { self.idle + 1 } else { 0 };
        self.takes = counts.takes;
        spans.counts.dirty_low = counts.dirty;
        let low = self.lows.iter().copied().min().unwrap_or(0).min(counts.dirty);
        low.saturating_sub(keep(&spans))
    }
}

/// Gives up to `todo` units back, a piece at a time, and returns how many.
fn decommit(core: &CoreHeap, todo: usize, whole: bool) -> usize {
    let mut done = 0;
    while done < todo {
        match core.spans.lock().decommit((todo - done).min(PIECE), whole) {
            0 => break,
            units => done += units,
        }
    }
    done.min(todo)
}
