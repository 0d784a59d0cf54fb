//! What was found inside of a lock, to be told outside of it.

use core::mem::MaybeUninit;

use crate::violation::Violation;

/// How many a call can carry out; a scan that finds more is done again.
const ROOM: usize = 4;

/// A few violations, on the stack.
///
/// # Invariants
///
/// - **F1** The first `len` items are initialised.
#[derive(Debug)]
pub(crate) struct Findings {
    len: usize,
    items: [MaybeUninit<Violation>; ROOM],
}

impl Findings {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { len: 0, items: [const { MaybeUninit::uninit() }; ROOM] }
    }

    /// Keeps a violation, if there is room.
    #[cold]
    #[inline(never)]
    pub(crate) fn push(&mut self, violation: Violation) {
        if let Some(item) = self.items.get_mut(self.len) {
            item.write(violation);
            self.len += 1;
        }
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether a slot's findings (its two ends and its inside) may no longer fit.
    pub(crate) const fn is_full(&self) -> bool {
        self.len + 3 > ROOM
    }

    pub(crate) fn as_slice(&self) -> &[Violation] {
        // SAFETY: F1.
        unsafe { core::slice::from_raw_parts(self.items.as_ptr().cast(), self.len) }
    }
}
