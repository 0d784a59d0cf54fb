//! When free memory goes back to the system, and how much of it. Policy only.
//!
//! Free memory that is resident is worth keeping while the program takes it again, phase after phase: a page costs far more
//! to fault in than to keep for a moment. What it *never needed* during several ticks is surplus: the low-water mark of the
//! free resident memory. Half of the surplus goes back each tick, whole huge pages before parts of them; once nothing
//! happened during the whole window, all of it. What the depots hold goes home when nobody touched it, and pages of slabs
//! without a block that is out go back when the class has been quiet. So an idle program is lean within a second, and one
//! whose phases are shorter than the window keeps everything.

use crate::config::UNIT;
use crate::core_heap::{Activity, BLOCKS_AT_ONCE, CoreHeap};
use crate::size::CLASSES;
use crate::span_heap::SpanHeap;
use crate::sync::{AtomicUsize, Ordering};

/// Ticks over which the low-water mark is taken.
const WINDOW: usize = 4;

/// Ticks without a call after which a class is quiet.
const QUIET: u8 = 2;

/// Ticks after which parts of huge pages go back though the program is busy.
const PARTS_EVERY: usize = 16;

/// Units given back under one holding of the lock: some hundred microseconds at the most.
const PIECE: usize = (4 << 20) / UNIT;

/// Ticks so far, of the helper or of calls that do its work.
static TICKS: AtomicUsize = AtomicUsize::new(0);

/// Ticks so far.
pub(crate) fn ticks() -> usize {
    TICKS.load(Ordering::Relaxed)
}

/// Gives back all that is free, whatever may be needed soon. Returns bytes: of free memory that may have been resident, and of
/// pages inside slabs that were not given back since they were last used.
pub(crate) fn purge(core: &CoreHeap) -> usize {
    let mut bytes = 0;
    for class in 0..CLASSES {
        core.drain_depot(class);
        bytes += core.trim(class);
    }
    core.runs.drain(&core.spans, &core.directory);
    let mut spans = core.spans.lock();
    let all = spans.counts.dirty;
    bytes + spans.decommit(all, false) * UNIT
}

/// What the helper remembers from tick to tick.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The low-water marks of the last ticks, in units.
    lows: [usize; WINDOW],
    ticks: usize,
    /// Runs that had been taken at the last tick.
    takes: usize,
    /// Ticks since one was taken, or any class was used.
    idle: usize,
    /// Blocks that go home from the overflows in one tick, about, at the most.
    blocks: usize,
    classes: [ClassWatch; CLASSES],
}

/// What the helper remembers of a size class.
#[derive(Clone, Copy, Debug)]
struct ClassWatch {
    seen: Activity,
    /// Ticks since anything changed.
    quiet: u8,
}

impl Watch {
    /// A helper's.
    pub(crate) const fn new() -> Self {
        Self {
            lows: [0; WINDOW],
            ticks: 0,
            takes: 0,
            idle: 0,
            blocks: usize::MAX,
            classes: [ClassWatch { seen: Activity::NONE, quiet: 0 }; CLASSES],
        }
    }

    /// A client's, which waits for each tick.
    pub(crate) const fn by_call() -> Self {
        Self { blocks: BLOCKS_AT_ONCE, ..Self::new() }
    }

    /// One tick has passed: gives back what was not needed. Says whether there is more to watch.
    pub(crate) fn tick(&mut self, core: &CoreHeap) -> bool {
        TICKS.fetch_add(1, Ordering::Relaxed);
        let mut left = self.blocks;
        let busy = (0..CLASSES).filter(|&class| self.classes[class].tick(core, class, &mut left)).count() > 0;
        let parked = core.runs.age(&core.spans, &core.directory);
        let quiet = self.classes.iter().all(|class| class.quiet > 0);
        let surplus = self.surplus(core, quiet);
        let mut todo = match self.idle >= WINDOW {
            _ if self.ticks < WINDOW => 0,
            true => surplus,
            false => surplus.div_ceil(2).max(surplus.min(PIECE)),
        };
        todo -= decommit(core, todo, true);
        if self.idle >= WINDOW || self.ticks.is_multiple_of(PARTS_EVERY) {
            decommit(core, todo, false);
        }
        let spans = core.spans.lock();
        busy || parked || spans.counts.dirty > keep(&spans)
    }

    /// Units that were free and resident during the whole window, beyond what is kept.
    fn surplus(&mut self, core: &CoreHeap, quiet: bool) -> usize {
        let mut spans = core.spans.lock();
        let counts = spans.counts;
        self.lows[self.ticks % WINDOW] = counts.dirty_low;
        self.ticks += 1;
        self.idle = if quiet && counts.takes == self.takes { self.idle + 1 } else { 0 };
        self.takes = counts.takes;
        spans.counts.dirty_low = counts.dirty;
        // Nothing taken since: what came home meanwhile was not needed either.
        let low = if self.idle >= WINDOW {
            counts.dirty
        } else {
            self.lows.iter().copied().fold(counts.dirty, usize::min)
        };
        low.saturating_sub(if self.idle >= WINDOW { spans.settings().keep_min / UNIT } else { keep(&spans) })
    }
}

impl ClassWatch {
    /// Says whether the class has anything left to give back. Up to about `left` blocks go home.
    fn tick(&mut self, core: &CoreHeap, class: usize, left: &mut usize) -> bool {
        let now = core.activity(class);
        if now != self.seen {
            *self = Self { seen: now, quiet: 0 };
            return now.is_worth_watching();
        }
        self.quiet = self.quiet.saturating_add(1);
        if self.quiet < QUIET {
            return now.is_worth_watching();
        }
        if self.quiet == QUIET {
            *left -= core.drain_part(class, *left);
            self.seen = core.activity(class);
            if *left == 0 && !self.seen.is_drained() {
                // The rest with the next tick.
                self.quiet -= 1;
                return true;
            }
            core.trim(class);
            self.seen = core.activity(class);
        }
        false
    }
}

/// Units that stay resident though free.
fn keep(spans: &SpanHeap) -> usize {
    let settings = spans.settings();
    (settings.keep_min / UNIT).max(spans.counts.in_use / settings.keep_divisor.max(1))
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
