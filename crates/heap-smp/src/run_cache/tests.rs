//! The run cache on heaps of its own: each test with a row, and without.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Barrier;
use std::thread;

use heap_test::Rng;

use super::*;
use crate::config::{RUN_MAX, Settings};
use crate::core_heap::CoreHeap;
use crate::large;
use crate::span_heap::Entry;
use crate::validate::validate;

const SETTINGS: Settings = Settings::new().background_thread(false);

/// Runs `body` on a thread with a seat.
fn seated<T>(body: impl FnOnce() -> T) -> T {
    seat::take();
    while seat::own() == SEATS {
        // Other tests have them all.
        thread::yield_now();
        seat::take();
    }
    let value = body();
    seat::leave();
    value
}

fn layout(units: usize) -> Layout {
    Layout::from_size_align(units * UNIT, 8).unwrap()
}

fn take(core: &'static CoreHeap, units: usize) -> NonNull<u8> {
    core.configure(&SETTINGS);
    NonNull::new(large::alloc(core, layout(units), &SETTINGS)).unwrap()
}

fn free(core: &'static CoreHeap, block: NonNull<u8>, units: usize) {
    // SAFETY: the tests give each block once, with the length it was taken with.
    unsafe { large::free(core, block, layout(units)) }
}

/// Takes a run of each length, in units, and gives all back.
fn park(core: &'static CoreHeap, lengths: impl Iterator<Item = usize>) {
    let blocks: Vec<_> = lengths.map(|units| (take(core, units), units)).collect();
    blocks.into_iter().for_each(|(block, units)| free(core, block, units));
}

fn drain(core: &'static CoreHeap) -> bool {
    core.runs.drain(&core.spans, &core.directory)
}

/// The units of all runs that rest in rows, each of which some row must point to whose bit is set.
fn check_hints(core: &'static CoreHeap) -> usize {
    let rows = core.runs.hints.rows.load(Ordering::Relaxed);
    let mut sum = 0;
    for heap in core.spans.iter().map(|heap| heap.lock()) {
        let spans = heap.segments().iter().flat_map(|Entry { segment, .. }| {
            (0..crate::config::UNITS).filter_map(|unit| segment.span_at(unit * UNIT))
        });
        for span in spans {
            if let Some(units) = span.tag.in_row() {
                let points = |row: &Row<Span>| row.resting().any(|other| core::ptr::eq(other, span));
                let known =
                    core.runs.rows.iter().enumerate().any(|(at, row)| rows >> at & 1 == 1 && points(row));
                assert!(known && units == span.units());
                sum += units;
            }
        }
    }
    sum
}

#[test]
fn runs_of_many_lengths_are_watched_as_those_of_one() {
    fn check(heap: &'static CoreHeap) {
        let most = WATCH_FROM / UNIT - 1;
        park(heap, [most].into_iter());
        assert!(!heap.runs.is_worth_watching(), "too little");
        park(heap, most + 1..most + 3);
        assert!(heap.runs.held() * UNIT >= WATCH_FROM && heap.runs.is_worth_watching());
        // The same again is no more; what went back is not counted.
        (0..100).for_each(|_| park(heap, [most].into_iter()));
        assert_eq!(heap.runs.hints.most.load(Ordering::Relaxed), heap.runs.held());
        assert!(drain(heap) && !heap.runs.is_worth_watching());
        assert_eq!((heap.runs.hints.most.load(Ordering::Relaxed), validate(heap)), (0, Ok(())));
    }
    static HEAP: CoreHeap = CoreHeap::new();
    check(&HEAP);
    seated(|| check(&HEAP));
}

#[test]
fn what_a_thread_was_about_to_drain_is_not_missed_in_the_child_of_a_fork() {
    fn check(heap: &'static CoreHeap) {
        park(heap, [100].into_iter());
        // As far as a draining thread is when it waits for the first stripe, or one that parks before it says so; the child is
        // without it.
        heap.runs.hints.stripes.store(false, Ordering::Relaxed);
        heap.runs.hints.rows.store(0, Ordering::Relaxed);
        heap.lock_for_fork();
        // SAFETY: locked just above.
        unsafe {
            heap.runs.recount_in_child();
            heap.unlock_after_fork();
        }
        assert!(heap.runs.is_worth_watching() == (heap.runs.held() * UNIT >= WATCH_FROM));
        assert!(drain(heap) && heap.runs.held() == 0);
    }
    static HEAP: CoreHeap = CoreHeap::new();
    check(&HEAP);
    seated(|| check(&HEAP));
}

#[test]
fn rows_whose_owners_are_gone_are_put_right_in_the_child_of_a_fork() {
    static HEAP: CoreHeap = CoreHeap::new();
    let row = seated(|| {
        park(&HEAP, 20..25);
        let row = &HEAP.runs.rows[seat::own()];
        // As if it had parked the last run and not yet written so, and had begun to say how much it holds.
        row.forget_books();
        row
    });
    HEAP.runs.hints.most.fetch_sub(1000, Ordering::Relaxed);
    HEAP.lock_for_fork();
    // SAFETY: locked just above.
    unsafe {
        HEAP.runs.recount_in_child();
        HEAP.unlock_after_fork();
    }
    assert_eq!((HEAP.runs.held(), row.most()), ((20..25).sum(), (20..25).sum()));
    assert_eq!(HEAP.runs.hints.most.load(Ordering::Relaxed), HEAP.runs.held());
    assert_eq!(row.take_any(22, |_| true).map(Span::units), Some(22));
}

#[test]
fn a_recount_while_a_thread_drains_finds_nothing_wrong() {
    fn check(heap: &'static CoreHeap) {
        park(heap, [100].into_iter());
        heap.runs.hints.stripes.store(false, Ordering::Relaxed);
        assert_eq!(validate(heap), Ok(()));
    }
    static HEAP: CoreHeap = CoreHeap::new();
    check(&HEAP);
    seated(|| check(&HEAP));
}

#[test]
fn a_count_that_is_negative_for_a_moment_is_little() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.runs.hints.change_most(7, 0);
    assert!(!HEAP.runs.is_worth_watching());
    park(&HEAP, [100].into_iter());
    HEAP.runs.hints.change_most(0, 7);
    assert_eq!(HEAP.runs.hints.most.load(Ordering::Relaxed), 100);
}

#[test]
fn a_recount_before_which_a_thread_came_that_drains_finds_nothing_wrong() {
    static HEAP: CoreHeap = CoreHeap::new();
    park(&HEAP, [100].into_iter());
    HEAP.lock_for_fork();
    // After the locks are closed: the thread waits for the first stripe.
    HEAP.runs.hints.stripes.store(false, Ordering::Relaxed);
    // SAFETY: closed just above.
    let sound = unsafe { HEAP.runs.is_sound() };
    // SAFETY: as above.
    unsafe { HEAP.unlock_after_fork() };
    assert!(sound && HEAP.runs.held() > 0);
}

#[test]
fn a_row_is_used_before_the_stripes_and_those_before_the_span_heap() {
    static HEAP: CoreHeap = CoreHeap::new();
    seated(|| {
        let in_stripes = || HEAP.runs.stripes.iter().map(|stripe| stripe.lock().units).sum::<usize>();
        // Eight in the row, four in one stripe.
        let blocks: Vec<_> = (0..14).map(|_| take(&HEAP, 10)).collect();
        blocks.iter().for_each(|&block| free(&HEAP, block, 10));
        assert_eq!((HEAP.runs.held(), in_stripes(), HEAP.spans.counts().dirty), (120, 40, 20));
        // All come out again, those that went back to the span heap last.
        let again: Vec<_> = (0..14).map(|_| take(&HEAP, 10)).collect();
        assert!(again[..12].iter().all(|block| blocks[..12].contains(block)));
        assert!(again[12..].iter().all(|block| blocks[12..].contains(block)));
        assert_eq!((HEAP.runs.held(), HEAP.spans.counts().dirty), (0, 0));
        again.iter().for_each(|&block| free(&HEAP, block, 10));
        // A row holds 8 MiB at the most, and nothing longer. On 32 bits that is a few of the longest runs.
        assert!(drain(&HEAP));
        let longest = UNITS_MAX.min(RUN_MAX / UNIT);
        let others = core::iter::repeat_n(longest, UNITS_MAX / longest - 1);
        park(&HEAP, others.chain([longest - 9, 10, 9, UNITS_MAX + 1]));
        assert_eq!((HEAP.runs.held(), in_stripes()), (UNITS_MAX + 10, 10));
        assert_eq!(check_hints(&HEAP), UNITS_MAX);
    });
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn a_row_that_was_drained_is_as_good_as_new() {
    static HEAP: CoreHeap = CoreHeap::new();
    seated(|| {
        for round in 0..5 {
            park(&HEAP, 5 + round..13 + round);
            assert_eq!(check_hints(&HEAP), (5 + round..13 + round).sum());
            thread::scope(|scope| scope.spawn(|| assert!(drain(&HEAP))).join().unwrap());
            assert_eq!((HEAP.runs.held(), drain(&HEAP)), (0, false));
        }
        // What it points to, and does not hold, is not taken.
        assert_eq!(HEAP.runs.take_slow(10, 1).map(Span::units), None);
    });
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn of_many_frees_of_one_block_one_succeeds() {
    static HEAP: CoreHeap = CoreHeap::new();
    for round in 0..300 {
        let block = take(&HEAP, 3);
        let Some(Owner::Segment(segment)) = HEAP.directory.owner_of(block.addr().get()) else {
            panic!("a run")
        };
        let span = segment.span_at(block.addr().get()).unwrap();
        let all = Barrier::new(3);
        let give = |with_seat: bool| {
            all.wait();
            let given = if with_seat { HEAP.runs.give(span, 3) } else { None };
            if given.is_some_and(|known| !known) {
                HEAP.runs.tell();
            }
            given.or_else(|| HEAP.runs.give_slow(&HEAP.spans, segment, span, 3)).is_some()
        };
        let frees = thread::scope(|scope| {
            let other = scope.spawn(|| give(false));
            let seats = [round % 3 > 0, round % 3 > 1];
            let threads =
                seats.map(|with| scope.spawn(move || if with { seated(|| give(true)) } else { give(false) }));
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|&freed| freed).count()
                + usize::from(other.join().unwrap())
        });
        assert_eq!((frees, HEAP.runs.held()), (1, 3));
        assert!(!span.tag.rest(4, Rest::Row) && drain(&HEAP));
    }
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn a_run_whose_pages_went_back_before_it_is_freed_once() {
    static HEAP: CoreHeap = CoreHeap::new();
    let blocks = [take(&HEAP, 5), take(&HEAP, 5)];
    let Some(Owner::Segment(segment)) = HEAP.directory.owner_of(blocks[0].addr().get()) else {
        panic!("a run")
    };
    let spans = blocks.map(|block| segment.span_at(block.addr().get()).unwrap());
    let give = |span, units| HEAP.runs.give_clean(&mut HEAP.spans.here(), segment, span, units);
    assert_eq!([give(spans[0], 4), give(spans[0], 5), give(spans[0], 5)], [false, true, false]);
    // Another thread was first: the run waits for the next request, which gets it whole.
    free(&HEAP, blocks[1], 5);
    assert!(!give(spans[1], 5) && take(&HEAP, 5) == blocks[1]);
    assert_eq!((validate(&HEAP), HEAP.spans.counts().in_use), (Ok(()), 5));
}

#[test]
fn threads_that_park_take_and_drain_lose_no_run() {
    static HEAP: CoreHeap = CoreHeap::new();
    const ROUNDS: usize = if cfg!(miri) { 30 } else { 3_000 };
    let work = |seed: u64| {
        let mut rng = Rng::new(seed);
        let mut live: Vec<(NonNull<u8>, usize)> = Vec::new();
        for _ in 0..ROUNDS {
            if live.len() < 12 && rng.below(2) == 0 {
                let units = 3 + rng.below(6);
                let block = take(&HEAP, units);
                // SAFETY: the block is ours. Two owners of one would see each other's number.
                unsafe { block.cast::<u64>().write(seed) };
                live.push((block, units));
            } else if !live.is_empty() {
                let (block, units) = live.swap_remove(rng.below(live.len()));
                // SAFETY: the block is ours.
                assert_eq!(unsafe { block.cast::<u64>().read() }, seed);
                free(&HEAP, block, units);
            }
            if rng.below(50) == 0 {
                drain(&HEAP);
            }
        }
        live.into_iter().for_each(|(block, units)| free(&HEAP, block, units));
    };
    thread::scope(|scope| {
        for seed in 1..=3 {
            scope.spawn(move || if seed < 3 { seated(|| work(seed)) } else { work(seed) });
        }
        scope.spawn(|| (0..100).for_each(|_| _ = HEAP.runs.age(&HEAP.spans, &HEAP.directory)));
    });
    // Nobody is at work: what rests in a row is pointed to, and what is held is what is in use.
    let in_stripes: usize = HEAP.runs.stripes.iter().map(|stripe| stripe.lock().units).sum();
    assert_eq!(check_hints(&HEAP) + in_stripes, HEAP.runs.held());
    assert_eq!((HEAP.runs.held(), validate(&HEAP)), (HEAP.spans.counts().in_use, Ok(())));
    drain(&HEAP);
    assert_eq!((HEAP.runs.held(), HEAP.spans.counts().in_use), (0, 0));
}

#[test]
fn what_a_row_holds_goes_back_after_two_quiet_ticks() {
    static HEAP: CoreHeap = CoreHeap::new();
    let age = || HEAP.runs.age(&HEAP.spans, &HEAP.directory);
    seated(|| {
        park(&HEAP, 20..24);
        assert!(age());
        // In use again.
        park(&HEAP, 20..21);
        assert!(age() && HEAP.runs.held() == (20..24).sum());
        assert!(!age() && HEAP.runs.held() == 0);
        assert_eq!(HEAP.runs.hints.rows.load(Ordering::Relaxed), 0);
    });
    assert_eq!(validate(&HEAP), Ok(()));
}
