//! Models of what changes hands as a whole: a span from one size class to another, and all that a thread had when it ends.

use core::ptr;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::{Contents, model};
use crate::chain::Link;
use crate::depot::{Depot, PLACES};
use crate::lock::Lock;
use crate::sync::{AtomicPtr, Ordering};

/// A span as the heap keeps it: its class is read without a lock (S1), its slab state under the class's (S2).
struct Span {
    class: AtomicPtr<u8>,
    state: UnsafeCell<usize>,
}

// SAFETY: loom checks each access to the state.
unsafe impl Sync for Span {}
// SAFETY: as above.
unsafe impl Send for Span {}

impl Span {
    /// Uses the state as the one class that has the span.
    fn touch(&self) {
        // SAFETY: the caller holds its class's lock; if the hand-over is wrong, loom reports it.
        self.state.with_mut(|state| unsafe { *state += 1 });
    }

    // Relaxed, as in `segment.rs`.
    fn set_class(&self, class: usize) {
        self.class.store(ptr::without_provenance_mut(class), Ordering::Relaxed);
    }

    fn class(&self) -> usize {
        self.class.load(Ordering::Relaxed).addr()
    }
}

/// Class 1 closes its slab; class 2 opens one in the same units and lends blocks through the depot; who gets them
/// reads the span's class without a lock, and must find 2. The states of both classes are under different locks: the span
/// heap's lock alone orders them.
#[test]
fn a_span_changes_its_class_and_who_has_a_block_of_it_sees_so() {
    model(|| {
        let span = Arc::new(Span {
            class: AtomicPtr::new(ptr::without_provenance_mut(1)),
            state: UnsafeCell::new(0),
        });
        let classes = Arc::new([Lock::new(()), Lock::new(())]);
        let free = Arc::new(Lock::new(false));
        let (depot, contents) = (Arc::new(Depot::new()), Arc::new(Contents::new()));
        let closer = {
            let (span, classes, free) = (Arc::clone(&span), Arc::clone(&classes), Arc::clone(&free));
            thread::spawn(move || {
                let _home = classes[0].lock();
                span.touch();
                let mut spans = free.lock();
                span.set_class(0);
                *spans = true;
            })
        };
        let opener = {
            let (span, classes, free) = (Arc::clone(&span), Arc::clone(&classes), Arc::clone(&free));
            let (depot, contents) = (Arc::clone(&depot), Arc::clone(&contents));
            thread::spawn(move || {
                let home = classes[1].lock();
                let mut spans = free.lock();
                if !core::mem::take(&mut *spans) {
                    return;
                }
                span.set_class(2);
                drop(spans);
                span.touch();
                drop(home);
                contents.write(contents.chains[0], 1);
                assert!(depot.push(contents.chains[0], PLACES, 2));
            })
        };
        let block = depot.pop(PLACES, 0);
        if !block.is_null() {
            contents.write(block, 1);
            assert_eq!(span.class(), 2, "S1: the class is constant while a block of the span exists");
        }
        closer.join().unwrap();
        opener.join().unwrap();
    });
}

/// What a thread keeps: blocks that nobody else may see before the thread has let them go.
struct Cache {
    bins: UnsafeCell<[*mut Link; 2]>,
}

// SAFETY: loom checks each access to the bins.
unsafe impl Sync for Cache {}
// SAFETY: as above.
unsafe impl Send for Cache {}

impl Cache {
    /// Takes all blocks out, as the cache's one owner.
    fn flush(&self) -> [*mut Link; 2] {
        // SAFETY: the caller owns the cache; if the hand-over is wrong, loom reports it.
        self.bins.with_mut(|bins| unsafe { core::mem::replace(&mut *bins, [ptr::null_mut(); 2]) })
    }

    fn fill(&self, chain: *mut Link) {
        // SAFETY: as for `flush`.
        self.bins.with_mut(|bins| unsafe { (*bins)[0] = chain });
    }
}

/// A thread ends: its full chain goes to the depot, the rest home, its cache to the list of those without a thread. The
/// helper drains the depot meanwhile, and a new thread takes the cache, and blocks from wherever they are. No block is lost,
/// none is there twice, and what they hold is seen by whoever gets them.
#[test]
fn a_thread_that_ends_leaves_every_block_once_and_its_cache_whole() {
    model(|| {
        let contents = Arc::new(Contents::new());
        let cache = Arc::new(Cache { bins: UnsafeCell::new(contents.chains) });
        let (depot, home) = (Arc::new(Depot::new()), Arc::new(Lock::new(std::vec::Vec::new())));
        let spare = Arc::new(Lock::new(false));
        let ending = {
            let (cache, contents) = (Arc::clone(&cache), Arc::clone(&contents));
            let (depot, home, spare) = (Arc::clone(&depot), Arc::clone(&home), Arc::clone(&spare));
            thread::spawn(move || {
                let [full, rest] = cache.flush();
                contents.write(full, 1);
                contents.write(rest, 1);
                assert!(depot.push(full, PLACES, 2), "there is room");
                home.lock().push(rest);
                *spare.lock() = true;
            })
        };
        let helper = {
            let (depot, home, contents) = (Arc::clone(&depot), Arc::clone(&home), Arc::clone(&contents));
            thread::spawn(move || {
                let chain = depot.pop(PLACES, 0);
                if !chain.is_null() {
                    contents.write(chain, 1);
                    home.lock().push(chain);
                }
            })
        };
        let mut mine = std::vec::Vec::new();
        if core::mem::take(&mut *spare.lock()) {
            assert_eq!(cache.flush(), [ptr::null_mut(); 2], "a spare cache is empty");
            let chain = depot.pop(PLACES, 0);
            if !chain.is_null() {
                contents.write(chain, 1);
                cache.fill(chain);
                mine.push(chain);
            }
        }
        ending.join().unwrap();
        helper.join().unwrap();
        mine.extend(home.lock().iter());
        let left = depot.pop(PLACES, 0);
        mine.extend((!left.is_null()).then_some(left));
        mine.sort();
        let mut all = contents.chains.to_vec();
        all.sort();
        assert_eq!(mine, all, "each block is somewhere, once");
    });
}
