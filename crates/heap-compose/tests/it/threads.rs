//! [`ThreadSafe`] and [`PerThread`] with threads.

use core::num::NonZeroUsize;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::mpsc;
use std::thread;

use heap_arena::{Arena, FixedBuffer};
use heap_compose::{FreeList, Inspect, Limit, PerThread, ThreadSafe};
use heap_core::{Allocator, Owns, Reset, Usage};
use heap_test::{Block, Limits, Program};
use lock_api::GetThreadId;

use crate::support::{alloc, buffer, free, layout, strict};

/// Eight threads run random programs, hand blocks to each other and check them all.
fn eight_threads(heap: &(impl Allocator + Sync), limits: Limits) {
    let programs: Vec<_> = (0..8).map(|seed| Program::from_seed(seed, 2000, &limits)).collect();
    Program::run_on_threads(&programs, heap, &limits).unwrap();
}

/// D-TS-01
#[test]
fn eight_threads_over_an_arena_and_over_a_fixed_buffer() {
    eight_threads(&ThreadSafe::new(Arena::new()), Limits::DEFAULT);
    // The programs ask for more than there is, so refusals are forgiven.
    let buffer: ThreadSafe<FixedBuffer<'_>> = ThreadSafe::new(buffer(1 << 20));
    eight_threads(&buffer, Limits::NOTHING.max_size(4096).max_align(64));
    assert!(buffer.used() > 0);
}

#[test]
fn the_child_is_looked_at_under_the_lock() {
    let heap = ThreadSafe::new(Arena::new());
    let block = alloc(&heap, 100);
    assert_eq!(heap.with(Arena::used), 100);
    assert!(heap.owns(block) && heap.used() == 100);
}

/// The least lock: for a system without threads that can sleep.
struct Spin(AtomicBool);

// SAFETY: the exchange lets one caller through until it unlocks; Acquire pairs with the Release there.
unsafe impl lock_api::RawMutex for Spin {
    const INIT: Self = Self(AtomicBool::new(false));
    type Guard = ();
    fn lock(&self) {
        while self.try_lock().is_none() {
            thread::yield_now();
        }
    }
    fn try_lock(&self) -> Option<()> {
        (!self.0.swap(true, Acquire)).then_some(())
    }
    unsafe fn unlock(&self, (): ()) {
        self.0.store(false, Release);
    }
    fn is_locked(&self) -> bool {
        self.0.load(Relaxed)
    }
}

#[test]
fn a_lock_of_ones_own_serves_as_well() {
    let heap = ThreadSafe::<_, Spin>::with_lock(Arena::new());
    eight_threads(&heap, Limits::DEFAULT);
}

#[test]
fn a_block_freed_by_another_thread_goes_back_to_the_child_that_made_it() {
    let heap = &PerThread::<_, 4>::new([(); 4].map(|()| strict()));
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for thread in 0..4 {
            let sender = sender.clone();
            scope.spawn(move || {
                for nth in 0..500 {
                    let align = 1 << (nth % 10);
                    sender
                        .send(
                            Block::alloc(heap, layout(nth + 1, align), (thread * 1000 + nth) as u64).unwrap(),
                        )
                        .unwrap();
                }
            });
        }
        drop(sender);
        scope.spawn(move || receiver.into_iter().for_each(|block| block.free().unwrap()));
    });
    // Each child is strict: a block of another one would make its drop panic.
}

/// Ids from a counter: each test thread says which child is its own.
struct Counter;

thread_local! {
    static ID: core::cell::Cell<usize> = const { core::cell::Cell::new(1) };
}

// SAFETY: the tests set the id once per thread, to numbers that differ.
unsafe impl GetThreadId for Counter {
    const INIT: Self = Self;
    fn nonzero_thread_id(&self) -> NonZeroUsize {
        NonZeroUsize::new(ID.get()).unwrap()
    }
}

#[test]
fn a_thread_keeps_to_its_child_while_that_has_memory_and_then_asks_the_others() {
    let asked: [AtomicUsize; 3] = Default::default();
    let children = asked
        .each_ref()
        .map(|asked| Inspect::new(Limit::new(Arena::new(), 10_000), |_| _ = asked.fetch_add(1, Relaxed)));
    let heap = PerThread::<_, 3, parking_lot::RawMutex, Counter>::with_locks(children);
    for _ in 0..8 {
        alloc(&heap, 1000);
    }
    let mut calls = asked.each_ref().map(|asked| asked.load(Relaxed));
    calls.sort_unstable();
    assert_eq!(calls, [0, 0, 8]);
    for _ in 0..19 {
        alloc(&heap, 1000);
    }
    assert!(heap.alloc(layout(1000, 1)).is_err(), "all three are full");
    assert!(asked.iter().all(|asked| asked.load(Relaxed) >= 9));
}

#[test]
fn ids_that_lie_pages_apart_spread_over_the_children() {
    let asked: [AtomicUsize; 8] = Default::default();
    let children =
        asked.each_ref().map(|asked| Inspect::new(Arena::new(), |_| _ = asked.fetch_add(1, Relaxed)));
    let heap = PerThread::<_, 8, parking_lot::RawMutex, Counter>::with_locks(children);
    for id in (0..64).map(|nth| 0x7F00_0000 + nth * 0x1000) {
        ID.set(id);
        alloc(&heap, 64);
    }
    let calls = asked.each_ref().map(|asked| asked.load(Relaxed));
    assert!(calls.iter().all(|calls| (2..=20).contains(calls)), "{calls:?}");
}

#[test]
fn a_reset_reaches_all_children() {
    let mut heap = PerThread::<_, 4>::new([(); 4].map(|()| FreeList::<_, 1, 64>::new(Arena::new())));
    thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(|| _ = alloc(&heap, 64))));
    heap.reset();
    let block = alloc(&heap, 64);
    free(&heap, block, 64);
}
