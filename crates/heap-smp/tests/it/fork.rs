//! Fork while other threads allocate: the child's heap is whole.
#![cfg(unix)]

use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use heap_smp::SmpAllocator;

use crate::child;
use crate::forked::in_a_child;
use crate::rounds::rounds;

fn churn() -> usize {
    let held: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; n * 50]).collect();
    held.iter().map(Vec::len).sum()
}

/// Runs `body` beside four busy threads.
fn beside_busy_threads(body: impl FnOnce()) {
    static DONE: AtomicBool = AtomicBool::new(false);
    let work = || {
        while !DONE.load(Ordering::Relaxed) {
            churn();
            // Large blocks too: the lock of the span heap is often held.
            drop((vec![1_u8; 40_000], vec![1_u8; 300_000]));
        }
    };
    let workers: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect();
    body();
    DONE.store(true, Ordering::Relaxed);
    workers.into_iter().for_each(|worker| worker.join().unwrap());
}

#[test]
fn a_child_of_a_busy_process_can_allocate() {
    child::passes("fork::a_child_of_a_busy_process_can_allocate", || {
        beside_busy_threads(|| {
            for _ in 0..rounds(300) {
                in_a_child(|| churn() == 200 * 199 / 2 * 50);
            }
        });
    });
}

/// The child frees what its parent made, small, large and huge, changes sizes, and has children itself.
#[test]
fn a_child_frees_its_parents_blocks_and_forks_again() {
    child::passes("fork::a_child_frees_its_parents_blocks_and_forks_again", || {
        beside_busy_threads(|| {
            for round in 0..rounds(8) as u8 {
                let mut small: Vec<_> = (0..2000).map(|n| vec![round; n]).collect();
                let mut large: Vec<_> = (0..20).map(|n| vec![round; 40_000 * (n + 1)]).collect();
                let huge = vec![round; 20 << 20];
                in_a_child(|| {
                    let whole = |bytes: &Vec<u8>| bytes.iter().step_by(997).all(|&byte| byte == round);
                    let mut good = small.iter().all(whole) && large.iter().all(whole) && whole(&huge);
                    small.truncate(1000);
                    large.iter_mut().for_each(|bytes| bytes.resize(bytes.len() * 2, round));
                    drop(huge);
                    good &= large.iter().all(whole) && churn() > 0;
                    in_a_child(|| {
                        good &= large.iter().all(whole) && small.iter().all(whole);
                        drop((take(&mut small), take(&mut large)));
                        good && churn() > 0 && SmpAllocator::new().validate() == Ok(())
                    });
                    SmpAllocator::new().validate() == Ok(())
                });
                assert!(small.iter().all(|bytes| bytes.iter().all(|&byte| byte == round)));
            }
        });
    });
}

/// The process has no private heap.
#[test]
fn a_child_of_a_process_that_checks_its_books_can_check_its_own() {
    child::passes("fork::a_child_of_a_process_that_checks_its_books_can_check_its_own", || {
        static DONE: AtomicBool = AtomicBool::new(false);
        let checker = thread::spawn(|| {
            while !DONE.load(Ordering::Relaxed) {
                assert_eq!(SmpAllocator::new().validate(), Ok(()));
            }
        });
        for _ in 0..rounds(100) {
            in_a_child(|| {
                // SAFETY: ends a child that would wait for ever.
                unsafe { libc::alarm(60) };
                SmpAllocator::new().validate() == Ok(())
            });
        }
        DONE.store(true, Ordering::Relaxed);
        checker.join().unwrap();
    });
}
