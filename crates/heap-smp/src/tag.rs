//! A span's tag: what the span is, in one word, so that one atomic step can ask and change it.
//!
//! Where a run that was freed waits for the next request (`rows.rs`, `run_cache.rs`), its tag is the truth, and whatever
//! points to it only a hint: who changes the tag owns the run.
#![forbid(unsafe_code)]

use crate::sync::{AtomicU32, Ordering};

/// What a span is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// No span starts here.
    None = 0,
    /// Equal slots of one size class.
    Slab = 1,
    /// One block.
    Run = 2,
}

/// Where a run that was freed waits, in the place of a slab's class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Rest {
    /// Nowhere: it is about to go back to the span heap, whose lock is held.
    Closed = FIRST_REST,
    /// In a stripe of the run cache, whose lock is held when this changes.
    Stripe = FIRST_REST + 1,
    /// In a thread's row: whoever changes the tag has it.
    Row = FIRST_REST + 2,
}

/// Below are classes of slabs, and what the owner of a run's block notes of it.
pub(crate) const FIRST_REST: u8 = u8::MAX - 2;

/// The kind; in the byte above, a slab's class, or the state of a run: a note of its owner's, at first zero, while it is a block,
/// or a [`Rest`]; and above that a slab's group, or the units of a run.
///
/// # Invariants
///
/// - **A1** A run's tag changes from a block's to a [`Rest`] by [`rest`](Self::rest) only, so of two frees of one block one fails.
/// - **A2** [`Rest::Row`] ends by [`wake`](Self::wake) or [`close`](Self::close) only, so that one thread has the run.
#[derive(Debug)]
pub(crate) struct Tag(AtomicU32);

const fn word(kind: Kind, class: u8, above: u16) -> u32 {
    kind as u32 | (class as u32) << 8 | (above as u32) << 16
}

impl Tag {
    /// A block of so many units.
    #[cfg(all(test, loom))]
    pub(crate) fn of_run(units: usize) -> Self {
        Self(AtomicU32::new(word(Kind::Run, 0, units as u16)))
    }

    #[inline]
    fn load(&self) -> u32 {
        // Relaxed: what the tag says of a block's span is constant while the block exists; of any other, every answer is right.
        self.0.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        match self.load() as u8 {
            1 => Kind::Slab,
            2 => Kind::Run,
            _ => Kind::None,
        }
    }

    /// A slab's class, or the state of a run.
    #[inline]
    pub(crate) fn class(&self) -> usize {
        (self.load() >> 8) as u8 as usize
    }

    /// A slab's group.
    #[inline]
    pub(crate) fn group(&self) -> usize {
        (self.load() >> 16) as usize
    }

    /// Whether it is a slab's of this class and this group.
    #[inline]
    pub(crate) fn is_slab_of(&self, class: usize, group: usize) -> bool {
        self.load() == word(Kind::Slab, class as u8, group as u16)
    }

    /// Whether it is a run's that was freed.
    #[inline]
    pub(crate) fn is_at_rest(&self) -> bool {
        let now = self.load();
        now as u8 == Kind::Run as u8 && (now >> 8) as u8 >= FIRST_REST
    }

    /// Begins or ends a span. The caller holds the span heap's lock and owns the units.
    pub(crate) fn set(&self, kind: Kind, class: usize, above: usize) {
        self.0.store(word(kind, class as u8, above as u16), Ordering::Relaxed);
    }

    /// Sets a run's units, and keeps its state. The caller owns the block.
    pub(crate) fn set_units(&self, units: usize) {
        self.0.store(word(Kind::Run, self.class() as u8, units as u16), Ordering::Relaxed);
    }

    /// Notes something of a run. The caller owns the block.
    #[cfg(feature = "checked")]
    pub(crate) fn set_note(&self, note: u8) {
        self.0.store(self.load() & !0xff00 | u32::from(note) << 8, Ordering::Relaxed);
    }

    /// A block of `units` was freed: lays its run to rest. `false`: it is none, or not so long, or was freed before.
    #[inline]
    pub(crate) fn rest(&self, units: usize, rest: Rest) -> bool {
        let Ok(units) = u16::try_from(units) else { return false };
        // Release: what its last owner wrote comes before what the next one does. SeqCst: see R3 of `rows.rs`.
        self.turn(word(Kind::Run, 0, units), word(Kind::Run, rest as u8, units))
    }

    /// Makes a run of `units` that rests in a row a block again. `false`: somebody else has it.
    #[inline]
    pub(crate) fn wake(&self, units: usize) -> bool {
        // Acquire pairs with the release in `rest`.
        self.turn(word(Kind::Run, Rest::Row as u8, units as u16), word(Kind::Run, 0, units as u16))
    }

    /// Closes a run of `units` that rests in a row. `false`: somebody else has it. The caller holds the span heap's lock.
    #[inline]
    pub(crate) fn close(&self, units: usize) -> bool {
        let rest = |rest| word(Kind::Run, rest as u8, units as u16);
        self.turn(rest(Rest::Row), rest(Rest::Closed))
    }

    #[inline]
    fn turn(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The units of a run that rests in a row.
    #[inline]
    pub(crate) fn in_row(&self) -> Option<usize> {
        // SeqCst: see R3 of `rows.rs`.
        let now = self.0.load(Ordering::SeqCst);
        (now as u16 == word(Kind::Run, Rest::Row as u8, 0) as u16).then_some((now >> 16) as usize)
    }
}
