//! [`SyncArenaState`]: a shared arena without its child. Everything that it does is here; [`SyncArena`](crate::SyncArena) is
//! the face.

use core::alloc::Layout;
use core::hint::cold_path;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::atomic::const_fn;
use crate::drops::{Entry, SyncDropList};
use crate::lane::Lane;
use crate::lanes::{Lanes, LanesMark};
use crate::reset::ResetMode;
use crate::shared::{Shared, SharedMark};

/// How many lanes a [`SyncArena`](crate::SyncArena) has unless it says otherwise. They are 128 bytes each, written when a
/// thread asks for its own.
pub const LANES: usize = if cfg!(feature = "std") { 16 } else { 0 };

/// A shared arena without its child: what to store where the child is known from elsewhere.
///
/// [`SyncArena::into_state`](crate::SyncArena::into_state) makes one, [`SyncArena::promote`](crate::SyncArena::promote) makes
/// it an arena again. Dropping a state that has chunks leaks them.
#[derive(Debug)]
#[doc(alias = "State")]
#[must_use = "dropping the state of an arena leaks its chunks"]
pub struct SyncArenaState<const N: usize = LANES> {
    pub(crate) shared: Shared,
    pub(crate) drops: SyncDropList,
    lanes: Lanes<N>,
}

/// A place in a [`SyncArena`](crate::SyncArena) to which it can return: see [`SyncRewind`](crate::SyncRewind).
#[derive(Clone, Copy, Debug)]
pub struct SyncArenaMark<const N: usize = LANES> {
    shared: SharedMark,
    drops: Option<NonNull<Entry>>,
    lanes: LanesMark,
}

// SAFETY: a mark is only looked at by a rewind, whose caller is alone with the arena on whatever thread.
unsafe impl<const N: usize> Send for SyncArenaMark<N> {}
// SAFETY: as above.
unsafe impl<const N: usize> Sync for SyncArenaMark<N> {}

impl<const N: usize> SyncArenaState<N> {
    const_fn! {
        /// An empty arena's state. Allocates nothing.
        pub const fn new() -> Self {
            Self { shared: Shared::new(), drops: SyncDropList::new(), lanes: Lanes::new() }
        }
    }

    /// Takes a block with memory.
    #[inline(always)]
    pub(crate) fn alloc<A: Allocator>(&self, child: &A, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        match self.lanes.mine().and_then(|lane| lane.try_alloc(layout)) {
            Some(block) => Ok(block),
            None => {
                cold_path();
                self.alloc_slow(child, layout)
            }
        }
    }

    /// What this thread's lane could not serve, or what a thread without one asks for.
    // Without lanes it is no detour, so not `cold`.
    #[inline(never)]
    fn alloc_slow<A: Allocator>(&self, child: &A, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let lane = match self.lanes.mine() {
            Some(lane) => lane,
            None => match self.lanes.settle() {
                Some(lane) => {
                    // The lane may have been another thread's, and have room.
                    if let Some(block) = lane.try_alloc(layout) {
                        return Ok(block);
                    }
                    lane
                }
                None => return Ok(self.shared.take(child, layout, 0)?.cast()),
            },
        };
        lane.alloc_slow(&self.shared, child, layout)
    }

    /// See [`Allocator::resize`].
    ///
    /// # Safety
    ///
    /// As there, for a block with memory.
    #[inline]
    pub(crate) unsafe fn resize<A: Allocator>(
        &self,
        child: &A,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            self.lanes.mine().is_some_and(|lane| {
                lane.is_last(block, layout.size()) && lane.resize(block, layout, new_size)
            }) || self.resize_slow(child, block, layout, new_size)
        }
    }

    /// See [`Allocator::resize`].
    ///
    /// # Safety
    ///
    /// As there, for a block with memory, which is not this lane's newest; or for which the lane has no room.
    #[inline(never)]
    unsafe fn resize_slow<A: Allocator>(
        &self,
        child: &A,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            match self.lanes.mine().filter(|lane| lane.is_last(block, layout.size())) {
                Some(lane) => lane.resize_slow(&self.shared, child, block, layout, new_size),
                None => self.shared.resize(child, block, layout, new_size),
            }
        }
    }

    /// Whether a block with memory is the newest of this thread's lane, or of the chunks.
    pub(crate) fn is_last(&self, block: NonNull<u8>, size: usize) -> bool {
        self.lanes.mine().is_some_and(|lane| lane.is_last(block, size)) || self.shared.is_last(block, size)
    }

    /// Bytes taken from the chunks, without what this thread's lane has left. O(chunks).
    pub(crate) fn used(&self) -> usize {
        let left = self.lanes.mine().map_or(0, Lane::room);
        // L2: counted there. May be old where others give bytes up meanwhile.
        self.shared.used().saturating_sub(left)
    }

    /// The current place.
    ///
    /// # Safety
    ///
    /// No other thread uses the arena meanwhile.
    #[inline]
    pub(crate) unsafe fn mark(&self) -> SyncArenaMark<N> {
        // SAFETY: the caller's promise.
        let lanes = unsafe { self.lanes.mark() };
        SyncArenaMark { shared: self.shared.mark(), drops: self.drops.newest(), lanes }
    }

    /// Returns to a mark.
    ///
    /// # Safety
    ///
    /// As for [`SyncRewind::rewind`](crate::SyncRewind::rewind).
    pub(crate) unsafe fn rewind<A: Allocator>(&self, child: &A, mark: &SyncArenaMark<N>) {
        // SAFETY: the caller's promise. These values are in blocks made since the mark; entries are only added (D1), so
        // the mark's is there. What a lane had left at the mark lies below `used` of then (L2), and all above it is free:
        // this thread's lane may have of it.
        unsafe {
            self.drops.run(mark.drops);
            self.lanes.rewind(&mark.lanes);
            self.shared.rewind(child, mark.shared);
            self.lanes.mine().into_iter().for_each(|lane| lane.provide(&self.shared));
        }
    }

    /// Drops what was registered, then keeps of the chunks what `mode` says. `false`: the child refused (see there).
    ///
    /// # Safety
    ///
    /// No block is used any more, and no other thread uses the arena meanwhile.
    pub(crate) unsafe fn reset<A: Allocator>(&self, child: &A, mode: ResetMode) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            self.drops.run(None);
            self.lanes.reset();
            self.shared.reset(child, mode)
        }
    }
}

impl<const N: usize> Default for SyncArenaState<N> {
    fn default() -> Self {
        Self::new()
    }
}
