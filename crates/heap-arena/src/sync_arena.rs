//! [`SyncArena`]: the growing bump allocator for several threads, without locks.

use core::alloc::Layout;
use core::fmt;
use core::hint::cold_path;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::atomic::const_fn;
use crate::drops::Entry;
use crate::finally::Finally;
use crate::reset::ResetMode;
use crate::sync_scope::{SyncRewind, SyncScope, SyncScopeGuard};
use crate::sync_state::{LANES, SyncArenaMark, SyncArenaState};
use crate::typed::TypedAlloc;

/// A bump allocator that threads share, over chunks of a child that they share.
///
/// Two layers. Below, the chunks: a request moves the head's cursor with one compare-exchange; a full chunk is
/// lengthened in place where the child can, or followed by one twice as long. Above, `N` lanes: pieces of the chunks, of up
/// to 16 KiB, each for one thread, which takes its blocks from there as from an [`Arena`](crate::Arena), with no atomic
/// operation at all. The first `N` live threads of the process that use any such arena have a lane (feature `std`);
/// others, and blocks above 4 KiB, go to the chunks directly. All of it is lock-free as far as the child is.
///
/// As in an `Arena`, the newest block can grow and its memory comes back when it is freed: the newest of the thread's
/// lane, or of the head. A request that fails leaves everything else as it was. Marks and scopes need an exclusive borrow,
/// because between threads nobody can say what was allocated since; the scope is what the threads then share. A thread that
/// wants scopes of its own puts an `Arena` over `&SyncArena`.
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
    /// Over chunks of `child`.
    state: SyncArenaState<N>,
    child: A,
}

// SAFETY: as for `Arena`: the chunks are ours, the child goes with them, and values to drop are `Send`.
unsafe impl<A: Allocator + Send, const N: usize> Send for SyncArena<A, N> {}
// SAFETY: threads share atomics; the child, which may be shared; and lanes, each of which one thread uses (L1, M2); and a
// rewind or reset needs an exclusive borrow.
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

    /// As [`new`](Self::new), with one chunk of at least `capacity` usable bytes.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the chunk is not to be had.
    pub fn with_capacity(capacity: usize) -> Result<Self, AllocError> {
        Self::with_capacity_in(capacity, Global)
    }
}

impl<A: Allocator, const N: usize> SyncArena<A, N> {
    const_fn! {
        /// An empty arena over `child`. Allocates nothing yet.
        #[must_use]
        pub const fn new_in(child: A) -> Self {
            Self { state: SyncArenaState::new(), child }
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
        self.state.shared.reserve(&self.child, bytes)
    }

    /// Forgets all blocks, drops the values of [`alloc_drop`](Self::alloc_drop) in reverse order, and keeps of the
    /// chunks what `mode` says; see [`Arena::reset`](crate::Arena::reset), whose promises hold here too.
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        // SAFETY: the exclusive borrow: no borrowed block is left, and raw clients were told (A1).
        unsafe { self.state.reset(&self.child, mode) }
    }

    /// Opens a scope: what is allocated through it, by whatever thread, is gone when the guard is dropped. See
    /// [`SyncScopeGuard`].
    #[inline]
    pub fn scope(&mut self) -> SyncScopeGuard<'_, Self> {
        SyncScopeGuard::new(self)
    }

    /// Runs `f` in a scope: what is allocated through it, by whatever thread, is gone afterwards. See [`SyncScope`].
    #[inline]
    pub fn scoped<'env, R>(&'env mut self, f: impl for<'s> FnOnce(SyncScope<'s, 'env, Self>) -> R) -> R {
        f(self.scope().enter())
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
        // SAFETY: a fresh block. The list runs before the reset or rewind that frees it.
        Ok(unsafe { self.state.drops.push(block.cast(), value).as_mut() })
    }

    /// Limits the bytes that the arena may hold from its child, headers included. What it holds already it keeps.
    ///
    /// Exact: threads that ask for chunks at once count them before they ask.
    pub fn set_limit(&self, limit: Option<usize>) {
        self.state.shared.set_limit(limit.unwrap_or(usize::MAX));
    }

    /// The limit, in bytes, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        Some(self.state.shared.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Bytes held from the child, headers included. May be old when it arrives, as all these numbers. O(1).
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.shared.held()
    }

    /// Usable bytes of all chunks. O(chunks).
    #[must_use]
    #[doc(alias = "queryCapacity")]
    pub fn capacity(&self) -> usize {
        self.state.shared.capacity()
    }

    /// Bytes taken from the chunks: by blocks, their padding, and the pieces of other threads' lanes. O(chunks).
    #[must_use]
    pub fn used(&self) -> usize {
        self.state.used()
    }

    /// The most bytes that were ever [`used`](Self::used) at once, over all resets. O(chunks).
    ///
    /// Exact where threads take turns; what one gives up while another takes may be missed.
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.state.shared.high_water()
    }

    /// How many chunks there are: about the logarithm of the capacity. O(chunks).
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.state.shared.count()
    }

    /// Whether the block is the newest of this thread's lane, or of the chunks: one that can grow and whose memory comes
    /// back when it is freed. May be old when it arrives; see [`Arena::is_last`](crate::Arena::is_last).
    #[must_use]
    #[doc(alias = "isLastAllocation")]
    pub fn is_last(&self, block: NonNull<[u8]>) -> bool {
        !block.is_empty() && self.state.is_last(block.cast(), block.len())
    }

    /// The child.
    #[must_use]
    pub const fn child(&self) -> &A {
        &self.child
    }

    /// Takes the arena apart; see [`Arena::into_state`](crate::Arena::into_state).
    ///
    /// ```
    /// use heap_arena::{SyncArena, TypedAlloc};
    /// let arena = SyncArena::new();
    /// arena.alloc_value(7)?;
    /// let used = arena.used();
    /// let (state, child) = arena.into_state();
    /// // SAFETY: the child it came from.
    /// let arena = unsafe { SyncArena::promote(state, child) };
    /// assert_eq!(arena.used(), used);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn into_state(self) -> (SyncArenaState<N>, A) {
        let this = ManuallyDrop::new(self);
        // SAFETY: both are moved out once; `this` is not used or dropped.
        unsafe { (core::ptr::read(&this.state), core::ptr::read(&this.child)) }
    }

    /// Makes an arena of a state.
    ///
    /// # Safety
    ///
    /// The state is new, or came from an arena over this child (or over one that blocks may be exchanged with, A5), which
    /// has not been reset or dropped since.
    pub const unsafe fn promote(state: SyncArenaState<N>, child: A) -> Self {
        Self { state, child }
    }
}

// SAFETY: A1: blocks are disjoint pieces of chunks (Y2, L2), which live until `reset` or drop and do not move with the
// arena. A2: `fit` aligns and has room. A3, A4: checked first; sizes are checked in `fit`, `growth` and `chunk`. A5:
// nothing depends on the address of the arena.
unsafe impl<A: Allocator, const N: usize> Allocator for SyncArena<A, N> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            cold_path();
            return Ok(zero_sized(layout));
        }
        let block = self.state.alloc(&self.child, layout)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 {
            return new_size == 0;
        }
        // SAFETY: the caller's promise; the block has memory.
        unsafe { self.state.resize(&self.child, block, layout, new_size) }
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

// SAFETY: typed values are never freed or resized; `reset`, `rewind` and `scope` need an exclusive borrow, so not during
// `'a`.
unsafe impl<'a, A: Allocator, const N: usize> TypedAlloc<'a> for &'a SyncArena<A, N> {}

// SAFETY: a rewind gives back what was taken since the mark, of the chunks and of the lanes, and nothing else. There is
// one arena, not several handles.
unsafe impl<A: Allocator, const N: usize> SyncRewind for SyncArena<A, N> {
    type Mark = SyncArenaMark<N>;

    #[inline]
    unsafe fn mark_alone(&self) -> SyncArenaMark<N> {
        // SAFETY: the caller's promise.
        unsafe { self.state.mark() }
    }

    unsafe fn rewind_alone(&self, mark: &SyncArenaMark<N>) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.state.rewind(&self.child, mark) };
    }
}

// SAFETY: all live blocks with memory are in our chunks, and those are ours alone. O(chunks).
unsafe impl<A: Allocator, const N: usize> Owns for SyncArena<A, N> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.state.shared.owns(block)
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
        // SAFETY: the arena is being dropped: no block is used any more.
        let _chunks = Finally(|| unsafe { self.state.shared.free_all(&self.child) });
        // SAFETY: nobody uses the values any more.
        unsafe { self.state.drops.run(None) };
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
