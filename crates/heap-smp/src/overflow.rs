//! What a depot has no place for: full chains of one class, stacked without a limit until memory is short.
//!
//! To bring a block home costs four times as much as to push it on a bin, and to fetch it from there again twice as much: a program
//! that frees ten thousand blocks and allocates as many again would pay for it each time. So the chains wait here. That costs no
//! memory to speak of: before anybody touches memory that is not resident, a part of them goes home, unless they are few beside
//! what is in use ([`CoreHeap::find_memory`](crate::core_heap::CoreHeap::find_memory)); before a request is refused,
//! all of them do; and the helper brings home what nobody asked for.

use core::ptr;

use crossbeam_utils::CachePadded;
use heap_os::prefetch;

use crate::chain::Link;
use crate::lock::Lock;
use crate::size::{CLASS, Class};
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

/// The first block of a chain in a stack.
#[repr(C)]
struct Stacked {
    /// The chain's own link.
    next: *mut Link,
    /// The chain beneath this one, or null.
    beneath: *mut Stacked,
}

/// Whether the blocks of a class are long enough for both words.
pub(crate) fn serves(class: usize) -> bool {
    CLASS[class].slot as usize >= size_of::<Stacked>()
}

/// Lines of a chain that are fetched ahead, at the most: about as many as a processor fetches at once.
const AHEAD: usize = 16;
/// Bytes of a line, as far as it matters here.
const LINE: usize = 64;

/// How far the second block of a chain lies from the first, if they are neighbours: as they are, and the others, where a program freed
/// them in their order.
///
/// # Safety
///
/// `chain` is a full chain of the class, and the caller's.
unsafe fn step(chain: *mut Link, class: &Class) -> Option<isize> {
    let slot = class.slot as isize;
    // SAFETY: the chain is the caller's.
    let step = unsafe { (*chain).next }.addr().wrapping_sub(chain.addr()).cast_signed();
    (step == slot || step == -slot).then_some(step)
}

/// Whether the blocks of a chain seem to be neighbours, which the processor fetches by itself.
///
/// # Safety
///
/// `chain` is a full chain of the class, and the caller's.
pub(crate) unsafe fn is_in_order(chain: *mut Link, class: &Class) -> bool {
    // SAFETY: the caller's promise is the same.
    unsafe { step(chain, class) }.is_some()
}

/// Begins to fetch the first blocks of a chain that lay here, if they seem to be neighbours: they are no more in the cache, and each
/// link would be waited for.
///
/// # Safety
///
/// `chain` is null or a full chain of the class, and the caller's.
pub(crate) unsafe fn fetch_ahead(chain: *mut Link, class: &Class) {
    if chain.is_null() {
        return;
    }
    // SAFETY: the caller's promise is the same.
    let Some(step) = (unsafe { step(chain, class) }) else { return };
    let apart = (class.slot as usize).max(LINE);
    let stride = if step < 0 { apart.wrapping_neg() } else { apart };
    let lines = (class.chain_bytes() / apart).min(AHEAD);
    for line in 1..lines {
        prefetch::read(chain.cast::<u8>().wrapping_add(stride.wrapping_mul(line)));
    }
}

/// A stack of full chains of one class: last in, first out, since the last one is the warmest.
///
/// # Invariants
///
/// - **O1** `top` is null or the first block of a full chain that the stack alone owns, and so is each `beneath`.
/// - **O2** `chains` is how many there are, and `most` no less: the most there were since [`settle`](Self::settle). Both change under
///   the lock; anyone may look.
#[derive(Debug)]
pub(crate) struct Overflow {
    top: Lock<Top>,
    chains: AtomicU32,
    most: AtomicU32,
}

#[derive(Debug)]
struct Top(*mut Stacked);

// SAFETY: O1: the blocks that it leads to are reached under the lock that guards this value only.
unsafe impl Send for Top {}

/// What all overflows of a heap hold together, as far as it can be known without their locks. A program that frees and allocates the
/// same again does not write to it.
///
/// # Invariants
///
/// - **O3** The sum over the overflows of `most`, in bytes: no less than what waits. It changes under the lock of the overflow
///   whose `most` does.
#[derive(Debug)]
pub(crate) struct Waiting(CachePadded<AtomicUsize>);

impl Waiting {
    pub(crate) const fn new() -> Self {
        Self(CachePadded::new(AtomicUsize::new(0)))
    }

    /// Bytes that wait, or a few more. O(1).
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        // Relaxed: a look in passing.
        self.0.load(Ordering::Relaxed)
    }
}

impl Overflow {
    pub(crate) const fn new() -> Self {
        Self { top: Lock::new(Top(ptr::null_mut())), chains: AtomicU32::new(0), most: AtomicU32::new(0) }
    }

    /// Chains that wait. O(1).
    #[inline]
    pub(crate) fn chains(&self) -> usize {
        // Relaxed: a look in passing.
        self.chains.load(Ordering::Relaxed) as usize
    }

    /// Takes a full chain of so many bytes. O(1).
    ///
    /// # Safety
    ///
    /// `chain` is a full chain of free blocks of a class that this stack [`serves`], and the caller gives it up.
    pub(crate) unsafe fn push(&self, chain: *mut Link, bytes: usize, waiting: &Waiting) {
        let chain = chain.cast::<Stacked>();
        let mut top = self.top.lock();
        // SAFETY: the block is the caller's to give, and holds both words.
        unsafe { (*chain).beneath = top.0 };
        top.0 = chain;
        // Relaxed: O2: the lock orders the writers.
        let chains = self.chains.load(Ordering::Relaxed) + 1;
        self.chains.store(chains, Ordering::Relaxed);
        if chains > self.most.load(Ordering::Relaxed) {
            self.most.store(chains, Ordering::Relaxed);
            waiting.0.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Gives the chain that came last, or null. O(1).
    pub(crate) fn pop(&self) -> *mut Link {
        if self.chains() == 0 {
            return ptr::null_mut();
        }
        let mut top = self.top.lock();
        let chain = top.0;
        if chain.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: O1: the chain is the stack's.
        top.0 = unsafe { (*chain).beneath };
        self.chains.store(self.chains.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        chain.cast()
    }

    /// What does not wait any more is not counted any more. `bytes` are a chain's. O(1).
    pub(crate) fn settle(&self, bytes: usize, waiting: &Waiting) {
        if self.most.load(Ordering::Relaxed) == self.chains.load(Ordering::Relaxed) {
            return;
        }
        let _top = self.top.lock();
        let chains = self.chains.load(Ordering::Relaxed);
        let gone = self.most.swap(chains, Ordering::Relaxed) - chains;
        waiting.0.fetch_sub(gone as usize * bytes, Ordering::Relaxed);
    }

    /// Closes the stack, so that a fork finds it whole.
    pub(crate) fn lock_for_fork(&self) {
        self.top.lock_for_fork();
    }

    /// Opens it again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.top.unlock_after_fork() };
    }

    /// O2 recounted: `most`, if all is right.
    ///
    /// # Safety
    ///
    /// The stack is closed by this thread.
    pub(crate) unsafe fn recount(&self) -> Option<usize> {
        // SAFETY: the caller's promise.
        let mut next = unsafe { self.top.peek() }.0;
        let mut count = 0;
        while !next.is_null() && count <= self.chains() {
            // SAFETY: O1.
            next = unsafe { (*next).beneath };
            count += 1;
        }
        let most = self.most.load(Ordering::Relaxed) as usize;
        (count == self.chains() && count <= most).then_some(most)
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn the_last_chain_comes_first_and_keeps_its_own_links() {
        let (stack, waiting) = (Overflow::new(), Waiting::new());
        let mut blocks: Vec<Box<[usize; 2]>> = (0..6).map(|at| Box::new([100 + at, 7])).collect();
        let chains: Vec<*mut Link> =
            blocks.iter_mut().map(|block| ptr::from_mut(&mut **block).cast()).collect();
        assert!(stack.pop().is_null());
        for (at, &chain) in chains.iter().enumerate() {
            // SAFETY: the block is ours and two words long.
            unsafe { stack.push(chain, 10, &waiting) };
            assert_eq!((stack.chains(), waiting.bytes()), (at + 1, 10 * (at + 1)));
        }
        stack.lock_for_fork();
        // SAFETY: closed just above, and opened again.
        unsafe {
            assert_eq!(stack.recount(), Some(6));
            stack.unlock_after_fork();
        }
        for at in (0..6).rev() {
            assert_eq!((stack.chains(), stack.pop()), (at + 1, chains[at]));
            assert_eq!(blocks[at][0], 100 + at, "the link inside the chain is as it was");
        }
        assert!(stack.pop().is_null() && stack.chains() == 0);
        // What was counted once is not counted again, until it is settled that it went.
        // SAFETY: as above.
        unsafe { stack.push(chains[0], 10, &waiting) };
        assert_eq!(waiting.bytes(), 60);
        stack.settle(10, &waiting);
        assert_eq!((waiting.bytes(), stack.pop()), (10, chains[0]));
        stack.settle(10, &waiting);
        assert_eq!(waiting.bytes(), 0);
    }

    #[test]
    fn blocks_of_one_word_do_not_wait_here() {
        assert_eq!((CLASS[0].slot, CLASS[1].slot), (8, 16));
        assert_eq!((serves(0), serves(1)), (size_of::<usize>() < 8, true));
    }

    #[test]
    fn threads_get_each_chain_once() {
        let (stack, waiting) = (Overflow::new(), Waiting::new());
        let mut blocks: Vec<Box<[usize; 2]>> = (0..400).map(|_| Box::new([0, 0])).collect();
        let chains: Vec<usize> = blocks.iter_mut().map(|block| ptr::from_mut(&mut **block).addr()).collect();
        let work = |mine: &[usize]| {
            let mut taken = Vec::new();
            for &addr in mine {
                // SAFETY: a block of ours, two words long, given once until it comes back.
                unsafe { stack.push(ptr::with_exposed_provenance_mut(addr), 1, &waiting) };
                let chain = stack.pop();
                assert!(!chain.is_null(), "each thread takes no more than it gave");
                // SAFETY: the chain is ours now; whoever else had it would write here, too.
                unsafe {
                    let count = chain.cast::<usize>();
                    count.write(count.read() + 1);
                }
                taken.push(chain.addr());
            }
            taken
        };
        blocks.iter_mut().for_each(|block| _ = ptr::from_mut(&mut **block).expose_provenance());
        let mut all: Vec<usize> = std::thread::scope(|scope| {
            let workers: Vec<_> = chains.chunks(100).map(|mine| scope.spawn(|| work(mine))).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
        });
        all.sort_unstable();
        let mut expected = chains;
        expected.sort_unstable();
        assert_eq!(all, expected);
        assert!(blocks.iter().all(|block| block[0] == 1));
        assert!((1..=4).contains(&waiting.bytes()), "each thread has one there at most");
        stack.settle(1, &waiting);
        assert_eq!(waiting.bytes(), 0);
    }
}
