//! Several span heaps beside each other: whose memory is used when, and that none of it is lost or missed.

extern crate std;

use std::sync::{Barrier, mpsc};
use std::thread;
use std::vec::Vec;

use heap_os::fault::{Calls, Plan};

use super::*;
use crate::config::{UNIT, UNITS};
use crate::core_heap::CoreHeap;
use crate::directory::Owner;
use crate::reclaim::{Watch, purge};
use crate::tag::Rest;
use crate::validate::validate;

/// With small pages only, so that what is touched is what is taken.
const SETTINGS: Settings =
    Settings::new().background_thread(false).huge_pages_from(usize::MAX).processor_groups(3);

fn take(core: &CoreHeap, near: usize, units: usize) -> Option<Taken> {
    core.runs.take_fresh(&core.spans, &core.directory, near, units, 1, Purpose::Run)
}

fn take_all(core: &CoreHeap, near: usize, units: usize, count: usize) -> Vec<Taken> {
    (0..count).map(|_| take(core, near, units).expect("there is memory")).collect()
}

fn give(core: &CoreHeap, taken: &Taken) {
    assert!(taken.span.tag.rest(taken.span.units(), Rest::Closed));
    core.spans.of(taken.segment).lock().give(taken.segment, taken.span);
}

/// In use, dirty, and held in segments: units of each heap.
fn each(core: &CoreHeap) -> Vec<[usize; 3]> {
    core.spans
        .iter()
        .map(|heap| {
            let counts = heap.lock().counts;
            [counts.in_use, counts.dirty, counts.total]
        })
        .collect()
}

#[test]
fn a_group_is_served_by_its_heap_and_a_run_goes_back_to_that_of_its_segment() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    let all: Vec<_> = (0..3).map(|near| take(&HEAP, near, 5 + near).unwrap()).collect();
    assert_eq!(each(&HEAP), [[5, 0, UNITS], [6, 0, UNITS], [7, 0, UNITS]]);
    assert_eq!(all.iter().map(|taken| taken.segment.heap()).collect::<Vec<_>>(), [0, 1, 2]);
    // By a thread of whatever group.
    all.iter().for_each(|taken| give(&HEAP, taken));
    assert_eq!(each(&HEAP), [[0, 5, UNITS], [0, 6, UNITS], [0, 7, UNITS]]);
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn the_resident_memory_of_one_group_is_used_by_another_before_fresh_memory() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    let mut all = take_all(&HEAP, 0, 16, 10);
    all.extend(take_all(&HEAP, 1, 3, 20));
    all.iter().for_each(|taken| give(&HEAP, taken));
    assert_eq!(each(&HEAP), [[0, 160, UNITS], [0, 60, UNITS], [0, 0, 0]]);
    let all = take_all(&HEAP, 2, 10, 16);
    assert!(all.iter().all(|taken| !taken.clean));
    assert_eq!(each(&HEAP), [[160, 0, UNITS], [0, 60, UNITS], [0, 0, 0]]);
    // Where it does not fit, memory is fresh, of the group's own.
    assert!(take(&HEAP, 2, 61).unwrap().clean);
    assert_eq!(each(&HEAP)[2], [61, 0, UNITS]);
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn what_is_parked_by_others_is_used_before_fresh_memory() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    let all: Vec<_> = (0..3).flat_map(|near| take_all(&HEAP, near, 8, 2)).collect();
    for taken in &all {
        assert!(HEAP.runs.give_slow(&HEAP.spans, taken.segment, taken.span, 8).is_some());
    }
    // Two of a length wait in a stripe, as neighbours in one heap each.
    assert!(HEAP.runs.held() > 0);
    let long: Vec<_> = (0..3).map(|_| take(&HEAP, 1, 16).unwrap()).collect();
    assert!(long.iter().all(|taken| !taken.clean));
    assert_eq!(each(&HEAP), [[16, 0, UNITS]; 3]);
    assert_eq!((HEAP.runs.held(), validate(&HEAP)), (0, Ok(())));
}

#[test]
fn nothing_is_refused_while_another_group_has_a_run_for_it() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    take(&HEAP, 1, 1).unwrap();
    let dirty = take(&HEAP, 0, 40).unwrap();
    give(&HEAP, &dirty);
    let refused = Plan::from(0).of(Calls::MAP).on_this_thread();
    let all = take_all(&HEAP, 2, UNITS / 4, 7);
    assert!(all.iter().any(|taken| taken.segment.heap() == 0 && !taken.clean));
    assert!(all.iter().any(|taken| taken.segment.heap() == 1));
    assert!(take(&HEAP, 2, UNITS / 4).is_none());
    let rest = (0..).take_while(|_| take(&HEAP, 2, 1).is_some()).count();
    assert_eq!((rest, each(&HEAP)), (UNITS / 4 - 1, [[UNITS, 0, UNITS], [UNITS, 0, UNITS], [0; 3]].to_vec()));
    // What is freed anywhere is had again at once.
    give(&HEAP, &all[3]);
    assert!(take(&HEAP, 2, UNITS / 4).is_some());
    assert_eq!((refused.refused() > 0, validate(&HEAP)), (true, Ok(())));
}

#[test]
fn a_piece_that_lies_in_another_heaps_stretch_is_adopted_there() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    let mut elsewhere = 0;
    for at in 0..60 {
        let grown = HEAP.spans.heaps[at % 3].lock().grow_piece(&HEAP.directory, 8);
        if let Grown::Elsewhere(piece) = grown.expect("there is memory") {
            elsewhere += 1;
            HEAP.spans.heaps[piece.heap()].lock().add(piece);
        }
    }
    assert!(elsewhere > 0 || cfg!(miri), "neighbours as a rule");
    assert_eq!(validate(&HEAP), Ok(()));
    let before = HEAP.spans.counts();
    let _refused = Plan::from(0).of(Calls::MAP).on_this_thread();
    let taken = (0..).take_while(|_| take(&HEAP, 1, 1).is_some()).count();
    assert_eq!((taken, HEAP.spans.counts().in_use, validate(&HEAP)), (before.total, before.total, Ok(())));
}

#[test]
fn no_more_is_resident_in_all_heaps_than_was_once_in_use_and_a_little() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    // Holes of four units in each heap.
    let all: Vec<_> = (0..3).flat_map(|near| take_all(&HEAP, near, 4, 200)).collect();
    all.iter().step_by(2).for_each(|taken| give(&HEAP, taken));
    let holes = HEAP.spans.counts().dirty;
    let high_water = 2400;
    assert_eq!(holes, 1200);
    // By one group only.
    take_all(&HEAP, 1, 8, 140);
    let counts = HEAP.spans.counts();
    let limit = high_water + high_water / 16;
    assert!(holes + counts.in_use > limit && counts.dirty + counts.in_use <= limit, "{counts:?}");
    assert_eq!((counts.high_water, validate(&HEAP)), (high_water, Ok(())));
}

#[test]
fn a_heap_asks_for_huge_pages_where_all_heaps_together_are_large() {
    static HEAP: CoreHeap = CoreHeap::new();
    const ENOUGH: usize = (12 << 20) / UNIT;
    HEAP.configure(&SETTINGS.huge_pages_from(24 << 20));
    let slab = |near| HEAP.spans.take(&HEAP.directory, near, 2, 1, Purpose::Slab(3, near)).unwrap();
    let first = slab(1);
    take_all(&HEAP, 0, ENOUGH / 8, 8);
    // The first stretch of the segment was touched before; that of a fresh one was not.
    let all = [first, slab(1), slab(2)];
    assert_eq!(all.each_ref().map(|taken| taken.faults), [true, true, false]);
    for Taken { segment, span, .. } in all {
        HEAP.spans.of(segment).lock().give(segment, span);
    }
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn the_free_memory_of_all_heaps_goes_back_when_nothing_happens() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS.keep(1 << 20, 8));
    let all: Vec<_> = (0..3).flat_map(|near| take_all(&HEAP, near, 50, 4)).collect();
    all.iter().for_each(|taken| give(&HEAP, taken));
    assert!(HEAP.spans.here().is_worth_watching());
    let mut watch = Watch::new();
    (0..20).for_each(|_| _ = watch.tick(&HEAP));
    assert_eq!(HEAP.spans.counts().dirty * UNIT, 1 << 20);
    assert_eq!((purge(&HEAP), HEAP.spans.counts().dirty, validate(&HEAP)), (1 << 20, 0, Ok(())));
}

#[test]
fn what_moved_from_one_heap_to_another_was_in_use_once() {
    static HEAP: CoreHeap = CoreHeap::new();
    HEAP.configure(&SETTINGS);
    let holes = take_all(&HEAP, 1, 4, 8);
    holes.iter().step_by(2).for_each(|taken| give(&HEAP, taken));
    let others = take_all(&HEAP, 0, 8, 20);
    // Touches fresh memory, so the heap looks at the others; then it does not for a while.
    take(&HEAP, 1, 5).unwrap();
    assert_eq!((HEAP.spans.counts().in_use, HEAP.spans.counts().high_water), (181, 181));
    others.iter().for_each(|taken| give(&HEAP, taken));
    take_all(&HEAP, 1, 4, 4);
    assert_eq!((HEAP.spans.counts().in_use, HEAP.spans.counts().high_water), (37, 181));
    assert_eq!(validate(&HEAP), Ok(()));
}

#[test]
fn books_are_checked_while_another_thread_divides() {
    const HEAPS: usize = if cfg!(miri) { 2 } else { 100 };
    static ALL: [CoreHeap; HEAPS] = [const { CoreHeap::new() }; HEAPS];
    let both = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            for heap in &ALL {
                both.wait();
                heap.configure(&SETTINGS);
                assert!(take(heap, 2, 3).is_some());
            }
        });
        for heap in &ALL {
            both.wait();
            (0..4).for_each(|_| assert_eq!(validate(heap), Ok(())));
        }
    });
}

static SHARED: CoreHeap = CoreHeap::new();

/// Threads of each group take runs, hand half of them to the next thread, and give all back, while others drain and tick: contents
/// stay, and in the end all is free.
#[test]
fn threads_of_all_groups_take_and_give_each_others_runs() {
    const ROUNDS: usize = if cfg!(miri) { 4 } else { 400 };
    SHARED.configure(&SETTINGS);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel::<usize>()).unzip();
    thread::scope(|scope| {
        for (near, receiver) in receivers.into_iter().enumerate() {
            let next = senders[(near + 1) % 3].clone();
            scope.spawn(move || {
                let mut random = near as u64 + 1;
                for round in 0..ROUNDS {
                    random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    let taken = take_and_fill(near, 3 + (random >> 33) as usize % 60);
                    if round % 2 == 0 {
                        next.send(taken).unwrap()
                    } else {
                        check_and_free(taken)
                    }
                    receiver.try_iter().for_each(check_and_free);
                }
                drop(next);
                receiver.iter().for_each(check_and_free);
            });
        }
        drop(senders);
        let mut watch = Watch::new();
        for _ in 0..ROUNDS / 4 {
            SHARED.runs.drain(&SHARED.spans, &SHARED.directory);
            watch.tick(&SHARED);
            assert_eq!(validate(&SHARED), Ok(()));
        }
    });
    SHARED.runs.drain(&SHARED.spans, &SHARED.directory);
    assert_eq!((SHARED.spans.counts().in_use, validate(&SHARED)), (0, Ok(())));
}

fn take_and_fill(near: usize, units: usize) -> usize {
    let span = take(&SHARED, near, units).unwrap().span;
    for unit in 0..units {
        // SAFETY: the run is ours, and that long.
        unsafe { span.base().add(unit * UNIT).cast::<usize>().write(units << 16 | unit) };
    }
    span.base().addr()
}

fn check_and_free(addr: usize) {
    let Some(Owner::Segment(segment)) = SHARED.directory.owner_of(addr) else { panic!("in no segment") };
    let span = segment.span_at(addr).unwrap();
    for unit in 0..span.units() {
        // SAFETY: the run is ours by now, and that long.
        let word = unsafe { span.base().add(unit * UNIT).cast::<usize>().read() };
        assert_eq!(word, span.units() << 16 | unit);
    }
    assert!(SHARED.runs.give_slow(&SHARED.spans, segment, span, span.units()).is_some());
}
