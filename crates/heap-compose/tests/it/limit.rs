//! [`Limit`]: the budget is kept exactly, alone and by many threads.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Mutex;
use std::thread;

use heap_arena::Arena;
use heap_compose::{Event, Inspect, Limit, Null};
use heap_core::{Allocator, Global, Reset, Usage};
use heap_test::{Block, Calls, CountingAllocator, FailingAllocator, Failures};

use crate::support::{alloc, buffer, free, generous, layout, remap, resize};

#[test]
fn a_request_that_does_not_fit_never_reaches_the_child() {
    let heap = Limit::new(CountingAllocator::new(Global), 100);
    let block = alloc(&heap, 60);
    assert!(heap.alloc(layout(41, 1)).is_err() && heap.alloc_zeroed(layout(41, 1)).is_err());
    assert!(!resize(&heap, block, 60, 101) && remap(&heap, block, 60, 101).is_none());
    assert_eq!(heap.child().calls(), Calls { alloc: 1, ..Calls::default() });
    let rest = alloc(&heap, 40);
    assert_eq!(heap.remaining(), 0);
    assert!(heap.alloc(layout(0, 8)).is_ok(), "nothing costs nothing");
    free(&heap, rest, 40);
    free(&heap, block, 60);
    assert_eq!(heap.remaining(), 100);
}

#[test]
fn what_the_child_refuses_is_not_counted() {
    let child = FailingAllocator::new(Global, Failures::From(1)).refuse_resizes_from(0);
    let heap = Limit::new(child, 1000);
    let block = alloc(&heap, 100);
    for _ in 0..3 {
        assert!(heap.alloc(layout(10, 1)).is_err() && heap.alloc_zeroed(layout(10, 1)).is_err());
        assert!(!resize(&heap, block, 100, 200) && remap(&heap, block, 100, 200).is_none());
        assert!(!resize(&heap, block, 100, 50) && remap(&heap, block, 100, 50).is_none());
        assert_eq!(heap.used(), 100);
    }
    free(&heap, block, 100);
    assert_eq!(heap.used(), 0);
}

#[test]
fn growing_and_shrinking_count() {
    let heap = Limit::<_, Cell<usize>>::with_counter(buffer(2000), 1000);
    let block = alloc(&heap, 100);
    assert!(resize(&heap, block, 100, 1000) && !resize(&heap, block, 1000, 1001));
    assert_eq!(heap.used(), 1000);
    assert_eq!(remap(&heap, block, 1000, 10), Some(block));
    assert_eq!((heap.used(), heap.capacity(), heap.remaining()), (10, 10, 990));
    free(&heap, block, 10);
    assert_eq!(heap.used(), 0);
}

/// The child gives 112 bytes for 97. A client that passed 112 back would free more than was counted.
#[test]
fn slack_is_not_given_out() {
    let heap = Limit::new(generous(), 1000);
    let zeros = heap.alloc_zeroed(layout(97, 1)).unwrap();
    let block = heap.alloc(layout(97, 1)).unwrap();
    // SAFETY: live with this layout.
    let moved = unsafe { heap.remap(block.cast(), layout(97, 1), 300) }.unwrap();
    assert_eq!([zeros.len(), block.len(), moved.len()], [97, 97, 300]);
    free(&heap, moved.cast(), 300);
    free(&heap, zeros.cast(), 97);
    assert_eq!(heap.used(), 0);
}

#[test]
fn absurd_sizes_do_not_wrap_the_count() {
    let heap = Limit::new(buffer(2000), usize::MAX);
    let block = alloc(&heap, 1000);
    for size in [isize::MAX as usize, isize::MAX as usize - 1] {
        assert!(heap.alloc(layout(size, 1)).is_err());
        assert!(remap(&heap, block, 1000, size).is_none());
    }
    assert!(!resize(&heap, block, 1000, usize::MAX) && remap(&heap, block, 1000, usize::MAX).is_none());
    assert_eq!(heap.used(), 1000);
    free(&heap, block, 1000);
    assert!(Limit::new(Null, 0).alloc(layout(1, 1)).is_err());
}

#[test]
fn a_reset_gives_the_whole_budget_back() {
    let mut heap = Limit::new(Arena::new(), 1000);
    alloc(&heap, 1000);
    heap.reset();
    assert_eq!(heap.remaining(), 1000);
    alloc(&heap, 1000);
}

/// What the child sees is never above the limit, at any moment, and no thread is refused what fits.
#[test]
fn many_threads_fill_the_budget_exactly() {
    const THREADS: usize = 8;
    const SHARE: usize = 4096;
    let (live, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let child = Inspect::new(Global, |event| match event {
        Event::Alloc { layout, block: Ok(_), .. } => {
            most.fetch_max(live.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        }
        Event::Free { layout, .. } => _ = live.fetch_sub(layout.size(), Relaxed),
        _ => {}
    });
    let heap = &Limit::new(child, THREADS * SHARE);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for round in 0..2000 {
                    let first = (thread * 31 + round * 17) % SHARE + 1;
                    let block = alloc(heap, first);
                    // Never fits, and must not be in the way of those that do.
                    assert!(heap.alloc(layout(THREADS * SHARE + 1, 1)).is_err());
                    let rest = (first != SHARE).then(|| alloc(heap, SHARE - first));
                    assert!(!resize(heap, block, first, usize::MAX / 2));
                    rest.into_iter().for_each(|block| free(heap, block, SHARE - first));
                    free(heap, block, first);
                }
            });
        }
    });
    assert_eq!((heap.used(), live.load(Relaxed)), (0, 0));
    assert!((SHARE..=THREADS * SHARE).contains(&most.load(Relaxed)));
}

/// With room for half of what is asked for at once, half of it is served, and neither more nor less.
#[test]
fn threads_that_want_too_much_get_exactly_what_there_is() {
    for _ in 0..50 {
        let (heap, served) = (&Limit::new(Global, 50 * 10), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let blocks = (0..25).flat_map(|nth| Block::alloc(heap, layout(10, 1), nth));
                    served.lock().unwrap().extend(blocks.collect::<Vec<_>>());
                });
            }
        });
        assert_eq!((served.lock().unwrap().len(), heap.remaining()), (50, 0));
    }
}
