//! The bins of a private heap: the same as a thread's, but the heap says whose they are.

use core::ptr::{self, NonNull};

use heap_os::prefetch;

use crate::chain::Link;
use crate::floor::Floor;
use crate::size::CLASS;
use crate::thread_cache::{BINS, ThreadCache, class_of_bin};

impl ThreadCache {
    /// A heap begins to use the bins, all of which are empty.
    pub(crate) fn begin(&self) {}

    /// A block of a bin, or null if there is none at hand.
    #[inline(always)]
    pub(crate) fn pop(&self, bin: usize) -> *mut u8 {
        let head = self.heads[bin].get();
        if !head.is_null() {
            // SAFETY: T1: `head` is a free block of ours.
            let next = unsafe { (*head).next };
            self.heads[bin].set(next);
            prefetch::read(next.cast());
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
        // There is room as a rule. But to start a thread may allocate and free: two blocks make some bins full.
        // SAFETY: the caller's promise is the same.
        if unsafe { self.push(bin, block) } {
            return;
        }
        let link = block.as_ptr().cast::<Link>();
        // SAFETY: the block is the caller's to give, and long enough; a list of one.
        unsafe {
            link.write(Link { next: ptr::null_mut() });
            floor.bring_home(class_of_bin(bin), link);
        }
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

#[cfg(test)]
mod tests {
    use core::cell::{Cell, RefCell};

    use super::*;
    use crate::thread_cache::bin_of;

    /// A floor that, when room was made, takes two blocks from the same bin and puts one back.
    struct Busy<'a> {
        bins: &'a ThreadCache,
        bin: usize,
        busy: Cell<bool>,
        journeys: Cell<usize>,
        home: RefCell<Vec<NonNull<Link>>>,
    }

    impl<'a> Busy<'a> {
        fn new(bins: &'a ThreadCache, bin: usize) -> Self {
            Self { bins, bin, busy: Cell::new(false), journeys: Cell::new(0), home: RefCell::new(Vec::new()) }
        }
    }

    impl Floor for Busy<'_> {
        fn pop_chain(&self, _: usize) -> *mut Link {
            ptr::null_mut()
        }

        unsafe fn push_chain(&self, class: usize, chain: *mut Link) {
            // SAFETY: the caller's promise is the same.
            unsafe { self.bring_home(class, chain) }
        }

        unsafe fn bring_home(&self, _: usize, mut list: *mut Link) {
            self.journeys.set(self.journeys.get() + 1);
            while let Some(block) = NonNull::new(list) {
                // SAFETY: the block is on the caller's list.
                list = unsafe { block.read() }.next;
                self.home.borrow_mut().push(block);
            }
        }

        fn refill(&self, _: usize, want: usize) -> (*mut Link, usize) {
            let mut home = self.home.borrow_mut();
            let first = home.len() - want;
            let blocks: Vec<_> = home.drain(first..).map(NonNull::cast).collect();
            // SAFETY: free blocks of the test's, long enough.
            (unsafe { crate::chain::link(&blocks) }, want)
        }

        fn on_room_made(&self) {
            if self.busy.replace(false) {
                let taken = [(); 2].map(|()| match NonNull::new(self.bins.pop(self.bin)) {
                    None => NonNull::new(self.bins.pop_slow(self, self.bin)).unwrap(),
                    Some(block) => block,
                });
                // One it keeps for a while, as a thread that starts does.
                self.home.borrow_mut().push(taken[0].cast());
                // SAFETY: taken from the bin just above.
                assert!(unsafe { self.bins.push(self.bin, taken[1]) });
            }
        }
    }

    #[test]
    fn no_block_is_lost_where_the_bin_is_full_again_when_it_was_emptied() {
        const BLOCKS: usize = 7;
        let bins = ThreadCache::new();
        let bin = bin_of(core::alloc::Layout::new::<[u8; crate::config::SMALL_MAX]>()).unwrap();
        assert_eq!(CLASS[class_of_bin(bin)].chain, 2);
        let mut memory = [const { [0usize; 2] }; BLOCKS];
        let mut blocks = memory.iter_mut().map(|block| NonNull::from(block).cast::<u8>());
        let floor = Busy::new(&bins, bin);
        let give = |block| {
            // SAFETY: each block is given once.
            unsafe {
                if !bins.push(bin, block) {
                    bins.push_slow(&floor, bin, block);
                }
            }
        };
        blocks.by_ref().take(BLOCKS - 1).for_each(give);
        floor.busy.set(true);
        blocks.for_each(give);
        assert!(!floor.busy.get(), "the last block found the bin full");
        bins.give_all(&floor);
        let mut home: Vec<_> = floor.home.borrow().iter().map(|block| block.addr()).collect();
        home.sort_unstable();
        home.dedup();
        assert_eq!(home.len(), BLOCKS);
    }

    #[test]
    fn a_cache_that_gives_all_visits_the_homes_of_what_it_has() {
        let bins = ThreadCache::new();
        let bin = bin_of(core::alloc::Layout::new::<[usize; 2]>()).unwrap();
        let floor = Busy::new(&bins, bin);
        bins.give_all(&floor);
        assert_eq!(floor.journeys.get(), 0);
        let mut memory = [0usize; 2];
        let block = NonNull::from(&mut memory).cast();
        // SAFETY: a block of ours, given once.
        unsafe {
            if !bins.push(bin, block) {
                bins.push_slow(&floor, bin, block);
            }
        }
        bins.give_all(&floor);
        assert_eq!((floor.journeys.get(), floor.home.borrow().len()), (1, 1));
    }
}
