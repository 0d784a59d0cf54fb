//! Ranges that the system refused to take back, kept until it does.
//!
//! Linux refuses `munmap` with ENOMEM when it would cut a hole and the process has as many mappings as it may have
//! (`vm.max_map_count`). Freeing cannot fail, so such a range is emptied but for its first page, which keeps a note of it, and unmapped
//! when the next release succeeds or the next mapping fails.

use core::ptr::{NonNull, null_mut};

use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::sys::{Access, Sys};

/// Stands at the start of a parked range.
struct Note {
    next: *mut Note,
    len: usize,
}

/// What is known of a range that is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Its first page can be written to.
    Committed,
    /// Nothing.
    Unknown,
}

impl Content {
    /// That of a fresh mapping.
    pub(crate) fn after(access: Access) -> Self {
        if access == Access::ReadWrite { Self::Committed } else { Self::Unknown }
    }
}

/// A stack of parked ranges. Ranges are taken off all at once, so there is no ABA.
///
/// # Invariants
/// - **P1** A range on the stack is a mapping (or part of one) that nobody uses, readable and writable in its first
///   page; its note is written before it is pushed.
/// - **P2** A slot whose length is more than one is such a range, noted here because its first page cannot be written to:
///   addresses without memory. With length 1 the slot is one thread's, with 0 it is free.
#[derive(Debug)]
pub(crate) struct Parked {
    first: AtomicPtr<Note>,
    slots: [Slot; 16],
    /// How many slots are not free, or were a moment ago: to look at them only if there is something to see.
    filled: AtomicUsize,
}

#[derive(Debug)]
struct Slot {
    base: AtomicPtr<u8>,
    len: AtomicUsize,
}

const FREE: usize = 0;
const TAKEN: usize = 1;

/// Those of this process.
pub(crate) static PARKED: Parked = Parked::new();

impl Parked {
    pub(crate) const fn new() -> Self {
        let slots = [const { Slot { base: AtomicPtr::new(null_mut()), len: AtomicUsize::new(FREE) } }; 16];
        Self { first: AtomicPtr::new(null_mut()), slots, filled: AtomicUsize::new(0) }
    }

    /// Unmaps a range now or, if the system refuses, later. The range's memory is given back in any case.
    ///
    /// # Safety
    /// The caller gives up a whole mapping of `S` (a part of one where `UNMAPS_PARTS`), with such content.
    pub(crate) unsafe fn release<S: Sys>(&self, base: NonNull<u8>, len: usize, content: Content) {
        // SAFETY: the caller's promise is the same.
        match unsafe { S::unmap(base, len) } {
            Ok(()) => {
                self.retry::<S>();
            }
            // SAFETY: the range is still mapped, and nobody uses it.
            Err(_) => unsafe { self.park::<S>(base, len, content) },
        }
    }

    /// Tries again to unmap what is parked. Two loads when nothing is.
    #[inline]
    pub(crate) fn retry<S: Sys>(&self) -> bool {
        let nothing =
            self.first.load(Ordering::Relaxed).is_null() && self.filled.load(Ordering::Relaxed) == 0;
        !nothing && self.retry_slow::<S>()
    }

    /// Whether anything was unmapped.
    #[cold]
    #[inline(never)]
    fn retry_slow<S: Sys>(&self) -> bool {
        // Acquire pairs with the Release of `push`: the notes are seen.
        let mut here = self.first.swap(null_mut(), Ordering::Acquire);
        let mut any = false;
        while let Some(note) = NonNull::new(here) {
            // SAFETY: P1; the stack was taken as a whole, so these ranges are ours alone.
            let Note { next, len } = unsafe { note.read() };
            // SAFETY: P1.
            if unsafe { S::unmap(note.cast(), len) }.is_err() {
                // SAFETY: as before; whatever follows on the chain is ours, too.
                unsafe { self.push_chain(note) };
                break;
            }
            any = true;
            here = next;
        }
        for slot in &self.slots {
            any |= self.retry_slot::<S>(slot);
        }
        any
    }

    fn retry_slot<S: Sys>(&self, slot: &Slot) -> bool {
        let len = slot.len.load(Ordering::Relaxed);
        // Acquire pairs with the Release of `fill_slot`: the address is seen.
        let ours = len > TAKEN
            && slot.len.compare_exchange(len, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok();
        let base = NonNull::new(slot.base.load(Ordering::Relaxed)).filter(|_| ours);
        // SAFETY: P2: the slot was taken, so the range is ours alone.
        let gone = base.is_some_and(|base| unsafe { S::unmap(base, len) }.is_ok());
        if gone {
            self.filled.fetch_sub(1, Ordering::Relaxed);
        }
        if ours {
            slot.len.store(if gone { FREE } else { len }, Ordering::Release);
        }
        gone
    }

    /// Notes a range in a slot; if none is free, its addresses are lost.
    fn fill_slot(&self, base: NonNull<u8>, len: usize) {
        let take = |slot: &&Slot| {
            slot.len.compare_exchange(FREE, TAKEN, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        };
        if let Some(slot) = self.slots.iter().find(take) {
            slot.base.store(base.as_ptr(), Ordering::Relaxed);
            self.filled.fetch_add(1, Ordering::Relaxed);
            slot.len.store(len, Ordering::Release);
        }
    }

    /// # Safety
    /// As of [`release`](Self::release).
    #[cold]
    #[inline(never)]
    unsafe fn park<S: Sys>(&self, base: NonNull<u8>, len: usize, content: Content) {
        let first = S::page_size().min(len);
        if len > first {
            // SAFETY: nobody relies on the content. What was only reserved has none, and may refuse.
            _ = unsafe { S::decommit(base.add(first), len - first) };
        }
        // SAFETY: the range is ours.
        if content == Content::Committed || unsafe { S::commit(base, first) }.is_ok() {
            let note = base.cast::<Note>();
            // SAFETY: committed, and ours: establishes P1.
            unsafe {
                note.write(Note { next: null_mut(), len });
                self.push_chain(note);
            }
        } else {
            self.fill_slot(base, len);
        }
    }

    /// # Safety
    /// `chain` and what hangs on it meet P1 and are the caller's.
    unsafe fn push_chain(&self, chain: NonNull<Note>) {
        let mut last = chain;
        // SAFETY: P1: notes are readable, and the caller's.
        while let Some(next) = NonNull::new(unsafe { last.as_ref() }.next) {
            last = next;
        }
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY: as above.
            unsafe { last.as_mut() }.next = first;
            // Release pairs with the Acquire of `retry_slow`.
            match self.first.compare_exchange_weak(
                first,
                chain.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }
}
