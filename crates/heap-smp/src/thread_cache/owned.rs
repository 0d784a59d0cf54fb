//! The bins of a private heap: the same as a thread's, but the heap says whose they are.

use core::ptr::{self, NonNull};

use crate::chain::Link;
use crate::floor::Floor;
use crate::size::CLASS;
use crate::thread_cache::{BINS, ThreadCache, class_of_bin};

impl ThreadCache {
    /// A block of a bin, or null if there is none at hand.
    #[inline(always)]
    pub(crate) fn pop(&self, bin: usize) -> *mut u8 {
        let head = self.heads[bin].get();
        if !head.is_null() {
            // SAFETY: T1: `head` is a free block of ours.
            self.heads[bin].set(unsafe { (*head).next });
            self.room[bin].set(self.room[bin].get() + 1);
        }
        head.cast()
    }

    /// Takes a block back if the bin has room for it, and says whether it had.
    ///
    /// # Safety
    ///
    /// The block is free, of the bin's class, and the caller gives it up, if it is taken.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, bin: usize, block: NonNull<u8>) -> bool {
        let room = self.room[bin].get();
        if room == 0 {
            return false;
        }
        self.room[bin].set(room - 1);
        let link = block.as_ptr().cast::<Link>();
        // SAFETY: the block is the caller's to give; a slot is at least a link long, and aligned.
        unsafe { link.write(Link { next: self.heads[bin].get() }) };
        self.heads[bin].set(link);
        true
    }

    /// A block of a bin that has none; null when there is no memory.
    pub(crate) fn pop_slow(&self, floor: &impl Floor, bin: usize) -> *mut u8 {
        self.refill(floor, bin, class_of_bin(bin))
    }

    /// Takes a block back for which there is no room.
    ///
    /// # Safety
    ///
    /// The block is free, of the bin's class and of `floor`, and the caller gives it up.
    pub(crate) unsafe fn push_slow(&self, floor: &impl Floor, bin: usize, block: NonNull<u8>) {
        self.make_room(floor, bin, class_of_bin(bin));
        // SAFETY: the caller's promise is the same; there is room now.
        let taken = unsafe { self.push(bin, block) };
        debug_assert!(taken, "T1: a bin that was emptied has room");
    }

    /// Gives all blocks to `floor`.
    pub(crate) fn give_all(&self, floor: &impl Floor) {
        self.flush(floor);
    }

    /// Forgets all blocks: whoever called has taken their memory back, or gives it up.
    pub(crate) fn forget(&self) {
        for bin in 0..BINS {
            self.heads[bin].set(ptr::null_mut());
            self.spare[bin].set(ptr::null_mut());
            self.room[bin].set(0);
            self.fill[bin].set(0);
            self.freeing[bin].set(false);
        }
    }

    /// Blocks of a class that are at hand.
    pub(crate) fn cached(&self, class: usize) -> usize {
        let full = CLASS[class].chain as usize;
        let of_bin = |bin: usize| {
            let listed = if self.heads[bin].get().is_null() { 0 } else { full - self.room[bin].get() };
            listed + if self.spare[bin].get().is_null() { 0 } else { full }
        };
        (0..BINS).filter(|&bin| class_of_bin(bin) == class).map(of_bin).sum()
    }
}
