//! Models of span heaps beside each other: what is given back to one is found by a thread that asks another one first.

use loom::sync::Arc;
use loom::thread;

use super::model;
use crate::board::{Board, Shown};
use crate::lock::Lock;
use crate::rows::{Hints, Row};
use crate::sync::{AtomicBool, Ordering};
use crate::tag::{Rest, Tag};

const UNITS: usize = 3;

/// A span heap of one run, and its board.
struct Heap {
    is_free: Lock<bool>,
    board: Board,
}

impl Heap {
    fn new() -> Self {
        Self { is_free: Lock::new(false), board: Board::new() }
    }

    fn give(&self) {
        let mut is_free = self.is_free.lock();
        *is_free = true;
        self.board.show(Shown { reach: UNITS, ..Shown::NOTHING });
    }

    /// As a thread of another group does: looks at the board, then asks.
    fn take(&self) -> bool {
        if self.board.reach() < UNITS {
            return false;
        }
        let mut is_free = self.is_free.lock();
        let had = std::mem::replace(&mut *is_free, false);
        self.board.show(Shown::NOTHING);
        had
    }
}

/// V2: who was told that something was given back finds it, unless somebody else has it.
#[test]
fn a_run_that_was_given_back_before_a_look_is_found() {
    model(|| {
        let heap = Arc::new(Heap::new());
        let told = Arc::new(AtomicBool::new(false));
        let giver = {
            let (heap, told) = (Arc::clone(&heap), Arc::clone(&told));
            thread::spawn(move || {
                heap.give();
                told.store(true, Ordering::Release);
            })
        };
        let was_told = told.load(Ordering::Acquire);
        let taken = heap.take();
        assert!(!was_told || taken);
        giver.join().unwrap();
        // Whatever happened before, it is not forgotten.
        assert!(taken != heap.take(), "it is had once");
    });
}

/// A run that waits in a row.
struct Parked {
    tag: Tag,
}

impl AsRef<Tag> for Parked {
    fn as_ref(&self) -> &Tag {
        &self.tag
    }
}

/// A heap, and a run of it that was parked before anybody drains.
struct Parking {
    heap: Heap,
    hints: Hints,
    row: Row<Parked>,
    run: &'static Parked,
}

impl Parking {
    fn new() -> Arc<Self> {
        // SAFETY: freed by `drop`, when nobody has it.
        let run =
            unsafe { &*std::boxed::Box::into_raw(std::boxed::Box::new(Parked { tag: Tag::of_run(UNITS) })) };
        let hints = crossbeam_utils::CachePadded::into_inner(Hints::new());
        let parking = Self { heap: Heap::new(), hints, row: Row::new(), run };
        assert!(parking.row.vacant(UNITS, UNITS).is_some_and(|place| parking.row.park(place, run, UNITS)));
        parking.row.announce(&parking.hints, 1);
        Arc::new(parking)
    }

    fn drain(&self) {
        if !self.hints.any() {
            return;
        }
        let (_turn, _) = self.hints.turn();
        if self.hints.take_rows() != 0 {
            self.row.drain(&self.hints, |run, units| {
                let mut is_free = self.heap.is_free.lock();
                if run.tag.close(units) {
                    *is_free = true;
                    self.heap.board.show(Shown { reach: UNITS, ..Shown::NOTHING });
                }
            });
        }
    }
}

impl Drop for Parking {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once.
        drop(unsafe { std::boxed::Box::from_raw(core::ptr::from_ref(self.run).cast_mut()) });
    }
}

/// R5: a thread that finds nothing parked, because another one is bringing it back, waits for that.
#[test]
fn a_run_on_its_way_back_is_not_missed() {
    model(|| {
        let parking = Parking::new();
        let other = {
            let parking = Arc::clone(&parking);
            thread::spawn(move || parking.drain())
        };
        parking.drain();
        assert!(parking.heap.take(), "it was parked before");
        other.join().unwrap();
        assert!(!parking.heap.take() && !parking.run.tag.rest(UNITS, Rest::Closed), "once");
    });
}
