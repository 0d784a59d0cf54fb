//! [`SyncArena`]: the growing bump allocator for several threads, without locks.

use core::alloc::Layout;
use core::fmt;
use core::ptr::{self, NonNull};

#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::atomic::{AtomicPtr, Ordering, const_fn};
use crate::drops::{DropList, Entry};
use crate::lane::Lane;
use crate::lane_id;
use crate::reset::ResetMode;
use crate::shared::Shared;
use crate::sync_chunk::SYNC_HEADER;
use crate::typed::TypedAlloc;

/// How many lanes a [`SyncArena`] has unless it says otherwise. They are 128 bytes each.
pub const LANES: usize = if cfg!(feature = "std") { 16 } else { 0 };

/// A bump allocator that threads share, over chunks of a child that they share.
///
/// Two layers. Below, the chunks: a request moves the head's cursor with one compare-exchange; a full chunk is
/// lengthened in place where the child can, or followed by one twice as long. Above, `N` lanes: pieces of the chunks, of up
/// to 16 KiB, each for one thread, which takes its blocks from there as from an [`Arena`](crate::Arena), with no atomic
/// operation at all. The first `N` live threads of the process that use any such arena have a lane (feature `std`);
/// others, and blocks above 4 KiB, go to the chunks directly. All of it is lock-free as far as the child is.
///
/// As in an `Arena`, the newest block can grow and its memory comes back when it is freed: the newest of the thread's
/// lane, or of the head. A request that fails leaves everything else as it was. There are no marks: between threads
/// nobody can say what was allocated since. An `Arena` over `&SyncArena` has them.
///
/// ```
/// use heap_arena::{ResetMode, SyncArena, TypedAlloc};
///
/// let mut arena = SyncArena::new();
/// std::thread::scope(|threads| {
///     for n in 0..4 {
///         let arena = &arena;
///         threads.spawn(move || {
///             let squares = arena.alloc_iter((0..100).map(|i| i * n)).unwrap();
///             assert_eq!(squares[10], 10 * n);
///         });
///     }
/// });
/// arena.reset(ResetMode::RetainCapacity);
/// ```
#[doc(alias = "ArenaAllocator")]
pub struct SyncArena<
    #[cfg(feature = "alloc")] A: Allocator = Global,
    #[cfg(not(feature = "alloc"))] A: Allocator,
    const N: usize = LANES,
> {
    /// Chunks of `child`.
    shared: Shared,
    /// The newest of the values to drop.
    drops: AtomicPtr<Entry>,
    child: A,
    lanes: [Lane; N],
}

// SAFETY: as for `Arena`: the chunks are ours, the child goes with them, and values to drop are `Send`.
unsafe impl<A: Allocator + Send, const N: usize> Send for SyncArena<A, N> {}
// SAFETY: threads share atomics; the child, which may be shared; and lanes, each of which one thread uses (L1), because
// numbers are held by one thread at a time (N1) and a reset needs an exclusive borrow.
unsafe impl<A: Allocator + Sync, const N: usize> Sync for SyncArena<A, N> {}

#[cfg(feature = "alloc")]
impl SyncArena {
    const_fn! {
        /// An empty arena over the program's global allocator. Allocates nothing yet.
        #[must_use]
        pub const fn new() -> Self {
            Self::new_in(Global)
        }
    }
}

impl<A: Allocator, const N: usize> SyncArena<A, N> {
    const_fn! {
        /// An empty arena over `child`. Allocates nothing yet.
        #[must_use]
        pub const fn new_in(child: A) -> Self {
            Self {
                shared: Shared::new(),
                drops: AtomicPtr::new(ptr::null_mut()),
                child,
                lanes: [const { Lane::new() }; N],
            }
        }
    }

    /// As [`new_in`](Self::new_in), with one chunk of at least `capacity` usable bytes.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the chunk is not to be had.
    pub fn with_capacity_in(capacity: usize, child: A) -> Result<Self, AllocError> {
        let arena = Self::new_in(child);
        arena.reserve(capacity)?;
        Ok(arena)
    }

    /// Makes sure that the head has `bytes` of room, unless other threads take it.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the child refuses or the limit is reached.
    pub fn reserve(&self, bytes: usize) -> Result<(), AllocError> {
        self.shared.reserve(&self.child, bytes)
    }

    /// Forgets all blocks, drops the values of [`alloc_drop`](Self::alloc_drop) in reverse order, and keeps of the
    /// chunks what `mode` says; see [`Arena::reset`](crate::Arena::reset), whose promises hold here too.
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        self.run_drops();
        self.lanes.iter_mut().for_each(Lane::reset);
        // SAFETY: the exclusive borrow: no borrowed block is left, and raw clients were told (A1).
        unsafe { self.shared.reset(&self.child, mode) }
    }

    /// Drops the registered values, the latest first.
    fn run_drops(&mut self) {
        let newest = self.drops.load(Ordering::Relaxed);
        self.drops.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: D1, for what `alloc_drop` has put on the list; and exclusively borrowed: nobody uses the values.
        unsafe { DropList::from_newest(NonNull::new(newest)).run(None) };
    }

    /// Moves a value in, and drops it at the next [`reset`](Self::reset) or with the arena: the latest first.
    ///
    /// See [`Arena::alloc_drop`](crate::Arena::alloc_drop).
    ///
    /// # Errors
    ///
    /// [`AllocError`] when there is no memory; the value is dropped then.
    #[expect(clippy::mut_from_ref, reason = "the reference is to a fresh block")]
    pub fn alloc_drop<T: Send + 'static>(&self, value: T) -> Result<&mut T, AllocError> {
        if !core::mem::needs_drop::<T>() {
            return self.alloc_value(value);
        }
        let block = self.alloc(Entry::layout_for::<T>())?;
        let mut newest = self.drops.load(Ordering::Relaxed);
        // SAFETY: a fresh block.
        let (entry, mut value) = unsafe { Entry::write(block.cast(), value, NonNull::new(newest)) };
        // No ordering: nobody follows the list before it is borrowed exclusively, and what gives that borrow orders it
        // after all that was done here.
        while let Err(now) =
            self.drops.compare_exchange_weak(newest, entry.as_ptr(), Ordering::Relaxed, Ordering::Relaxed)
        {
            newest = now;
            // SAFETY: written above, and not on the list yet.
            unsafe { Entry::set_prev(entry, NonNull::new(newest)) };
        }
        // SAFETY: the list runs before the reset that frees the block.
        Ok(unsafe { value.as_mut() })
    }

    /// Limits the bytes that the arena may hold from its child, headers included. What it holds already it keeps.
    ///
    /// Exact: threads that ask for chunks at once count them before they ask.
    pub fn set_limit(&self, limit: Option<usize>) {
        self.shared.set_limit(limit.unwrap_or(usize::MAX));
    }

    /// The limit, in bytes, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        Some(self.shared.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Bytes held from the child, headers included. May be old when it arrives, as all these numbers. O(1).
    #[must_use]
    pub fn held(&self) -> usize {
        self.shared.held()
    }

    /// Usable bytes of all chunks. O(chunks).
    #[must_use]
    #[doc(alias = "queryCapacity")]
    pub fn capacity(&self) -> usize {
        self.shared.chunks().map(|chunk| chunk.len() - SYNC_HEADER).sum()
    }

    /// Bytes taken from the chunks: by blocks, their padding, and the pieces of lanes. O(chunks).
    #[must_use]
    pub fn used(&self) -> usize {
        self.shared.chunks().map(|chunk| chunk.used()).sum()
    }

    /// How many chunks there are: about the logarithm of the capacity. O(chunks).
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.shared.chunks().count()
    }

    /// The child.
    #[must_use]
    pub const fn child(&self) -> &A {
        &self.child
    }

    /// This thread's lane, if it has one and has asked for it.
    #[inline(always)]
    fn lane(&self) -> Option<&Lane> {
        self.lanes.get(lane_id::current())
    }

    /// What this thread's lane could not serve, or what a thread without one asks for.
    #[inline(never)]
    fn alloc_slow(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if N != 0 && lane_id::current() == lane_id::UNASKED {
            lane_id::settle();
            // The lane may have been another thread's, and have room.
            if let Some(block) = self.lane().and_then(|lane| lane.try_alloc(layout)) {
                return Ok(block);
            }
        }
        match self.lane() {
            Some(lane) => lane.alloc_slow(&self.shared, &self.child, layout),
            None => Ok(self.shared.take(&self.child, layout, 0)?.cast()),
        }
    }

    /// See [`Allocator::resize`].
    ///
    /// # Safety
    ///
    /// As there, for a block with memory, which is not this lane's newest; or for which the lane has no room.
    #[inline(never)]
    unsafe fn resize_slow(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            match self.lane().filter(|lane| lane.is_last(block, layout)) {
                Some(lane) => lane.resize_slow(&self.shared, &self.child, block, layout, new_size),
                None => self.shared.resize(&self.child, block, layout, new_size),
            }
        }
    }
}

// SAFETY: A1: blocks are disjoint pieces of chunks (Y2, L2), which live until `reset` or drop and do not move with the
// arena. A2: `fit` aligns and has room. A3, A4: checked first; sizes are checked in `fit`, `growth` and `chunk`. A5:
// nothing depends on the address of the arena.
unsafe impl<A: Allocator, const N: usize> Allocator for SyncArena<A, N> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let block = match self.lane().and_then(|lane| lane.try_alloc(layout)) {
            Some(block) => block,
            None => self.alloc_slow(layout)?,
        };
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 {
            return new_size == 0;
        }
        // SAFETY: the caller's promise; the block has memory.
        unsafe {
            self.lane()
                .is_some_and(|lane| lane.is_last(block, layout) && lane.resize(block, layout, new_size))
                || self.resize_slow(block, layout, new_size)
        }
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's promise. Where it is not the newest, nothing happens.
            unsafe { self.resize(block, layout, 0) };
        }
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator, const N: usize] for SyncArena<A, N> }

// SAFETY: typed values are never freed or resized, and `reset` needs an exclusive borrow.
unsafe impl<'a, A: Allocator, const N: usize> TypedAlloc<'a> for &'a SyncArena<A, N> {}

// SAFETY: all live blocks with memory are in our chunks, and those are ours alone. O(chunks).
unsafe impl<A: Allocator, const N: usize> Owns for SyncArena<A, N> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.shared.owns(block)
    }
}

impl<A: Allocator, const N: usize> Reset for SyncArena<A, N> {
    /// [`SyncArena::reset`] with [`ResetMode::RetainCapacity`].
    fn reset(&mut self) {
        SyncArena::reset(self, ResetMode::RetainCapacity);
    }
}

impl<A: Allocator, const N: usize> Usage for SyncArena<A, N> {
    fn used(&self) -> usize {
        SyncArena::used(self)
    }
    fn capacity(&self) -> usize {
        SyncArena::capacity(self)
    }
}

impl<A: Allocator, const N: usize> Drop for SyncArena<A, N> {
    fn drop(&mut self) {
        /// Frees the chunks also when a destructor unwinds.
        struct Chunks<'a, A: Allocator, const N: usize>(&'a mut SyncArena<A, N>);
        impl<A: Allocator, const N: usize> Drop for Chunks<'_, A, N> {
            fn drop(&mut self) {
                // SAFETY: the arena is being dropped: no block is used any more.
                unsafe { self.0.shared.reset(&self.0.child, ResetMode::FreeAll) };
            }
        }
        Chunks(self).0.run_drops();
    }
}

impl<A: Allocator + Default, const N: usize> Default for SyncArena<A, N> {
    fn default() -> Self {
        Self::new_in(A::default())
    }
}

impl<A: Allocator, const N: usize> fmt::Debug for SyncArena<A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncArena")
            .field("used", &self.used())
            .field("capacity", &self.capacity())
            .field("chunks", &self.chunks())
            .finish_non_exhaustive()
    }
}
