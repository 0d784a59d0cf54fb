//! [`RawPool`]: slots of a size and alignment that are known at run time, for one thread.
//!
//! Knows nothing of values: [`Pool`](crate::Pool) does, and [`SyncRawPool`](crate::SyncRawPool) shares one of these.

mod checks;
mod reset;
mod traits;

use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::ptr::NonNull;

use heap_arena::ResetMode;
#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::{AllocError, Allocator};

use crate::options::PoolOptions;
use crate::slab::{Slab, SlabList};
use crate::slot::{FreeSlots, FreshSlots, SlotLayout};
use crate::violation::CHECKED;

/// A pool of equal slots over slabs of a child allocator.
///
/// A slot that comes back is the next to go out. Where none has come back, the next fresh slot of the slab at hand is
/// taken; the slabs' slots are not linked or touched before that. A slot is as large as its layout or as a pointer,
/// whichever is more, rounded up to its alignment; a slab has four words and one bit a slot beyond that.
///
/// It is also an [`Allocator`] of blocks that fit a slot, and so a child of others.
///
/// In debug builds, and with the feature `checked`, a slot that comes back must be one that went out: anything
/// else ends the process with a message. Other builds do not look.
///
/// ```
/// use core::alloc::Layout;
/// use heap_pool::RawPool;
///
/// let pool = RawPool::new(Layout::from_size_align(100, 32)?);
/// assert_eq!(pool.slot_size(), 128);
/// let slot = pool.alloc_slot()?;
/// // SAFETY: from this pool, and not used again.
/// unsafe { pool.free_slot(slot) };
/// assert_eq!(pool.alloc_slot()?, slot);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Invariants
///
/// - **P1** Every slab of the pool is in `used` or `spare`; `total` is the sum of their slots. Those in `spare` are as
///   new; `fresh` lies at the end of the first in `used`.
/// - **P2** Every slot of a slab in `used` is in `free`, in `fresh`, or handed out.
/// - **P3** When `CHECKED`: the bit of a slot is set exactly while the slot is handed out and not given back.
pub struct RawPool<
    #[cfg(feature = "alloc")] A: Allocator = Global,
    #[cfg(not(feature = "alloc"))] A: Allocator,
> {
    free: FreeSlots,
    fresh: FreshSlots,
    slot: SlotLayout,
    used: SlabList,
    spare: SlabList,
    total: Cell<usize>,
    /// Slots that a pool which may not grow had, and may fetch again.
    owed: Cell<usize>,
    options: PoolOptions,
    child: A,
}

// SAFETY: the slabs are the pool's alone, and may be freed from another thread if the child may be used there. What was
// handed out is the client's affair.
unsafe impl<A: Allocator + Send> Send for RawPool<A> {}

#[cfg(feature = "alloc")]
impl RawPool {
    /// An empty pool of slots for `layout` over the program's global allocator. Allocates nothing yet.
    #[must_use]
    pub const fn new(layout: Layout) -> Self {
        Self::with_options_in(layout, PoolOptions::new(), Global)
    }
}

impl<A: Allocator> RawPool<A> {
    /// An empty pool of slots for `layout` over `child`. Allocates nothing yet.
    #[must_use]
    pub const fn new_in(layout: Layout, child: A) -> Self {
        Self::with_options_in(layout, PoolOptions::new(), child)
    }

    /// As [`new_in`](Self::new_in), with options.
    #[must_use]
    pub const fn with_options_in(layout: Layout, options: PoolOptions, child: A) -> Self {
        Self {
            free: FreeSlots::new(),
            fresh: FreshSlots::new(),
            slot: SlotLayout::new(layout, options.alignment()),
            used: SlabList::new(),
            spare: SlabList::new(),
            total: Cell::new(0),
            owed: Cell::new(0),
            options,
            child,
        }
    }

    /// Gets `count` more slots from the child at once: one call, whatever the count.
    ///
    /// ```
    /// use core::alloc::Layout;
    /// let pool = heap_pool::RawPool::new(Layout::new::<u64>());
    /// pool.preheat(1000)?;
    /// assert!(pool.slots() >= 1000);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the child refuses; the slots that were there still are.
    pub fn preheat(&self, count: usize) -> Result<(), AllocError> {
        if count == 0 { Ok(()) } else { self.add_slab(count) }
    }

    /// Takes a slot of [`slot_size`](Self::slot_size) bytes; its content is unspecified. O(1) but for slabs.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when no slot is free and the child refuses, or the pool may not grow.
    #[inline]
    pub fn alloc_slot(&self) -> Result<NonNull<u8>, AllocError> {
        let slot = match self.take() {
            Some(slot) => slot,
            None => self.take_slow()?,
        };
        self.note_taken(slot);
        Ok(slot)
    }

    /// Gives a slot back. O(1).
    ///
    /// # Safety
    ///
    /// `slot` is a pointer that this pool returned; it was not given back, and is not used again.
    #[inline]
    pub unsafe fn free_slot(&self, slot: NonNull<u8>) {
        self.note_returned(slot);
        // SAFETY: the caller's promise.
        unsafe { self.put(slot) };
    }

    /// A slot at hand, not marked yet.
    #[inline(always)]
    pub(crate) fn take(&self) -> Option<NonNull<u8>> {
        match self.free.pop() {
            Some(slot) => Some(slot),
            None => self.fresh.take(self.slot),
        }
    }

    /// A slot of a further slab, not marked yet.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_slow(&self) -> Result<NonNull<u8>, AllocError> {
        self.refill()?;
        self.take().ok_or(AllocError)
    }

    /// Puts a slot on the free list.
    ///
    /// # Safety
    ///
    /// As for [`free_slot`](Self::free_slot).
    #[inline(always)]
    pub(crate) unsafe fn put(&self, slot: NonNull<u8>) {
        // SAFETY: ours (caller), so it is sized and aligned as it should be (F1), and not on the list (F3).
        unsafe { self.free.push(slot) };
    }

    /// Moves slots to a client's own lists, which are empty: at least one and up to `count` that are free, or else up to
    /// `run` fresh ones. Returns how many of them are on the list of free slots.
    pub(crate) fn deal(
        &self,
        free: &FreeSlots,
        fresh: &FreshSlots,
        count: usize,
        run: usize,
    ) -> Result<usize, AllocError> {
        let moved = self.free.split_to(free, count);
        if moved != 0 {
            return Ok(moved);
        }
        if self.fresh.count(self.slot) == 0 {
            self.refill()?;
        }
        self.fresh.split_to(fresh, self.slot, run);
        Ok(0)
    }

    /// Takes up to `count` slots of a client's list back.
    pub(crate) fn collect(&self, free: &FreeSlots, count: usize) -> usize {
        free.split_to(&self.free, count)
    }

    /// Opens a slab with fresh slots, when `fresh` is empty.
    fn refill(&self) -> Result<(), AllocError> {
        if self.spare.first().is_none() {
            self.grow()?;
            // The child may have called us meanwhile (where a function of the client's sees each of its calls).
            if self.fresh.count(self.slot) != 0 {
                return Ok(());
            }
        }
        let slab = self.spare.pop().ok_or(AllocError)?;
        // SAFETY: P1: live, and all its slots are ours. `fresh` is empty, so none is forgotten.
        unsafe {
            self.fresh.set(slab.base(), self.slot, slab.count());
            self.used.push(slab);
        }
        Ok(())
    }

    /// Gets the slab that is due, or else one of a single slot.
    fn grow(&self) -> Result<(), AllocError> {
        if !self.options.is_growable() {
            let owed = self.owed.get();
            if owed == 0 {
                return Err(AllocError);
            }
            self.owed.set(0);
            return self.add_slab(owed).inspect_err(|_| self.owed.set(self.owed.get().saturating_add(owed)));
        }
        let wanted = self.options.next_slab(self.slot.size(), self.total.get());
        self.add_slab(wanted).or_else(|AllocError| self.add_slab(1))
    }

    fn add_slab(&self, count: usize) -> Result<(), AllocError> {
        self.total.get().checked_add(count).ok_or(AllocError)?;
        let slab = Slab::create(&self.child, self.slot, count, self.options.is_growable())?;
        // SAFETY: just created. A pool that may not grow has exactly what was asked for.
        unsafe {
            self.total.set(self.total.get().saturating_add(slab.count()));
            if CHECKED {
                slab.fill_bits(0);
            }
            self.spare.push(slab);
        }
        Ok(())
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

    pub(crate) const fn slot(&self) -> SlotLayout {
        self.slot
    }

    /// How many slots there are, free ones and others. O(1).
    #[must_use]
    pub fn slots(&self) -> usize {
        self.total.get()
    }

    /// How many slots are handed out. O(free slots): nothing is counted on the way.
    #[must_use]
    pub fn live(&self) -> usize {
        // SAFETY: P1.
        let used: usize = self.used.iter().map(|slab| unsafe { slab.count() }).sum();
        used - self.fresh.count(self.slot) - self.free.iter().count()
    }

    /// The options.
    #[must_use]
    pub const fn options(&self) -> PoolOptions {
        self.options
    }

    /// The child.
    #[must_use]
    pub const fn child(&self) -> &A {
        &self.child
    }
}

impl<A: Allocator> Drop for RawPool<A> {
    fn drop(&mut self) {
        RawPool::reset(self, ResetMode::FreeAll);
    }
}

impl<A: Allocator> fmt::Debug for RawPool<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawPool")
            .field("slot_size", &self.slot.size())
            .field("slots", &self.slots())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
