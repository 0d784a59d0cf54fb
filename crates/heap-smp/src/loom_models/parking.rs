//! Models of rows: who parks and takes runs without a lock, beside those who want all runs back.

use std::boxed::Box;
use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::model;
use crate::rows::{Hints, Row};
use crate::tag::{Rest, Tag};

const UNITS: usize = 3;
const UNITS_MAX: usize = 10;

/// A run: what its owner writes there, and its tag.
struct Run {
    tag: Tag,
    contents: UnsafeCell<usize>,
}

// SAFETY: loom checks each access to the contents.
unsafe impl Sync for Run {}
// SAFETY: as above.
unsafe impl Send for Run {}

impl AsRef<Tag> for Run {
    fn as_ref(&self) -> &Tag {
        &self.tag
    }
}

impl Run {
    /// Writes as the one owner.
    fn write(&self) {
        // SAFETY: the caller has the run; if the protocol is wrong, loom reports it.
        self.contents.with_mut(|contents| unsafe { *contents += 1 });
    }
}

/// Two threads' rows, and two runs.
struct Rows {
    rows: [Row<Run>; 2],
    hints: Hints,
    runs: [&'static Run; 2],
}

impl Rows {
    fn new() -> Arc<Self> {
        let run = || {
            let run = Run { tag: Tag::of_run(UNITS), contents: UnsafeCell::new(0) };
            // SAFETY: freed by `drop`, when nobody has it.
            unsafe { &*Box::into_raw(Box::new(run)) }
        };
        let hints = crossbeam_utils::CachePadded::into_inner(Hints::new());
        Arc::new(Self { rows: [Row::new(), Row::new()], hints, runs: [run(), run()] })
    }

    fn park(&self, row: usize, run: &'static Run) {
        run.write();
        let place = self.rows[row].vacant(UNITS, UNITS_MAX);
        let place = place.or_else(|| self.rows[row].vacant_again(&self.hints, 1 << row, UNITS, UNITS_MAX));
        assert!(place.is_some_and(|place| self.rows[row].park(place, run, UNITS)), "a block, and room");
        if !self.rows[row].is_known(&self.hints, 1 << row) {
            self.rows[row].announce(&self.hints, 1 << row);
        }
    }

    fn take(&self, row: usize) -> Option<&'static Run> {
        let run = self.rows[row].take_any(UNITS, |_| true);
        run.inspect(|run| run.write())
    }

    fn drain(&self) -> Vec<&'static Run> {
        let rows = self.hints.take_rows();
        let mut found = Vec::new();
        for row in (0..2).filter(|row| rows >> row & 1 == 1) {
            self.rows[row].drain(&self.hints, |run, units| {
                if run.tag.close(units) {
                    run.write();
                    found.push(run);
                }
            });
        }
        found
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        for run in self.runs {
            // SAFETY: made by `new`, freed once.
            drop(unsafe { Box::from_raw(core::ptr::from_ref(run).cast_mut()) });
        }
    }
}

/// What was parked comes out once: to the thread that drains beside it, or to the next. In the second round the row is known, and its
/// owner only looks.
#[test]
fn a_run_that_is_parked_while_others_drain_is_found_once() {
    for known in [false, true] {
        model(move || {
            let rows = Rows::new();
            if known {
                rows.park(0, rows.runs[1]);
            }
            let drainer = {
                let rows = Arc::clone(&rows);
                thread::spawn(move || rows.drain().len())
            };
            rows.park(0, rows.runs[0]);
            let found = drainer.join().unwrap();
            assert_eq!(found + rows.drain().len(), 1 + usize::from(known));
            assert!(rows.drain().is_empty());
        });
    }
}

/// The owner takes what it parked, and parks it again, unless it was drained meanwhile.
#[test]
fn a_run_has_one_owner_whether_it_is_taken_or_drained() {
    model(|| {
        let rows = Rows::new();
        rows.park(0, rows.runs[0]);
        let drainer = {
            let rows = Arc::clone(&rows);
            thread::spawn(move || rows.drain().len())
        };
        let mut kept = 0;
        if let Some(run) = rows.take(0) {
            rows.park(0, run);
            kept = usize::from(rows.take(0).is_some());
        }
        let found = drainer.join().unwrap();
        assert_eq!(found + kept + rows.drain().len(), 1);
    });
}

/// A run that one row points to still, and another does too: both owners may take it, and others drain.
#[test]
fn a_run_to_which_two_rows_point_has_one_owner() {
    model(|| {
        let rows = Rows::new();
        let run = rows.runs[0];
        rows.park(0, run);
        // It was drained, and the second thread got it.
        assert_eq!(rows.drain().len(), 1);
        run.tag.set(crate::tag::Kind::Run, 0, UNITS);
        let other = {
            let rows = Arc::clone(&rows);
            thread::spawn(move || {
                rows.park(1, rows.runs[0]);
                usize::from(rows.take(1).is_some())
            })
        };
        let taken = usize::from(rows.take(0).is_some());
        let all = taken + other.join().unwrap() + rows.drain().len();
        assert_eq!(all, 1);
    });
}

/// A place is used for another run only when nothing depends on it.
#[test]
fn a_full_row_that_is_drained_beside_its_owner_loses_nothing() {
    model(|| {
        let rows = Rows::new();
        rows.park(0, rows.runs[0]);
        rows.park(0, rows.runs[1]);
        let drainer = {
            let rows = Arc::clone(&rows);
            thread::spawn(move || rows.drain())
        };
        let vacant = rows.rows[0].vacant_again(&rows.hints, 1, UNITS, UNITS_MAX).is_some();
        let mut found = drainer.join().unwrap();
        assert!(!vacant || !found.is_empty());
        found.extend(rows.drain());
        assert_eq!(found.len(), 2);
        // Drained, they are somebody's again.
        found.iter().for_each(|run| run.tag.set(crate::tag::Kind::Run, 0, UNITS));
        found.iter().for_each(|run| rows.park(0, run));
        assert_eq!(rows.drain().len(), 2);
    });
}

#[test]
fn of_two_frees_of_one_block_one_fails() {
    model(|| {
        let rows = Rows::new();
        let other = {
            let rows = Arc::clone(&rows);
            thread::spawn(move || rows.runs[0].tag.rest(UNITS, Rest::Closed))
        };
        let one = rows.rows[0].park(0, rows.runs[0], UNITS);
        assert!(one != other.join().unwrap());
    });
}
