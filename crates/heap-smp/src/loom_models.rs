//! Models of the crate's lock-free protocols: loom runs every interleaving that the C11 memory model allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p heap-smp --lib loom`. Loom does not see links that lie in raw memory, so
//! each model carries what a chain's blocks hold in loom's own cells, written before the hand-over and read after it.

mod hand_over;
mod parking;
mod several_heaps;

use std::boxed::Box;
use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::chain::Link;
use crate::depot::{Depot, PLACES};
use crate::lock::Lock;
use crate::publish::{Outcome, publish};
use crate::sync::{AtomicPtr, Ordering};

/// The contents of two chains: loom reports a race if a hand-over does not order the accesses.
struct Contents {
    cells: [UnsafeCell<usize>; 2],
    chains: [*mut Link; 2],
}

// SAFETY: loom checks each access to the cells; the pointers are only compared.
unsafe impl Sync for Contents {}
// SAFETY: as above.
unsafe impl Send for Contents {}

impl Contents {
    fn new() -> Self {
        let chain = || Box::into_raw(Box::new(Link { next: core::ptr::null_mut() }));
        Self { cells: [UnsafeCell::new(0), UnsafeCell::new(0)], chains: [chain(), chain()] }
    }

    fn index(&self, chain: *mut Link) -> usize {
        let index = self.chains.iter().position(|&known| known == chain);
        assert!(index.is_some(), "a chain that nobody made");
        index.unwrap_or_default()
    }

    /// Writes as the one owner of a chain.
    fn write(&self, chain: *mut Link, value: usize) {
        // SAFETY: the caller owns the chain; if the protocol is wrong, loom reports it.
        self.cells[self.index(chain)].with_mut(|cell| unsafe { *cell += value });
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        for chain in self.chains {
            // SAFETY: made by `new`, freed once.
            drop(unsafe { Box::from_raw(chain) });
        }
    }
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

#[test]
fn a_chain_has_one_owner_and_its_links_are_seen_by_the_next() {
    model(|| {
        let depot = Arc::new(Depot::new());
        let contents = Arc::new(Contents::new());
        let workers: Vec<_> = (0..2)
            .map(|me| {
                let (depot, contents) = (Arc::clone(&depot), Arc::clone(&contents));
                thread::spawn(move || {
                    contents.write(contents.chains[me], 1);
                    assert!(depot.push(contents.chains[me], PLACES, 2 * me), "there is room for both");
                    let taken = depot.pop(PLACES, 2 * me);
                    if !taken.is_null() {
                        contents.write(taken, 10);
                    }
                    taken
                })
            })
            .collect();
        let mut seen: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        seen.push(depot.pop(PLACES, 0));
        seen.push(depot.pop(PLACES, 0));
        seen.retain(|chain| !chain.is_null());
        seen.sort();
        let mut all = contents.chains.to_vec();
        all.sort();
        assert_eq!(seen, all, "each chain came out once");
    });
}

#[test]
fn a_chain_is_seen_whole_by_the_thread_that_takes_it() {
    model(|| {
        let depot = Arc::new(Depot::new());
        let contents = Arc::new(Contents::new());
        let giver = {
            let (depot, contents) = (Arc::clone(&depot), Arc::clone(&contents));
            thread::spawn(move || {
                contents.write(contents.chains[0], 1);
                assert!(depot.push(contents.chains[0], PLACES, 2));
            })
        };
        let taken = depot.pop(PLACES, 0);
        if !taken.is_null() {
            contents.write(taken, 1);
        }
        giver.join().unwrap();
    });
}

#[test]
fn a_lock_orders_its_holders() {
    model(|| {
        let lock = Arc::new(Lock::new(()));
        let contents = Arc::new(Contents::new());
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (lock, contents) = (Arc::clone(&lock), Arc::clone(&contents));
                thread::spawn(move || {
                    let _held = lock.lock();
                    contents.write(contents.chains[0], 1);
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn a_pointer_is_published_once_and_whole() {
    model(|| {
        let place = Arc::new(AtomicPtr::new(core::ptr::null_mut()));
        let contents = Arc::new(Contents::new());
        let workers: Vec<_> = (0..2)
            .map(|me| {
                let (place, contents) = (Arc::clone(&place), Arc::clone(&contents));
                thread::spawn(move || {
                    contents.write(contents.chains[me], 7);
                    let (there, outcome) = publish(&place, contents.chains[me]);
                    let index = contents.index(there);
                    // SAFETY: nobody writes after publishing.
                    contents.cells[index].with(|cell| assert_eq!(unsafe { *cell }, 7));
                    outcome
                })
            })
            .collect();
        let outcomes: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
        assert_eq!(outcomes.iter().filter(|&&outcome| outcome == Outcome::Published).count(), 1);
        assert!(!place.load(Ordering::Relaxed).is_null());
    });
}
