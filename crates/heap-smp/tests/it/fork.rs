//! Fork while other threads allocate: the child's heap is whole.
#![cfg(unix)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::child;

fn churn() -> usize {
    let held: Vec<Vec<u8>> = (0..200).map(|n| vec![n as u8; n * 50]).collect();
    held.iter().map(Vec::len).sum()
}

#[test]
fn a_child_of_a_busy_process_can_allocate() {
    child::passes("fork::a_child_of_a_busy_process_can_allocate", || {
        static DONE: AtomicBool = AtomicBool::new(false);
        let workers: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(|| {
                    while !DONE.load(Ordering::Relaxed) {
                        churn();
                    }
                })
            })
            .collect();
        for _ in 0..300 {
            // SAFETY: the child calls nothing but the allocator and `_exit`.
            match unsafe { libc::fork() } {
                0 => {
                    let sum = churn();
                    // SAFETY: ends the child without running anything of the parent's.
                    unsafe { libc::_exit(i32::from(sum != 200 * 199 / 2 * 50)) }
                }
                child => {
                    assert!(child > 0);
                    let mut status = 0;
                    // SAFETY: waits for our own child.
                    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
                    assert_eq!(status, 0);
                }
            }
        }
        DONE.store(true, Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}
