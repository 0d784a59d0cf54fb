//! What lies beneath a cache of bins: where it takes chains of blocks from, and where it leaves them.

use crate::chain::Link;
use crate::core_heap::{CORE, CoreHeap};
use crate::process;

/// The shared half of a heap, as its caches see it.
pub(crate) trait Floor {
    /// A full chain of the class that some cache left, or null.
    fn pop_chain(&self, class: usize) -> *mut Link;

    /// Takes a full chain, for other caches or home.
    ///
    /// # Safety
    ///
    /// `chain` is a full chain of free blocks of the class, of this heap, and the caller gives it up.
    unsafe fn push_chain(&self, class: usize, chain: *mut Link);

    /// Brings all blocks of a list home.
    ///
    /// # Safety
    ///
    /// `list` is null or a list of free blocks of the class, of this heap, and the caller gives it up.
    unsafe fn bring_home(&self, class: usize, list: *mut Link);

    /// Fresh blocks of the class, at most `want`, as a list, and how many. Null: no memory.
    fn refill(&self, class: usize, want: usize) -> (*mut Link, usize);

    /// A bin is about to be filled. No lock is held.
    fn on_refill(&self) {}

    /// A bin was emptied, and is whole: what is called may allocate and free. No lock is held.
    fn on_room_made(&self) {}
}

/// The process's heap, [`CORE`], watched by a helper thread or by its callers.
impl Floor for CoreHeap {
    fn pop_chain(&self, class: usize) -> *mut Link {
        self.pop_chain(class)
    }

    unsafe fn push_chain(&self, class: usize, chain: *mut Link) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.push_chain(class, chain) }
    }

    unsafe fn bring_home(&self, class: usize, list: *mut Link) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.bring_home(class, list) }
    }

    fn refill(&self, class: usize, want: usize) -> (*mut Link, usize) {
        self.refill(class, want)
    }

    fn on_refill(&self) {
        if CORE.is_worth_watching() {
            process::help_by_call();
        }
    }

    fn on_room_made(&self) {
        if CORE.is_worth_watching() {
            process::start_helper();
        }
    }
}
