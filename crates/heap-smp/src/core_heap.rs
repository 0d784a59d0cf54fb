//! The shared half of a heap: everything but the threads' caches. All zeros at the start, so a static one costs nothing.

use crate::central::{Central, Ground, Slabs, WATCH_FROM};
use crate::chain::Link;
use crate::config::{CHAIN_MAX, Settings};
use crate::depot::Depot;
use crate::directory::Directory;
use crate::huge::Huge;
use crate::lock::Lock;
use crate::run_cache::RunCache;
use crate::size::{CLASS, CLASSES};
use crate::span_heap::SpanHeap;
use crate::sync::{AtomicBool, Ordering};
use crate::trim;

/// The heap that all threads share.
pub(crate) static CORE: CoreHeap = CoreHeap::new();

/// What happened to a class, to be compared with what is seen later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Activity {
    depot: usize,
    journeys: u32,
    free_bytes: usize,
}

impl Activity {
    /// Nothing yet.
    pub(crate) const NONE: Self = Self { depot: 0, journeys: 0, free_bytes: 0 };

    /// Whether there is something to give back once the class is quiet.
    pub(crate) fn is_worth_watching(self) -> bool {
        self.depot != 0 || self.free_bytes >= WATCH_FROM
    }
}

/// Depots, homes, the span heap and the directory. Lock order: a class's home, parked runs, the span heap.
#[derive(Debug)]
pub(crate) struct CoreHeap {
    depots: [Depot; CLASSES],
    centrals: [Central; CLASSES],
    pub(crate) spans: Lock<SpanHeap>,
    pub(crate) runs: RunCache,
    pub(crate) directory: Directory,
    pub(crate) huge: Huge,
    watch: AtomicBool,
}

impl CoreHeap {
    pub(crate) const fn new() -> Self {
        Self {
            depots: [const { Depot::new() }; CLASSES],
            centrals: [const { Central::new() }; CLASSES],
            spans: Lock::new(SpanHeap::new()),
            runs: RunCache::new(),
            directory: Directory::new(),
            huge: Huge::new(),
            watch: AtomicBool::new(false),
        }
    }

    /// What a home of this heap needs to know of it.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground {
            directory: &self.directory,
            spans: &self.spans,
            runs: &self.runs,
            watch: &self.watch,
            roll: None,
        }
    }

    /// Takes the settings over, if no allocator brought its own before.
    pub(crate) fn configure(&self, settings: &Settings) {
        self.spans.lock().configure(settings);
    }

    /// A full chain of the class that some thread left, or null.
    pub(crate) fn pop_chain(&self, class: usize) -> *mut Link {
        self.depots[class].pop()
    }

    /// Takes a full chain, for other threads or home.
    ///
    /// # Safety
    ///
    /// `chain` is a full chain of free blocks of the class, and the caller gives it up.
    pub(crate) unsafe fn push_chain(&self, class: usize, chain: *mut Link) {
        if !self.depots[class].push(chain, CLASS[class].places as usize) {
            // SAFETY: the caller's promise is the same.
            unsafe { self.bring_home(class, chain) }
        }
    }

    /// Whether so much memory is free that a helper thread should watch it.
    #[inline]
    pub(crate) fn is_worth_watching(&self) -> bool {
        self.watch.load(Ordering::Relaxed)
    }

    /// So much memory is free that a helper thread should watch it.
    pub(crate) fn watch(&self) {
        self.watch.store(true, Ordering::Relaxed);
    }

    /// Nothing is left to watch, until the next time that much is free.
    pub(crate) fn stop_watching(&self) {
        self.watch.store(false, Ordering::Relaxed);
    }

    /// Brings all blocks of a list home.
    ///
    /// # Safety
    ///
    /// `list` is null or a list of free blocks of the class, and the caller gives it up.
    pub(crate) unsafe fn bring_home(&self, class: usize, list: *mut Link) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.centrals[class].give_list(self.ground(), class, list) }
    }

    /// Fresh blocks of the class, at most `want` (and [`CHAIN_MAX`]), as a list, and how many. Null: no memory.
    pub(crate) fn refill(&self, class: usize, want: usize) -> (*mut Link, usize) {
        self.centrals[class].take_list(self.ground(), class, want)
    }

    /// Takes up to `out.len()` blocks of the class from home, without links, and returns how many. Zero: no memory.
    #[cfg(feature = "checked")]
    pub(crate) fn take_blocks(
        &self,
        class: usize,
        out: &mut [core::mem::MaybeUninit<core::ptr::NonNull<u8>>],
    ) -> usize {
        self.centrals[class].take(self.ground(), class, out)
    }

    /// Brings blocks home, without links.
    ///
    /// # Safety
    ///
    /// They are free blocks of the class, all different, and the caller gives them up; the slice is initialised.
    #[cfg(feature = "checked")]
    pub(crate) unsafe fn give_blocks(
        &self,
        class: usize,
        blocks: &[core::mem::MaybeUninit<core::ptr::NonNull<u8>>],
    ) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.centrals[class].give(self.ground(), class, blocks) }
    }

    /// Brings the chains of a class's depot home.
    pub(crate) fn drain_depot(&self, class: usize) {
        loop {
            let chain = self.depots[class].pop();
            if chain.is_null() {
                return;
            }
            // SAFETY: a popped chain is ours alone (P1).
            unsafe { self.bring_home(class, chain) }
        }
    }

    /// Gives back the free pages of a class's slabs. Returns bytes.
    pub(crate) fn trim(&self, class: usize) -> usize {
        trim::trim(&self.centrals[class].slabs, &CLASS[class])
    }

    /// What happened to a class so far.
    pub(crate) fn activity(&self, class: usize) -> Activity {
        let slabs = self.centrals[class].slabs.lock();
        let free_bytes = slabs.free * CLASS[class].slot as usize;
        Activity { depot: self.depots[class].trace(), journeys: slabs.journeys, free_bytes }
    }

    /// The home of a class's blocks.
    pub(crate) fn slabs(&self, class: usize) -> &Lock<Slabs> {
        &self.centrals[class].slabs
    }

    /// Slabs of a class, their units, and free slots at home.
    pub(crate) fn class_counts(&self, class: usize) -> (usize, usize, usize) {
        self.centrals[class].counts()
    }

    /// Blocks in a class's depot.
    pub(crate) fn in_depot(&self, class: usize) -> usize {
        self.depots[class].count() * CLASS[class].chain as usize
    }

    /// Closes all locks, in their order, so that a fork finds every structure whole.
    pub(crate) fn lock_for_fork(&self) {
        for central in &self.centrals {
            central.slabs.lock_for_fork();
        }
        self.runs.lock_for_fork();
        self.spans.lock_for_fork();
        self.huge.state.lock_for_fork();
    }

    /// Opens them again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        unsafe {
            self.huge.state.unlock_after_fork();
            self.spans.unlock_after_fork();
            self.runs.unlock_after_fork();
            for central in self.centrals.iter().rev() {
                central.slabs.unlock_after_fork();
            }
        }
    }
}

const _: () = {
    let mut class = 0;
    while class < CLASSES {
        assert!(CLASS[class].chain as usize <= CHAIN_MAX);
        class += 1;
    }
};
