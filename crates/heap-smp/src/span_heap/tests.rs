//! Random takes and gives beside naive books: what is free is always found, and what is said to be zeros is.

extern crate std;

use core::num::Wrapping;
use core::ptr::NonNull;
use std::vec::Vec;

use super::*;
use crate::core_heap::CoreHeap;
use crate::directory::Owner;
use crate::size::{CLASS, CLASSES};
use crate::validate::check_spans;

const STEPS: usize = if cfg!(miri) { 40 } else { 600 };

struct Random(Wrapping<u64>);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0 * Wrapping(6364136223846793005) + Wrapping(1442695040888963407);
        (self.0.0 >> 33) as usize % bound
    }
}

/// A span that is out.
struct Out {
    segment: &'static Segment,
    span: &'static Span,
    is_run: bool,
}

/// The first word of each page of a span's units from `from` on.
fn words(out: &Out, from: usize) -> impl Iterator<Item = *mut u64> {
    let (base, page) = (out.span.base(), pages::page_size());
    (from * UNIT / page..out.span.units() * UNIT / page).map(move |at| base.wrapping_add(at * page).cast())
}

fn check_and_fill(out: &Out, from: usize, clean: bool) {
    for word in words(out, from) {
        // SAFETY: in a page of a span that is ours.
        unsafe {
            assert!(!clean || word.read() == 0, "a clean run reads as zeros");
            word.write(u64::MAX);
        }
    }
}

/// Whether a run of that many free units, or free and dirty ones, exists at that alignment, found one unit after the other.
fn exists(heap: &SpanHeap, units: usize, align: usize, dirty: bool) -> bool {
    heap.segments().iter().any(|Entry { segment, .. }| {
        // SAFETY: G3: the caller holds the lock.
        let maps = unsafe { segment.maps() };
        let is = |unit: usize| {
            let word = maps.free[unit / 64] & if dirty { maps.dirty[unit / 64] } else { u64::MAX };
            word >> (unit % 64) & 1 == 1
        };
        let mut run = 0;
        (0..UNITS).any(|unit| {
            run = if is(unit) { run + 1 } else { 0 };
            // The longest run that ends here is at `unit + 1 - run`.
            run > 0 && (unit + 1 - run).next_multiple_of(align) + units <= unit + 1
        })
    })
}

/// A span heap, and what is known of it without its books.
struct Game<'a> {
    heap: &'a mut SpanHeap,
    directory: &'a Directory,
    all: Vec<Out>,
    random: Random,
}

impl Game<'_> {
    fn take(&mut self, most: usize) {
        let (units, align, purpose) = if self.random.below(3) == 0 {
            let class = self.random.below(CLASSES);
            (CLASS[class].units as usize, 1, Purpose::Slab(class, 0))
        } else {
            let align = [1, 1, 8, HUGE_UNITS][self.random.below(4)];
            (1 + self.random.below(most), align, Purpose::Run)
        };
        let (free, dirty) = (exists(self.heap, units, align, false), exists(self.heap, units, align, true));
        let total = self.heap.counts.total;
        let taken = self.heap.take(self.directory, units, align, purpose).expect("there is memory");
        assert!(!free || self.heap.counts.total == total, "what is free is found");
        assert!(!dirty || !taken.clean, "what is resident comes first");
        let addr = taken.span.base().addr();
        assert!((addr / UNIT).is_multiple_of(align));
        let Some(Owner::Segment(segment)) = self.directory.owner_of(addr) else { panic!("in no segment") };
        let out = Out { segment, span: taken.span, is_run: matches!(purpose, Purpose::Run) };
        check_and_fill(&out, 0, taken.clean);
        self.all.push(out);
    }

    fn resize(&mut self, most: usize, grow: bool) {
        let out = &self.all[self.random.below(self.all.len())];
        let (old, end) = (out.span.units(), out.segment.unit_of(out.span) + out.span.units());
        if !out.is_run {
            return;
        }
        if !grow {
            return self.heap.cut(out.segment, out.span, 1 + self.random.below(old));
        }
        let more = 1 + self.random.below(most);
        // SAFETY: G3: the lock is held, and the reference is gone before the next.
        let free = bits::run_at(|at| unsafe { out.segment.maps() }.free[at], end, UNITS - end);
        let extended = self.heap.extend(out.segment, out.span, old + more);
        assert_eq!(extended.is_some(), free >= more, "what is free behind a run is its own");
        if let Some(clean) = extended {
            check_and_fill(out, old, clean);
        }
    }

    fn give(&mut self, clean: bool) {
        let out = self.all.swap_remove(self.random.below(self.all.len()));
        if !clean {
            return self.heap.give(out.segment, out.span);
        }
        let base = NonNull::new(out.span.base()).unwrap();
        // SAFETY: the span is ours, and its contents are nobody's.
        unsafe { pages::decommit(base, out.span.units() * UNIT) }.unwrap();
        self.heap.give_clean(out.segment, out.span);
    }

    fn step(&mut self) {
        let most = [4, 40, 400.min(UNITS / 2), UNITS / 2][self.random.below(4)];
        match self.random.below(12) {
            0..=4 if self.heap.counts.in_use < 2 * UNITS => self.take(most),
            5 => {
                let whole = self.random.below(2) == 0;
                self.heap.decommit(1 + self.random.below(most), whole);
            }
            _ if self.all.is_empty() => {}
            kind @ 6..=8 => self.resize(most, kind < 8),
            kind => self.give(kind == 9),
        }
        assert_eq!(check_spans(self.heap, &mut [0; CLASSES]), Ok(()));
        let sum = self.all.iter().map(|out| out.span.units()).sum::<usize>();
        assert_eq!(self.heap.counts.in_use, sum);
    }

    /// Nothing wrote into a span but its owner.
    fn check_contents(&self) {
        for word in self.all.iter().flat_map(|out| words(out, 0)) {
            // SAFETY: in a page of a span that is ours.
            assert_eq!(unsafe { word.read() }, u64::MAX);
        }
    }
}

fn play(core: &'static CoreHeap, settings: Settings, seed: u64) {
    core.configure(&settings);
    let heap = &mut *core.spans.here();
    let random = Random(Wrapping(seed));
    let mut game = Game { heap, directory: &core.directory, all: Vec::new(), random };
    for step in 0..STEPS {
        game.step();
        if step % 64 == 0 {
            game.check_contents();
        }
    }
    game.check_contents();
    while !game.all.is_empty() {
        game.give(false);
    }
    assert_eq!((game.heap.counts.in_use, check_spans(game.heap, &mut [0; CLASSES])), (0, Ok(())));
    assert!(game.heap.search(UNITS, 1, false).is_some(), "all of a segment is one run again");
}

#[test]
fn what_is_free_is_found_and_zeros_are_zeros() {
    static HEAP: CoreHeap = CoreHeap::new();
    play(&HEAP, Settings::new().huge_pages_from(usize::MAX), 1);
}

#[test]
fn what_is_free_is_found_and_zeros_are_zeros_in_huge_pages() {
    static HEAP: CoreHeap = CoreHeap::new();
    play(&HEAP, Settings::new().huge_pages_from(0), 2);
}

#[test]
fn what_is_free_is_found_and_zeros_are_zeros_where_slabs_alone_have_huge_pages() {
    static HEAP: CoreHeap = CoreHeap::new();
    play(&HEAP, Settings::new().huge_pages_from(24 << 20), 3);
}
