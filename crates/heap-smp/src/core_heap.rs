//! The shared half of a heap: everything but the threads' caches. All zeros at the start, so a static one costs nothing.

mod emptying;
#[cfg(test)]
mod tests;

use core::mem::MaybeUninit;
use core::ptr::NonNull;

pub(crate) use self::emptying::BLOCKS_AT_ONCE;
use crate::central::{Central, Ground, WATCH_FROM, gather};
use crate::chain::{self, Link};
use crate::config::{CHAIN_MAX, Settings};
use crate::corner::{self, Corner};
use crate::directory::Directory;
use crate::groups::{Group, Groups};
use crate::huge::Huge;
use crate::overflow::{self, Overflow, Waiting};
use crate::run_cache::RunCache;
use crate::size::{CLASS, CLASSES};
use crate::span_heaps::SpanHeaps;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use crate::trim;

/// Bytes in all overflows together from which a helper thread is worth its start.
const WATCH_OVERFLOW_FROM: usize = 1 << 20;

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

    /// Whether no chain waits.
    pub(crate) fn is_drained(self) -> bool {
        self.depot == 0
    }

    /// Whether there is something to give back once the class is quiet.
    pub(crate) fn is_worth_watching(self) -> bool {
        self.depot != 0 || self.free_bytes >= WATCH_FROM
    }
}

/// Depots, homes, the span heaps and the directory. Lock order: homes, by group and class; parked runs; the span heaps. Inside an
/// overflow's lock no other one is taken.
#[derive(Debug)]
pub(crate) struct CoreHeap {
    pub(crate) groups: Groups,
    pub(crate) spans: SpanHeaps,
    pub(crate) runs: RunCache,
    pub(crate) directory: Directory,
    pub(crate) huge: Huge,
    watch: AtomicBool,
    pub(crate) waiting: Waiting,
    /// Bytes of slabs and large blocks that were taken while chains waited, since all of them went home.
    fresh: AtomicUsize,
}

impl CoreHeap {
    pub(crate) const fn new() -> Self {
        Self {
            groups: Groups::new(),
            spans: SpanHeaps::new(),
            runs: RunCache::new(),
            directory: Directory::new(),
            huge: Huge::new(),
            watch: AtomicBool::new(false),
            waiting: Waiting::new(),
            fresh: AtomicUsize::new(0),
        }
    }

    /// What a home of this group needs to know of the heap.
    pub(crate) fn ground(&self, group: usize) -> Ground<'_> {
        Ground {
            directory: &self.directory,
            spans: &self.spans,
            runs: &self.runs,
            watch: &self.watch,
            roll: None,
            resident_only: false,
            corner: Corner::FIRST,
            group,
        }
    }

    /// Takes the settings over, if no allocator brought its own before.
    pub(crate) fn configure(&'static self, settings: &Settings) {
        self.spans.configure(settings);
    }

    /// The number of the calling thread's group, which may be another one a moment later.
    #[inline]
    pub(crate) fn here(&self) -> usize {
        self.spans.division.here()
    }

    /// All groups that are used, the first one first.
    fn groups(&self) -> impl DoubleEndedIterator<Item = &Group> {
        self.groups.iter(self.spans.division.count())
    }

    /// A full chain of the class that some thread left, or null.
    pub(crate) fn pop_chain(&self, class: usize) -> *mut Link {
        let group = self.groups.get(self.here());
        let (depot, places) = (&group.depots[class], CLASS[class].places as usize);
        let chain = match corner::own() {
            None => depot.pop_alone(places),
            Some(corner) => depot.pop(places, corner.number()),
        };
        if !chain.is_null() {
            return chain;
        }
        let chain = group.overflows[class].pop();
        // SAFETY: P1, O1: null or a full chain of the class, and ours alone.
        unsafe { overflow::fetch_ahead(chain, &CLASS[class]) };
        chain
    }

    /// Takes a full chain, for other threads or home.
    ///
    /// # Safety
    ///
    /// `chain` is a full chain of free blocks of the class, and the caller gives it up.
    pub(crate) unsafe fn push_chain(&self, class: usize, chain: *mut Link) {
        let group = self.groups.get(self.here());
        let (depot, places) = (&group.depots[class], CLASS[class].places as usize);
        let taken = match corner::own() {
            None => depot.push_alone(chain, places),
            Some(corner) => depot.push(chain, places, corner.number()),
        };
        if taken {
            return;
        }
        // SAFETY: the caller's promise is the same, for both.
        unsafe {
            if !overflow::serves(class) {
                return self.bring_home(class, chain);
            }
            group.overflows[class].push(chain, CLASS[class].chain_bytes(), &self.waiting);
        }
        if !self.is_worth_watching() && self.waiting.bytes() >= WATCH_OVERFLOW_FROM {
            self.watch();
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

    /// Brings all blocks of a list home: first those of the calling thread's group, then those of others.
    ///
    /// # Safety
    ///
    /// `list` is null or a list of free blocks of the class, and the caller gives it up.
    pub(crate) unsafe fn bring_home(&self, class: usize, list: *mut Link) {
        let group = self.here();
        // SAFETY: the caller's promise is the same, and holds for what is left.
        unsafe {
            let left = self.groups.get(group).homes[class].give_list(self.ground(group), class, list);
            if !left.is_null() {
                self.bring_strays_home(class, left);
            }
        }
    }

    /// # Safety
    ///
    /// As for [`bring_home`](Self::bring_home).
    #[cold]
    unsafe fn bring_strays_home(&self, class: usize, mut list: *mut Link) {
        let mut blocks = [MaybeUninit::uninit(); CHAIN_MAX];
        while !list.is_null() {
            // SAFETY: the list is the caller's; the blocks are given up with it.
            unsafe {
                let count;
                (count, list) = chain::unlink(list, &mut blocks);
                self.give_blocks(class, &mut blocks[..count]);
            }
        }
    }

    /// Fresh blocks of the class, at most `want` (and [`CHAIN_MAX`]), as a list, and how many. Null: no memory.
    pub(crate) fn refill(&self, class: usize, want: usize) -> (*mut Link, usize) {
        let (here, corner) = (self.here(), corner::own().unwrap_or(Corner::FIRST));
        let from = |group, resident_only| {
            let ground = Ground { resident_only, corner, ..self.ground(group) };
            let taken = self.groups.get(group).homes[class].take_list(ground, class, want);
            (!taken.0.is_null()).then_some(taken)
        };
        let found = self.find_memory(CLASS[class].units as usize, |resident_only| from(here, resident_only));
        let lent = || self.group_with_free(class).and_then(|group| from(group, false));
        found.or_else(lent).unwrap_or((core::ptr::null_mut(), 0))
    }

    /// Takes up to `out.len()` blocks of the class from home, without links, and returns how many. Zero: no memory.
    #[cfg(feature = "checked")]
    pub(crate) fn take_blocks(&self, class: usize, out: &mut [MaybeUninit<NonNull<u8>>]) -> usize {
        let mut from = |group| self.groups.get(group).homes[class].take(self.ground(group), class, out);
        match from(self.here()) {
            0 => self.group_with_free(class).map_or(0, from),
            some => some,
        }
    }

    /// The system gives no memory for another slab: a group whose home has blocks of the class, after all depots were emptied.
    /// `None`: no group's has.
    #[cold]
    fn group_with_free(&self, class: usize) -> Option<usize> {
        self.drain_depot(class);
        self.homes(class).position(|home| home.counts().2 > 0)
    }

    /// Brings blocks home, without links: first those of the calling thread's group, then those of others.
    ///
    /// # Safety
    ///
    /// They are free blocks of the class, all different, and the caller gives them up; the slice is initialised.
    pub(crate) unsafe fn give_blocks(&self, class: usize, mut blocks: &mut [MaybeUninit<NonNull<u8>>]) {
        let mut group = self.here();
        loop {
            // SAFETY: the caller's promise is the same, and for what is left it still holds.
            unsafe {
                match self.groups.get(group).homes[class].give(self.ground(group), class, blocks) {
                    0 => return,
                    left => blocks = blocks.split_at_mut(blocks.len() - left).1,
                }
                // At least one block goes home each time, so this ends.
                group = gather(&self.directory, blocks);
            }
        }
    }

    /// Gives back the free pages of a class's slabs. Returns bytes.
    pub(crate) fn trim(&self, class: usize) -> usize {
        self.homes(class).map(|home| trim::trim(&home.slabs, &CLASS[class])).sum()
    }

    /// What happened to a class so far.
    pub(crate) fn activity(&self, class: usize) -> Activity {
        let mut activity = Activity::NONE;
        for group in self.groups() {
            let slabs = group.homes[class].slabs.lock();
            activity.journeys = activity.journeys.wrapping_add(slabs.journeys);
            activity.free_bytes += slabs.free * CLASS[class].slot as usize;
            let chains = group.overflows[class].chains();
            activity.depot = activity.depot.wrapping_add(group.depots[class].trace()).wrapping_add(chains);
        }
        activity
    }

    /// The overflows of all groups and classes, and what their classes are.
    pub(crate) fn overflows(&self) -> impl Iterator<Item = (usize, &Overflow)> {
        self.groups().flat_map(|group| group.overflows.iter().enumerate())
    }

    /// The homes of a class's blocks.
    pub(crate) fn homes(&self, class: usize) -> impl Iterator<Item = &Central> {
        self.groups().map(move |group| &group.homes[class])
    }

    /// Slabs of a class, their units, and free slots at home.
    pub(crate) fn class_counts(&self, class: usize) -> (usize, usize, usize) {
        self.homes(class)
            .map(Central::counts)
            .fold((0, 0, 0), |sum, home| (sum.0 + home.0, sum.1 + home.1, sum.2 + home.2))
    }

    /// Blocks in a class's depots.
    pub(crate) fn in_depot(&self, class: usize) -> usize {
        let chains = |group: &Group| group.depots[class].count() + group.overflows[class].chains();
        self.groups().map(chains).sum::<usize>() * CLASS[class].chain as usize
    }

    /// Closes all locks, in their order, so that a fork finds every structure whole.
    pub(crate) fn lock_for_fork(&self) {
        self.groups().flat_map(|group| &group.homes).for_each(|home| home.slabs.lock_for_fork());
        self.overflows().for_each(|(_, overflow)| overflow.lock_for_fork());
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
            self.overflows().for_each(|(_, overflow)| overflow.unlock_after_fork());
            for home in self.groups().rev().flat_map(|group| group.homes.iter().rev()) {
                home.slabs.unlock_after_fork();
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
