//! Ranges that the system refused to take back, kept until it does.
//!
//! Linux refuses `munmap` with ENOMEM when it would cut a hole and the process has as many mappings as it may have
//! (`vm.max_map_count`). Freeing cannot fail, so such a range is emptied, noted in its own first page, and unmapped
//! when the next release succeeds or the next mapping fails.

use core::ptr::{NonNull, null_mut};

use crate::error::OsError;
use crate::sync::{AtomicPtr, Ordering};
use crate::sys::Sys;

/// Stands at the start of a parked range.
struct Note {
    next: *mut Note,
    len: usize,
}

/// A stack of parked ranges. Ranges are taken off all at once, so there is no ABA.
///
/// # Invariants
/// - **P1** A range on the stack is a mapping (or part of one) that nobody uses, readable and writable in its first
///   page; its note is written before it is pushed.
#[derive(Debug)]
pub(crate) struct Parked {
    first: AtomicPtr<Note>,
}

/// Those of this process.
pub(crate) static PARKED: Parked = Parked::new();

impl Parked {
    pub(crate) const fn new() -> Self {
        Self { first: AtomicPtr::new(null_mut()) }
    }

    /// Unmaps a range now or, if the system refuses, later. The range's memory is given back in any case.
    ///
    /// # Safety
    /// The caller gives up a whole mapping of `S` (a part of one where `UNMAPS_PARTS`).
    pub(crate) unsafe fn release<S: Sys>(&self, base: NonNull<u8>, len: usize) {
        // SAFETY: the caller's promise is the same.
        match unsafe { S::unmap(base, len) } {
            Ok(()) => {
                self.retry::<S>();
            }
            // SAFETY: the range is still mapped, and nobody uses it.
            Err(_) => unsafe { self.park::<S>(base, len) },
        }
    }

    /// Tries again to unmap what is parked. One load when nothing is.
    #[inline]
    pub(crate) fn retry<S: Sys>(&self) -> bool {
        !self.first.load(Ordering::Relaxed).is_null() && self.retry_slow::<S>()
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
        any
    }

    /// # Safety
    /// As of [`release`](Self::release).
    #[cold]
    #[inline(never)]
    unsafe fn park<S: Sys>(&self, base: NonNull<u8>, len: usize) {
        // SAFETY: nobody relies on the content. Addresses that were only reserved have none to lose, and a range that
        // cannot be made writable for its note is lost: addresses without memory.
        let noted: Result<(), OsError> = unsafe {
            _ = S::decommit(base, len);
            S::commit(base, S::page_size().min(len))
        };
        if noted.is_ok() {
            let note = base.cast::<Note>();
            // SAFETY: committed just now, and ours: establishes P1.
            unsafe {
                note.write(Note { next: null_mut(), len });
                self.push_chain(note);
            }
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
