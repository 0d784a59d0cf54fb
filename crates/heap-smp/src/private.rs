//! A private heap's state: the bins of the thread that owns it, homes of its own, and rolls of all that it took from the process's
//! span heap, so that dropping it gives whole spans back and looks at no block.
//!
//! One thread at a time owns a heap and uses its bins as any thread uses its own, without a lock. All others go to the homes, under
//! their locks, a block at a time: slower, and right.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use crate::bins::Bins;
use crate::central::{Central, Ground};
use crate::chain::Link;
use crate::config::{Settings, UNIT};
use crate::core_heap::CORE;
use crate::directory::Owner;
use crate::floor::Floor;
use crate::hardening;
use crate::huge_roll::HugeRoll;
use crate::large;
use crate::process;
use crate::roll::Roll;
use crate::segment::PRIVATE;
use crate::size::{CLASS, CLASSES};
use crate::span_heap::SpanHeap;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::thread_number;
use crate::trim;

/// Spans given back under one holding of the span heap's lock: some ten microseconds.
const SPANS_AT_ONCE: usize = 64;

/// What a private heap is, in a run of its own.
///
/// # Invariants
///
/// - **O1** `owner` is zero, or the number of a thread. A thread other than the caller becomes the owner by its own call only, from
///   zero ([`claim`](Self::claim)), or while nobody uses the heap ([`set_owner`](Self::set_owner)); it leaves by its own call, or
///   while nobody uses the heap. Numbers are never used twice. So if `owner` is the calling thread's number, it stays
///   that until this thread changes it.
/// - **O2** `bins` is accessed by the owner, or while nobody uses the heap and under the registry's lock or after the heap left it.
///   Each change of the owner releases, and each acquires, what was done to the bins.
/// - **O3** All blocks of the heap lie in spans on `roll` or in mappings on `huge`, and nothing else does.
#[derive(Debug)]
pub(crate) struct State {
    owner: AtomicUsize,
    pub(crate) bins: Bins,
    homes: [Central; CLASSES],
    pub(crate) roll: Roll,
    pub(crate) huge: HugeRoll,
    /// Neighbours in the registry, under its lock.
    pub(crate) links: Links,
}

/// Neighbours in the registry.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) prev: AtomicPtr<State>,
    pub(crate) next: AtomicPtr<State>,
}

// SAFETY: O2 for the bins; all else is atomic or behind locks.
unsafe impl Sync for State {}

/// The state of heaps that were not used yet: nobody owns it, ever, and no block belongs to it.
pub(crate) static NOBODY: State = State::new();

const LAYOUT: Layout = Layout::new::<State>();
const _: () = assert!(size_of::<State>() <= UNIT && align_of::<State>() <= UNIT);

impl State {
    /// All zeros.
    const fn new() -> Self {
        Self {
            owner: AtomicUsize::new(0),
            bins: Bins::new(),
            homes: [const { Central::new() }; CLASSES],
            roll: Roll::new(),
            huge: HugeRoll::new(),
            links: Links { prev: AtomicPtr::new(ptr::null_mut()), next: AtomicPtr::new(ptr::null_mut()) },
        }
    }

    /// A heap without blocks, in a run of units. `None`: no memory.
    pub(crate) fn open() -> Option<NonNull<Self>> {
        process::start(&Settings::DEFAULT);
        let fresh = large::fresh(&CORE, LAYOUT, &Settings::DEFAULT)?;
        hardening::lent_run(fresh.block, LAYOUT.size());
        let state = fresh.block.cast::<Self>();
        if !fresh.zeroed {
            // SAFETY: the run is ours, and that long and aligned.
            unsafe { state.write_bytes(0, 1) };
        }
        if let Some(Owner::Segment(segment)) = CORE.directory.owner_of(state.addr().get())
            && let Some(span) = segment.span_at(state.addr().get())
        {
            // SAFETY: zeros are a valid state.
            let fresh = unsafe { state.as_ref() };
            fresh.roll.begin(span, segment);
            fresh.bins.begin();
            return Some(state);
        }
        // A mapping of its own, since the system has no room for a segment: it has no number, and would not help much.
        // SAFETY: just made.
        unsafe { Self::close(state) };
        None
    }

    /// Gives the state's own memory back.
    ///
    /// # Safety
    ///
    /// `state` came from [`open`](Self::open), its rolls are empty, and nobody uses it again.
    pub(crate) unsafe fn close(state: NonNull<Self>) {
        // SAFETY: the caller's promise is the same.
        unsafe { large::free(&CORE, state.cast(), LAYOUT) }
    }

    /// Whether the calling thread is the owner.
    #[inline(always)]
    pub(crate) fn is_mine(&self) -> bool {
        // Relaxed: O1: if it is this thread's number, this thread has written it, or acquired the heap since.
        self.owner.load(Ordering::Relaxed) == thread_number::number()
    }

    /// Makes the calling thread, whose number it is, the owner, if there is none.
    pub(crate) fn claim(&self, number: usize) -> bool {
        // Acquire pairs with the release of the owner that left (O2).
        self.owner.compare_exchange(0, number, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Makes a thread the owner, or nobody. Nobody uses the heap, and the registry's lock is held.
    pub(crate) fn set_owner(&self, number: usize) {
        self.owner.store(number, Ordering::Release);
    }

    /// The calling thread, whose number it is, ends: if it is the owner, its bins go home, and there is none from now on. The
    /// registry's lock is held.
    pub(crate) fn disown_if_of(&self, number: usize) {
        if self.owner.load(Ordering::Relaxed) == number {
            self.bins.give_all(self);
            self.set_owner(0);
        }
    }

    /// In the child of a fork: if the owner was another thread, which is not there, its bins may be half changed. What they
    /// had is lost until the heap goes.
    pub(crate) fn forget_lost_owner(&self) {
        if self.owner.load(Ordering::Relaxed) != 0 && !self.is_mine() {
            // O2: there is one thread.
            self.bins.forget();
            self.set_owner(0);
        }
    }

    /// What a home of this heap needs to know.
    pub(crate) fn ground(&self) -> Ground<'_> {
        Ground { roll: Some(&self.roll), ..CORE.ground(PRIVATE) }
    }

    /// The home of a class's blocks.
    pub(crate) fn home(&self, class: usize) -> &Central {
        &self.homes[class]
    }

    /// One block of a class from home; null when there is no memory.
    pub(crate) fn take_one(&self, class: usize) -> *mut u8 {
        let taken = CORE.find_memory(CLASS[class].units as usize, |resident_only| {
            let mut block = [MaybeUninit::uninit()];
            let ground = Ground { resident_only, ..self.ground() };
            let count = self.homes[class].take(ground, class, &mut block);
            // SAFETY: `take` initialised so many.
            (count == 1).then(|| unsafe { block[0].assume_init() })
        });
        taken.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// Brings one block home. Aborts if it is not one of this class, and out.
    ///
    /// # Safety
    ///
    /// The caller gives the block up.
    pub(crate) unsafe fn give_one(&self, class: usize, block: NonNull<u8>) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.homes[class].give(self.ground(), class, &[MaybeUninit::new(block)]) };
        self.on_room_made();
    }

    /// Gives the memory that no block needs to the process's heap: slabs without a block, and pages of others. Returns bytes.
    pub(crate) fn purge(&self) -> usize {
        if self.is_mine() {
            self.bins.give_all(self);
        }
        let home = |class: usize| {
            let home = &self.homes[class];
            home.close_empty(self.ground(), class) + trim::trim(&home.slabs, &CLASS[class])
        };
        (0..CLASSES).map(home).sum()
    }

    /// Gives all spans and mappings back, whatever blocks lie there. O(spans + mappings).
    ///
    /// # Safety
    ///
    /// Nobody uses the heap, or its blocks again; it has no owner.
    pub(crate) unsafe fn release_all(&self) {
        self.bins.forget();
        for heap in CORE.spans.iter() {
            while self.release_some(&mut heap.lock()) {}
        }
        for class in 0..CLASSES {
            self.homes[class].forget();
        }
        while let Some((block, len)) = self.strike_huge() {
            if let Ok(layout) = Layout::from_size_align(len, 1) {
                // SAFETY: the block is huge, of that length, and given up.
                unsafe { large::free(&CORE, block, layout) };
            }
        }
        self.on_room_made();
    }

    /// Gives some spans of a span heap back. Says whether there may be more.
    fn release_some(&self, heap: &mut SpanHeap) -> bool {
        let mut left = SPANS_AT_ONCE;
        while left > 0
            && let Some((segment, span)) = self.roll.first(heap)
        {
            self.roll.strike(heap, span);
            hardening::give(heap, segment, span);
            left -= 1;
        }
        if heap.is_worth_watching() {
            CORE.watch();
        }
        left == 0
    }

    /// Takes a huge block off its roll.
    fn strike_huge(&self) -> Option<(NonNull<u8>, usize)> {
        let mut state = CORE.huge.state.lock();
        let record = self.huge.first(&mut state)?;
        let block = NonNull::new(record.base.load(Ordering::Relaxed))?;
        self.huge.strike(&mut state, self.roll.tenant(), record, block);
        Some((block, record.len.load(Ordering::Relaxed)))
    }

    /// Closes the locks of all homes, for a fork.
    pub(crate) fn lock_for_fork(&self) {
        self.homes.iter().for_each(|home| home.slabs.lock_for_fork());
    }

    /// Opens them again.
    ///
    /// # Safety
    ///
    /// This thread called [`lock_for_fork`](Self::lock_for_fork) before the fork.
    pub(crate) unsafe fn unlock_after_fork(&self) {
        // SAFETY: the caller's promise is the same.
        self.homes.iter().for_each(|home| unsafe { home.slabs.unlock_after_fork() });
    }
}

/// The homes of a heap beneath its owner's bins. No depot: chains go home, where other threads find their blocks.
impl Floor for State {
    fn pop_chain(&self, _: usize) -> *mut Link {
        ptr::null_mut()
    }

    unsafe fn push_chain(&self, class: usize, chain: *mut Link) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.bring_home(class, chain) }
    }

    unsafe fn bring_home(&self, class: usize, list: *mut Link) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.homes[class].give_list(self.ground(), class, list) };
    }

    fn refill(&self, class: usize, want: usize) -> (*mut Link, usize) {
        let taken = CORE.find_memory(CLASS[class].units as usize, |resident_only| {
            let ground = Ground { resident_only, ..self.ground() };
            let taken = self.homes[class].take_list(ground, class, want);
            (!taken.0.is_null()).then_some(taken)
        });
        taken.unwrap_or((ptr::null_mut(), 0))
    }

    fn on_refill(&self) {
        Floor::on_refill(&CORE);
    }

    fn on_room_made(&self) {
        Floor::on_room_made(&CORE);
    }
}
