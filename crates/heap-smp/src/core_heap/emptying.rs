//! What waits in depots and overflows goes home: when memory that is not resident would be touched, when the system gives no more,
//! and when nobody asked for it.

#[cfg(test)]
mod tests;

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use crate::chain::Link;
use crate::config::{CHAIN_MAX, HUGE_PAGE, UNIT};
use crate::core_heap::CoreHeap;
use crate::overflow::{self, Overflow};
use crate::size::{CLASS, CLASSES};
use crate::sync::Ordering;

/// The part of what is in use, as a divisor, that may wait in the overflows while fresh memory is touched.
const OVERFLOW_PART: usize = 64;
/// What is touched, as a divisor of what is in use, until nothing may wait: a few blocks that lie in no order keep many slabs open.
const FRESH_PART: usize = 16;
/// Bytes that go home at once at the least, the part of what waits, and how many times as much as is about to be touched.
const STEP_MIN: usize = 1 << 20;
const STEP_PART: usize = 16;
const STEP_TIMES: usize = 16;
/// Blocks that go home in one call at the most, however large the heap is: a millisecond where they lie in their order, ten where
/// they lie in none.
pub(crate) const BLOCKS_AT_ONCE: usize = 256 << 10;

/// Chains that are walked side by side: as many links as a processor waits for at once.
const ABREAST: usize = 8;

impl CoreHeap {
    /// Has `take` look for `units`: first, if chains wait, where memory is resident; then anywhere, after a part of the chains
    /// went home; and once more after all did, before a request is refused. No lock is held.
    pub(crate) fn find_memory<T>(&self, units: usize, take: impl Fn(bool) -> Option<T>) -> Option<T> {
        if self.waiting.bytes() > 0 {
            if let Some(taken) = take(true) {
                return Some(taken);
            }
            self.bring_overflow_home(units * UNIT);
        }
        self.find_at_last(take)
    }

    /// As [`find_memory`](Self::find_memory), for `units` of one large block: a part of the chains goes home also where there would be
    /// resident memory for it, because whole slabs that become free are what the next large blocks fit into.
    pub(crate) fn find_large_memory<T>(&self, units: usize, take: impl Fn() -> Option<T>) -> Option<T> {
        if self.waiting.bytes() > 0 {
            self.bring_overflow_home(units * UNIT);
        }
        self.find_at_last(|_| take())
    }

    fn find_at_last<T>(&self, take: impl Fn(bool) -> Option<T>) -> Option<T> {
        take(false).or_else(|| {
            self.bring_all_home();
            take(false)
        })
    }

    /// So many bytes that are not resident are about to be touched: brings home a part of what is in the overflows, whole classes as
    /// far as possible, so that whole slabs become free. Does nothing if they hold little. No lock is held.
    ///
    /// A part only, because the caller waits: a million blocks take 4 to 40 milliseconds. As each slab that is opened in fresh
    /// memory brings home many times as much as it is long, the sum of those is a small part of what waited.
    #[cold]
    #[inline(never)]
    fn bring_overflow_home(&self, bytes: usize) {
        let (in_use, touched) = {
            let mut heap = self.spans.here();
            heap.look_around();
            // The first touch of a huge page makes all of it resident.
            let touched = if heap.wants_huge_pages(true) { bytes.max(HUGE_PAGE) } else { bytes };
            (heap.in_use_of_all() * UNIT, touched)
        };
        let fresh = self.fresh.fetch_add(touched, Ordering::Relaxed) + touched;
        let may_wait = if fresh > in_use / FRESH_PART { 0 } else { in_use / OVERFLOW_PART };
        if self.waiting.bytes() <= may_wait {
            return;
        }
        let bytes_of =
            |(class, overflow): &(usize, &Overflow)| overflow.chains() * CLASS[*class].chain_bytes();
        let held: usize = self.overflows().map(|one| bytes_of(&one)).sum();
        if held <= may_wait {
            return self.settle();
        }
        // The one that holds most first: so none of them grows while another one that is filled again and again is emptied.
        let fullest = self.overflows().max_by_key(bytes_of);
        let (mut bytes, mut blocks) =
            (STEP_MIN.max(held / STEP_PART).max(touched * STEP_TIMES), BLOCKS_AT_ONCE);
        for (class, overflow) in fullest.into_iter().chain(self.overflows()) {
            if bytes == 0 || blocks == 0 {
                break;
            }
            let known = &CLASS[class];
            let some = bytes.div_ceil(known.chain_bytes()).min(blocks.div_ceil(known.chain as usize));
            let brought = self.empty(class, some.min(overflow.chains()), || overflow.pop());
            overflow.settle(known.chain_bytes(), &self.waiting);
            bytes = bytes.saturating_sub(brought * known.chain_bytes());
            blocks = blocks.saturating_sub(brought * known.chain as usize);
        }
        if bytes > 0 && blocks > 0 {
            // All of it is home.
            self.fresh.store(0, Ordering::Relaxed);
        }
    }

    /// The overflows' sum follows what they hold.
    fn settle(&self) {
        let settle = |(class, overflow): (usize, &Overflow)| {
            overflow.settle(CLASS[class].chain_bytes(), &self.waiting)
        };
        self.overflows().for_each(settle);
    }

    /// Brings home up to `chains` chains that `next` gives, or fewer if it gives null, and returns how many.
    fn empty(&self, class: usize, chains: usize, next: impl Fn() -> *mut Link) -> usize {
        let mut brought = 0;
        while brought < chains {
            let mut heads = [ptr::null_mut(); ABREAST];
            let mut count = 0;
            while count < ABREAST.min(chains - brought) {
                heads[count] = next();
                if heads[count].is_null() {
                    break;
                }
                count += 1;
            }
            // SAFETY: P1, O1: chains that were taken out are full, and ours alone.
            unsafe {
                if count == ABREAST && !overflow::is_in_order(heads[0], &CLASS[class]) {
                    self.bring_abreast(class, heads);
                } else {
                    heads[..count].iter().for_each(|&chain| self.bring_home(class, chain));
                }
            }
            brought += count;
            if count < ABREAST {
                break;
            }
        }
        brought
    }

    /// Brings some full chains home, and walks them side by side: their blocks are in no cache, as a rule, and while one link is waited
    /// for, so are the others.
    ///
    /// # Safety
    ///
    /// They are full chains of free blocks of the class, and the caller gives them up.
    unsafe fn bring_abreast(&self, class: usize, mut heads: [*mut Link; ABREAST]) {
        let full = CLASS[class].chain as usize;
        let mut blocks = [const { [const { MaybeUninit::uninit() }; CHAIN_MAX] }; ABREAST];
        for at in 0..full.min(CHAIN_MAX) {
            for (head, blocks) in heads.iter_mut().zip(&mut blocks) {
                // SAFETY: the chains are the caller's, and as many links lead to a block.
                unsafe {
                    blocks[at].write(NonNull::new_unchecked(head.cast()));
                    *head = (**head).next;
                }
            }
        }
        for blocks in &mut blocks {
            // SAFETY: so many were initialised, and are given up.
            unsafe { self.give_blocks(class, &mut blocks[..full.min(CHAIN_MAX)]) };
        }
    }

    /// Brings home all that waits, of all classes and groups.
    #[cold]
    #[inline(never)]
    pub(crate) fn bring_all_home(&self) {
        (0..CLASSES).for_each(|class| self.drain_depot(class));
    }

    /// Brings the chains of a class's depots and overflows home.
    pub(crate) fn drain_depot(&self, class: usize) {
        self.drain_part(class, usize::MAX);
    }

    /// Brings the chains of a class's depots home, and up to about so many blocks of its overflows. Returns how many those were.
    pub(crate) fn drain_part(&self, class: usize, blocks: usize) -> usize {
        let known = &CLASS[class];
        let mut left = blocks;
        for group in self.groups() {
            let overflow = &group.overflows[class];
            let some = overflow.chains().min(left.div_ceil(known.chain as usize));
            let brought = self.empty(class, some, || overflow.pop());
            overflow.settle(known.chain_bytes(), &self.waiting);
            left = left.saturating_sub(brought * known.chain as usize);
            self.empty(class, usize::MAX, || group.depots[class].pop_any());
        }
        blocks - left
    }
}
