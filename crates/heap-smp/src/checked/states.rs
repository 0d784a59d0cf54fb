//! What became of each slot of a segment's slabs: a byte each, out of line.

use crate::config::{UNIT, UNITS};
use crate::size::{CLASS, CLASSES};
use crate::sync::{AtomicU8, Ordering};

/// Never lent since its slab was opened, and reads as zeros.
const CLEAN: u8 = 0;
/// Free. It was wiped when it came back, so it reads as zeros, unless somebody wrote to it.
const WIPED: u8 = 1;
/// Never lent since its slab was opened, with old contents; or lent to a cache that keeps no states.
const DIRTY: u8 = 2;
/// Lent, with so many bytes of slack and this more; the largest value stands for all slacks that do not fit.
const LENT: u8 = 3;

/// Slots of at least so many bytes share a table; the same number is how many bytes of a unit have one state there.
const STEPS: [usize; 4] = [64, 32, 16, 8];
/// States of all tables.
const TOTAL: usize = UNITS * (UNIT / 64 + UNIT / 32 + UNIT / 16 + UNIT / 8);

/// The state of one slot.
///
/// # Invariants
///
/// - **Q1** A slot is lent if and only if its state is `LENT` or more; then the state tells its slack.
/// - **Q2** A slot that is `CLEAN` or `WIPED` reads as zeros, unless a client wrote where it must not.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct State(AtomicU8);

/// What is known of a slot that is about to be lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Zeros; nobody had it yet.
    Fresh,
    /// Zeros, to be checked: somebody had it.
    Wiped,
    /// Anything.
    Unknown,
    /// It is lent already.
    Lent,
}

/// What the state says of a slot that is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// It was lent with this slack.
    Right,
    /// It was lent with another one.
    WrongSize,
    /// It is not lent.
    Twice,
}

fn lent(slack: usize) -> u8 {
    LENT + slack.min((u8::MAX - LENT) as usize) as u8
}

impl State {
    // All orderings are relaxed. Whoever lends a slot owns it, and got it through a lock or on its own thread; whoever
    // gives one back has it from the client, who orders its threads. Only broken clients race, and the swap decides then.

    /// What the slot holds.
    #[inline]
    pub(crate) fn contents(&self) -> Contents {
        match self.0.load(Ordering::Relaxed) {
            CLEAN => Contents::Fresh,
            WIPED => Contents::Wiped,
            DIRTY => Contents::Unknown,
            _ => Contents::Lent,
        }
    }

    /// The slot is lent from now on.
    #[inline]
    pub(crate) fn lend(&self, slack: usize) {
        self.0.store(lent(slack), Ordering::Relaxed);
    }

    /// The slot is free from now on, if it was lent. The caller wipes it.
    #[inline]
    pub(crate) fn give(&self, slack: usize) -> Given {
        match self.0.swap(WIPED, Ordering::Relaxed) {
            state if state < LENT => Given::Twice,
            state if state == lent(slack) => Given::Right,
            _ => Given::WrongSize,
        }
    }

    /// What [`give`](Self::give) would say. Changes nothing.
    #[inline]
    pub(crate) fn is_lent(&self, slack: usize) -> Given {
        match self.0.load(Ordering::Relaxed) {
            state if state < LENT => Given::Twice,
            state if state == lent(slack) => Given::Right,
            _ => Given::WrongSize,
        }
    }

    /// The slot leaves for a cache that neither wipes nor notes.
    pub(crate) fn distrust(&self) {
        self.0.store(DIRTY, Ordering::Relaxed);
    }
}

/// Where the states of a class's slots are.
#[derive(Clone, Copy, Debug)]
struct Table {
    start: u32,
    /// States of a unit, as a power of two: in a table, as many as slots of its smallest class fit.
    per_unit: u32,
}

static TABLE: [Table; CLASSES] = {
    let mut tables = [Table { start: 0, per_unit: 0 }; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let (mut start, mut step) = (0, 0);
        while (CLASS[class].slot as usize) < STEPS[step] {
            start += UNITS * (UNIT / STEPS[step]);
            step += 1;
        }
        tables[class] = Table { start: start as u32, per_unit: (UNIT / STEPS[step]).ilog2() };
        class += 1;
    }
    tables
};

/// The states of a segment's slots. All zeros is a valid value. Touched only where there are slabs.
#[derive(Debug)]
pub(crate) struct States {
    all: [State; TOTAL],
}

impl States {
    /// The state of a slot of the slab of `class` that starts at `unit`.
    #[inline]
    pub(crate) fn of_slot(&self, unit: usize, class: usize, slot: usize) -> Option<&State> {
        let table = TABLE[class];
        self.all.get(table.start as usize + (unit << table.per_unit) + slot)
    }

    /// A slab of `class` was opened at `unit`: none of its slots is lent.
    pub(crate) fn open(&self, unit: usize, class: usize, clean: bool) {
        let slots = 0..CLASS[class].slots as usize;
        for state in slots.filter_map(|slot| self.of_slot(unit, class, slot)) {
            state.0.store(if clean { CLEAN } else { DIRTY }, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_neighbouring_slabs_do_not_overlap() {
        // SAFETY: zeros are valid.
        let states: Box<States> = unsafe { Box::new_zeroed().assume_init() };
        let mut next = [0; STEPS.len()];
        let mut unit = 0;
        for class in (0..CLASSES).chain(0..CLASSES) {
            let (slot, slots) = (CLASS[class].slot as usize, CLASS[class].slots as usize);
            let addr = |slot| std::ptr::from_ref(states.of_slot(unit, class, slot).unwrap()).addr();
            let table = STEPS.iter().position(|&step| slot >= step).unwrap();
            assert!(addr(0) >= next[table], "{slot}");
            assert_eq!(addr(slots - 1), addr(0) + slots - 1);
            next[table] = addr(slots - 1) + 1;
            unit += CLASS[class].units as usize;
        }
    }

    #[test]
    fn a_state_tells_twice_from_once_and_one_slack_from_another() {
        let state = State(AtomicU8::new(CLEAN));
        assert_eq!((state.contents(), state.give(0)), (Contents::Fresh, Given::Twice));
        for slack in [0, 1, 7, 100, 251] {
            state.lend(slack);
            assert_eq!(state.contents(), Contents::Lent);
            assert_eq!(state.is_lent(slack + 1), Given::WrongSize);
            assert_eq!((state.give(slack), state.give(slack)), (Given::Right, Given::Twice));
            assert_eq!(state.contents(), Contents::Wiped);
        }
        state.lend(252);
        assert_eq!(state.is_lent(6000), Given::Right, "long slacks share a state");
    }
}
