//! When free memory goes back to the system, and how much of it. Policy only.
//!
//! Free memory that is resident is worth keeping while the program takes it again, phase after phase: a page costs far more
//! to fault in than to keep for a moment. What it *never needed* during several ticks is surplus: the low-water mark of the
//! free resident memory. Half of the surplus goes back each tick, whole huge pages before parts of them; once nothing
//! happened during the whole window, all of it. What the depots hold goes home when nobody touched it, and pages of slabs
//! without a block that is out go back when the class has been quiet. So an idle program is lean within a second, and one
//! whose phases are shorter than the window keeps everything.

use crate::config::{HEAPS, Settings, UNIT};
use crate::core_heap::{Activity, BLOCKS_AT_ONCE, CoreHeap};
use crate::lock::Lock;
use crate::size::CLASSES;
use crate::span_heap::{Counts, SpanHeap};
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
    let empty = |heap: &Lock<SpanHeap>| {
        let mut heap = heap.lock();
        let all = heap.counts.dirty;
        heap.decommit(all, false)
    };
    bytes + core.spans.iter().map(empty).sum::<usize>() * UNIT
}

/// What the helper remembers from tick to tick.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The low-water marks of the last ticks, in units, of each span heap.
    lows: [[u32; WINDOW]; HEAPS],
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
            lows: [[0; WINDOW]; HEAPS],
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
        let (surplus, of_each) = self.surplus(core, quiet);
        let mut todo = match self.idle >= WINDOW {
            _ if self.ticks < WINDOW => 0,
            true => surplus,
            false => surplus.div_ceil(2).max(surplus.min(PIECE)),
        };
        todo -= decommit(core, &of_each, todo, true);
        if self.idle >= WINDOW || self.ticks.is_multiple_of(PARTS_EVERY) {
            decommit(core, &of_each, todo, false);
        }
        let counts = core.spans.counts();
        busy || parked || counts.dirty > keep(core.spans.here().settings(), &counts)
    }

    /// Units that were free and resident during the whole window, beyond what is kept; and those of each span heap, with what is kept.
    fn surplus(&mut self, core: &CoreHeap, quiet: bool) -> (usize, [usize; HEAPS]) {
        let mut all = Counts::default();
        let mut of_each = [0; HEAPS];
        let now = self.ticks % WINDOW;
        for ((heap, lows), low) in core.spans.iter().zip(&mut self.lows).zip(&mut of_each) {
            let mut heap = heap.lock();
            let counts = heap.counts;
            heap.counts.dirty_low = counts.dirty;
            lows[now] = counts.dirty_low as u32;
            *low = lows.iter().fold(counts.dirty, |low, &one| low.min(one as usize));
            all = all.and(&counts);
        }
        self.ticks += 1;
        self.idle = if quiet && all.takes == self.takes { self.idle + 1 } else { 0 };
        self.takes = all.takes;
        let heap = core.spans.here();
        let settings = *heap.settings();
        drop(heap);
        // Nothing taken since: what came home meanwhile was not needed either.
        if self.idle >= WINDOW {
            return (all.dirty.saturating_sub(settings.keep_min / UNIT), [usize::MAX; HEAPS]);
        }
        (of_each.iter().sum::<usize>().saturating_sub(keep(&settings, &all)), of_each)
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
fn keep(settings: &Settings, counts: &Counts) -> usize {
    (settings.keep_min / UNIT).max(counts.in_use / settings.keep_divisor.max(1))
}

/// Gives up to `todo` units back, of each heap no more than so many, a piece at a time, and returns how many.
fn decommit(core: &CoreHeap, of_each: &[usize; HEAPS], todo: usize, whole: bool) -> usize {
    let mut done = 0usize;
    for (heap, &most) in core.spans.iter().zip(of_each) {
        let end = todo.min(done.saturating_add(most));
        while done < end {
            match heap.lock().decommit((end - done).min(PIECE), whole) {
                0 => break,
                units => done += units,
            }
        }
    }
    done.min(todo)
}
