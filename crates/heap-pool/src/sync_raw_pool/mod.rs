//! [`SyncRawPool`]: slots of a size and alignment that are known at run time, for several threads.

mod traits;

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_arena::{ResetMode, lane_id};
#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::{AllocError, Allocator};

use crate::lane::Lane;
use crate::live::LiveSlots;
use crate::lock::Lock;
use crate::options::PoolOptions;
use crate::raw_pool::RawPool;
use crate::shared::Shared;
use crate::slot::SlotLayout;
use crate::sync::const_fn;
use crate::violation::CHECKED;

/// How many lanes a shared pool has unless it says otherwise. They are 128 bytes each.
pub const LANES: usize = if cfg!(feature = "std") { 16 } else { 0 };

/// How many slots go between a lane and the shared part at once.
const BATCH: usize = if cfg!(loom) { 1 } else { 32 };

/// A batch has at most so many bytes, or one slot: lanes keep two of them, and more of large slots is a waste.
const BATCH_BYTES: usize = 16 << 10;

/// A pool of equal slots that threads share.
///
/// Two layers. Below, a [`RawPool`] behind a lock that spins, then yields. Above, `N` lanes, each for one thread: slots
/// that it has at hand, taken and put back with no lock and no atomic operation at all. A lane gets and gives slots in
/// chains of up to 32, so threads that free what others took meet at the lock once in 32 slots, for a few instructions. The first `N` live
/// threads of the process that use any such pool have a lane (feature `std`); others use the lower layer directly.
/// A thread's lane, with what is in it, is that of the next thread when it ends.
///
/// A lane keeps at most 64 slots that came back (or 32 KiB of them) and 16 KiB of fresh ones, which other threads do not
/// find: 32 of these at first, twice as many each time. A pool that may not grow has none, since any of its slots must be there for any thread: there, each operation
/// takes the lock, which is one atomic exchange while nobody else is at it.
///
/// Wrong calls of [`free_slot`](Self::free_slot) are found as in a `RawPool`, in checked builds; these take the lock
/// each time.
///
/// ```
/// use core::alloc::Layout;
/// use heap_pool::SyncRawPool;
///
/// static POOL: SyncRawPool = SyncRawPool::new(Layout::new::<[u64; 4]>());
/// let slots = std::thread::scope(|threads| {
///     let work = || POOL.alloc_slot().map(|slot| slot.addr());
///     [threads.spawn(work), threads.spawn(work)].map(|thread| thread.join().unwrap())
/// });
/// assert_ne!(slots[0]?, slots[1]?);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
pub struct SyncRawPool<
    #[cfg(feature = "alloc")] A: Allocator = Global,
    #[cfg(not(feature = "alloc"))] A: Allocator,
    const N: usize = LANES,
> {
    slot: SlotLayout,
    /// Slots that go between a lane and `shared` at once. Zero: lanes stay empty.
    batch: usize,
    /// The most fresh slots of a lane.
    longest_run: usize,
    shared: Lock<Shared<A>>,
    lanes: [Lane; N],
}

// SAFETY: slots and child go with the pool.
unsafe impl<A: Allocator + Send, const N: usize> Send for SyncRawPool<A, N> {}
// SAFETY: threads share the lock, and lanes, each of which one thread uses (N1), because numbers are held by one thread at a
// time, of which the last happens before the next, and a reset needs an exclusive borrow. No `&A` gets out.
unsafe impl<A: Allocator + Send, const N: usize> Sync for SyncRawPool<A, N> {}

#[cfg(feature = "alloc")]
impl SyncRawPool {
    const_fn! {
        /// An empty pool of slots for `layout` over the program's global allocator. Allocates nothing yet.
        #[must_use]
        pub const fn new(layout: Layout) -> Self {
            Self::with_options_in(layout, PoolOptions::new(), Global)
        }
    }
}

impl<A: Allocator, const N: usize> SyncRawPool<A, N> {
    const_fn! {
        /// An empty pool of slots for `layout` over `child`. Allocates nothing yet.
        #[must_use]
        pub const fn with_options_in(layout: Layout, options: PoolOptions, child: A) -> Self {
            let slot = SlotLayout::new(layout, options.alignment());
            let batch = match BATCH_BYTES / slot.size() {
                _ if !options.is_growable() => 0,
                0 => 1,
                count if count < BATCH => count,
                _ => BATCH,
            };
            let shared = Lock::new(Shared::new(RawPool::with_options_in(layout, options, child), batch));
            // Not more than a batch for the model checker, which counts each step.
            let longest_run = match BATCH_BYTES / slot.size() {
                most if cfg!(loom) || most < batch => batch,
                most => most,
            };
            Self { slot, batch, longest_run, shared, lanes: [const { Lane::new() }; N] }
        }
    }

    /// Gets `count` more slots from the child at once: one call, whatever the count.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the child refuses; the slots that were there still are.
    pub fn preheat(&self, count: usize) -> Result<(), AllocError> {
        self.shared.with(|shared| shared.raw.preheat(count))
    }

    /// Takes a slot of [`slot_size`](Self::slot_size) bytes; its content is unspecified. O(1) but for slabs.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when no slot is free (but in lanes of other threads) and the child refuses, or the pool may not
    /// grow.
    #[inline]
    pub fn alloc_slot(&self) -> Result<NonNull<u8>, AllocError> {
        let taken = self.lanes.get(lane_id::current()).and_then(|lane| lane.take(self.slot));
        let slot = match taken {
            Some(slot) => slot,
            None => self.take_slow()?,
        };
        if CHECKED {
            self.shared.with(|shared| shared.raw.note_taken(slot));
        }
        Ok(slot)
    }

    /// Gives a slot back, from any thread. O(1).
    ///
    /// # Safety
    ///
    /// The slot came from this pool, was not given back, and is not used again.
    #[inline]
    pub unsafe fn free_slot(&self, slot: NonNull<u8>) {
        if CHECKED {
            self.shared.with(|shared| shared.raw.note_returned(slot));
        }
        let lane = self.lanes.get(lane_id::current());
        // SAFETY: the caller's promise.
        let kept = lane.is_some_and(|lane| unsafe { lane.put(slot, self.batch) });
        if !kept {
            // SAFETY: the caller's promise.
            unsafe { self.put_slow(slot) };
        }
    }

    #[cold]
    #[inline(never)]
    fn take_slow(&self) -> Result<NonNull<u8>, AllocError> {
        let Some(lane) = self.settled_lane() else { return self.shared.with(Shared::take) };
        // The first call of a thread may find a lane with the slots of the one before.
        let at_hand = lane.take(self.slot).or_else(|| lane.take_spare(self.slot, self.batch));
        if let Some(slot) = at_hand {
            return Ok(slot);
        }
        self.shared.with(|shared| lane.refill(shared, self.longest_run))?;
        lane.take(self.slot).ok_or(AllocError)
    }

    /// # Safety
    ///
    /// As for [`free_slot`](Self::free_slot).
    #[cold]
    #[inline(never)]
    unsafe fn put_slow(&self, slot: NonNull<u8>) {
        let Some(lane) = self.settled_lane() else {
            // SAFETY: the caller's promise.
            return self.shared.with(|shared| unsafe { shared.raw.put(slot) });
        };
        // SAFETY: the caller's promise.
        if unsafe { lane.put(slot, self.batch) } {
            return;
        }
        if lane.is_full() {
            self.shared.with(|shared| lane.flush(shared));
        }
        lane.shelve(self.slot);
        // SAFETY: the caller's promise. There is room now: a batch is not zero where there are lanes.
        unsafe { lane.put(slot, self.batch) };
    }

    /// The lane of this thread, if it may have slots; asks for one, if nobody has yet.
    fn settled_lane(&self) -> Option<&Lane> {
        let id = match lane_id::current() {
            lane_id::UNASKED => lane_id::settle(),
            id => id,
        };
        if self.batch == 0 { None } else { self.lanes.get(id) }
    }

    /// Ends the process if a slot is not handed out, when `CHECKED`.
    #[inline(always)]
    pub(crate) fn check_live(&self, slot: NonNull<u8>) {
        if CHECKED {
            self.shared.with(|shared| shared.raw.check_live(slot));
        }
    }

    /// Forgets all slots that were handed out, and keeps of the slabs what `mode` says: see [`RawPool::reset`].
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        self.lanes.iter_mut().for_each(Lane::reset);
        self.shared.get_mut().reset(mode)
    }

    /// The slots that are handed out.
    ///
    /// # Safety
    ///
    /// The pool is borrowed exclusively for as long as the result exists (W1).
    pub(crate) unsafe fn live_slots(&mut self) -> LiveSlots {
        let slot = self.slot;
        let at_hand = self.lanes.iter().flat_map(move |lane| lane.slots(slot));
        let (chained, raw) = self.shared.get_mut().split();
        // SAFETY: the caller's promise; the bits are filled by the snapshot.
        unsafe { LiveSlots::new(raw.snapshot(at_hand.chain(chained)), slot) }
    }

    /// The size of a slot in bytes: what of it a client may use.
    #[inline]
    #[must_use]
    pub const fn slot_size(&self) -> usize {
        self.slot.size()
    }

    /// The alignment of slots in bytes.
    #[inline]
    #[must_use]
    pub const fn slot_align(&self) -> usize {
        self.slot.align()
    }

    /// How many slots there are, free ones and others. O(1).
    #[must_use]
    pub fn slots(&self) -> usize {
        self.shared.with(|shared| shared.raw.slots())
    }

    /// How many slots are handed out. O(free slots).
    #[must_use]
    pub fn live(&mut self) -> usize {
        let at_hand: usize = self.lanes.iter().map(|lane| lane.slots(self.slot).count()).sum();
        let shared = self.shared.get_mut();
        shared.raw.live() - shared.chained() - at_hand
    }
}
