//! Threads: many, short, more than processors, freeing for each other, allocating while they end.

use std::alloc::Layout;
use std::cell::RefCell;
use std::sync::mpsc;
use std::thread;

use heap_core::Allocator;
use heap_smp::SmpAllocator;
use heap_test::{Limits, Program};

use crate::child;
use crate::rounds::rounds;

const SMP: SmpAllocator = SmpAllocator::new();

/// A block filled with its own mark, which checks the mark when it is dropped.
struct Marked {
    bytes: Vec<u8>,
    mark: u8,
}

impl Marked {
    fn new(size: usize, mark: u8) -> Self {
        Self { bytes: vec![mark; size], mark }
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        assert!(self.bytes.iter().all(|&byte| byte == self.mark), "another owner wrote here");
    }
}

/// D-SM-01
#[test]
fn two_threads_never_share_a_block() {
    thread::scope(|scope| {
        for mark in 1..=2u8 {
            scope.spawn(move || {
                let mut held = Vec::new();
                for round in 0..20 {
                    for log2 in 0..16 {
                        held.push(Marked::new((1 << log2) + round, mark));
                    }
                    if round % 3 == 0 {
                        held.drain(..held.len() / 2);
                    }
                }
            });
        }
    });
}

/// D-SM-02
#[test]
fn memory_of_a_producer_and_a_consumer_is_bounded() {
    child::passes("threads::memory_of_a_producer_and_a_consumer_is_bounded", || {
        let (send, receive) = mpsc::sync_channel::<Vec<Marked>>(4);
        let consumer = thread::spawn(move || receive.into_iter().map(|batch| batch.len()).sum::<usize>());
        let mut reserved = Vec::new();
        for batch in 0..2000usize {
            let blocks = (0..100).map(|n| Marked::new(16 + (batch + n) % 500, n as u8)).collect();
            send.send(blocks).unwrap();
            if batch % 500 == 499 {
                reserved.push(SMP.stats().slab_bytes);
            }
        }
        drop(send);
        assert_eq!(consumer.join().unwrap(), 200_000);
        assert!(reserved[3] <= reserved[0] + (4 << 20), "{reserved:?}");
    });
}

/// D-SM-03
#[test]
fn memory_of_threads_that_exited_is_used_again() {
    child::passes("threads::memory_of_threads_that_exited_is_used_again", || {
        let mut first = 0;
        for round in 0..200 {
            thread::spawn(|| {
                let held: Vec<_> = (0..1000).map(|n| Marked::new(n, n as u8)).collect();
                assert_eq!(held.len(), 1000);
            })
            .join()
            .unwrap();
            let now = SMP.stats().slab_bytes;
            if round == 9 {
                first = now;
            }
            assert!(round < 10 || now <= first + (1 << 20), "{round}: {first} -> {now}");
        }
    });
}

/// D-SM-04
#[test]
fn more_threads_than_processors_finish() {
    thread::scope(|scope| {
        for mark in 0..32u8 {
            scope.spawn(move || {
                for round in 0..300 {
                    let held: Vec<_> = (0..10).map(|n| Marked::new(n * 37 + round, mark)).collect();
                    drop(held);
                }
            });
        }
    });
}

/// A storm: 16 at a time, as fast as they come. A tenth of it where each block is checked: the default build has had all of it.
#[test]
fn a_hundred_thousand_short_threads_leave_nothing_behind() {
    child::passes("threads::a_hundred_thousand_short_threads_leave_nothing_behind", || {
        let rounds = rounds(if cfg!(feature = "checked") { 625 } else { 6250 });
        let mut after_first = 0;
        for round in 0..rounds {
            let start = |n: usize| {
                let body = move || drop(Marked::new(n * 100, n as u8));
                thread::Builder::new().stack_size(64 << 10).spawn(body).unwrap()
            };
            let threads: Vec<_> = (0..16).map(start).collect();
            for thread in threads {
                thread.join().unwrap();
            }
            if round == 20 {
                after_first = SMP.stats().slab_bytes;
            }
        }
        let at_end = SMP.stats().slab_bytes;
        assert!(at_end <= after_first + (1 << 20), "{after_first} -> {at_end}");
        assert_eq!(SMP.validate(), Ok(()));
    });
}

/// `cargo xtask soak --threads 64` does a million steps each.
#[test]
fn a_crowd_of_random_programs_finds_every_block_as_it_was_written() {
    let limits = Limits::DEFAULT.total(usize::MAX >> 8).max_size(100_000);
    let steps = rounds(1000);
    let programs: Vec<_> = (0..64).map(|seed| Program::from_seed(seed, steps, &limits)).collect();
    let calls = Program::run_on_threads(&programs, &SMP, &limits).unwrap();
    assert!(calls > 30 * steps as u64, "{calls}");
}

#[test]
fn blocks_outlive_the_thread_that_made_them() {
    let made: Vec<_> = (0..20u8)
        .map(|mark| thread::spawn(move || (0..300).map(|n| Marked::new(n * 3, mark)).collect::<Vec<_>>()))
        .collect();
    let all: Vec<_> = made.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(all.len(), 6000);
    thread::spawn(move || drop(all)).join().unwrap();
}

/// Allocates and frees while the thread's own destructors run, on either side of the allocator's.
struct AtExit {
    held: RefCell<Vec<Marked>>,
}

impl Drop for AtExit {
    fn drop(&mut self) {
        self.held.borrow_mut().clear();
        for n in 0..100 {
            drop(Marked::new(n * 10, 3));
        }
        let kept = SMP.alloc(Layout::new::<[u64; 8]>()).unwrap();
        // SAFETY: just allocated with this layout.
        unsafe { SMP.free(kept.cast(), Layout::new::<[u64; 8]>()) };
    }
}

thread_local! {
    static FIRST: AtExit = const { AtExit { held: RefCell::new(Vec::new()) } };
    static LAST: AtExit = const { AtExit { held: RefCell::new(Vec::new()) } };
}

#[test]
fn destructors_of_thread_locals_may_allocate_and_free() {
    child::passes("threads::destructors_of_thread_locals_may_allocate_and_free", || {
        let run = || {
            thread::spawn(|| {
                // Registered before the thread's first allocation of its own, and after.
                FIRST.with(|_| ());
                FIRST.with(|first| first.held.borrow_mut().push(Marked::new(500, 1)));
                LAST.with(|last| last.held.borrow_mut().extend((0..50).map(|n| Marked::new(n, 2))));
            })
            .join()
            .unwrap();
        };
        (0..50).for_each(|_| run());
        let before = SMP.stats().slab_bytes;
        (0..2000).for_each(|_| run());
        let after = SMP.stats().slab_bytes;
        assert!(after <= before + (1 << 20), "{before} -> {after}");
    });
}

#[test]
fn the_books_balance_while_threads_work() {
    let done = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for mark in 0..4u8 {
            let done = &done;
            scope.spawn(move || {
                for round in 0..400 {
                    let held: Vec<_> =
                        (0..100).map(|n| Marked::new((n * 53 + round * 7) % 50_000, mark)).collect();
                    drop(held);
                }
                done.store(true, std::sync::atomic::Ordering::Relaxed);
            });
        }
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            assert_eq!(SMP.validate(), Ok(()));
            thread::yield_now();
        }
    });
    SMP.purge();
    assert_eq!(SMP.validate(), Ok(()));
}
