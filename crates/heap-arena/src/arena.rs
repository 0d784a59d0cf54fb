//! [`Arena`]: the growing bump allocator for one thread.
//!
//! The fast path is [`Bump`](crate::bump::Bump)'s; the rest is [`ArenaState`]'s. This file is the public face.

use core::alloc::Layout;
use core::fmt;
use core::hint::cold_path;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::drops::Entry;
use crate::finally::Finally;
use crate::mark::{Rewind, Scope, ScopeGuard};
use crate::reset::ResetMode;
use crate::state::{ArenaMark, ArenaState};
use crate::typed::TypedAlloc;

/// A bump allocator over chunks of a child allocator.
///
/// An allocation moves a cursor; nothing is recorded per block. Blocks are forgotten together: by
/// [`reset`](Self::reset), by closing a [`scope`](Self::scope), or with the arena. Freeing or resizing a single block
/// works on the newest one (and, while no padding is between them, on those below it in turn); an older block can be
/// shrunk for nothing and is otherwise kept until all go.
///
/// When a chunk is full, the child is asked to lengthen it in place (which pages can), then for a new one, as large
/// as all before it together.
///
/// Works as [`Allocator`] for raw blocks and for collections (`Vec::new_in(&arena)`), and through [`TypedAlloc`] for
/// values. It can be sent to another thread, not shared; [`SyncArena`](crate::SyncArena) can.
///
/// ```
/// use heap_arena::{Arena, ResetMode, TypedAlloc};
///
/// let mut arena = Arena::new();
/// for round in 0..3 {
///     let name = arena.alloc_str("request")?;
///     let ids = arena.alloc_iter(0..round)?;
///     assert_eq!((&*name, ids.len()), ("request", round));
///     arena.reset(ResetMode::RetainCapacity);
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// A reset is not possible while a value is in use:
///
/// ```compile_fail,E0502
/// use heap_arena::{Arena, ResetMode, TypedAlloc};
/// let mut arena = Arena::new();
/// let name = arena.alloc_str("request").unwrap();
/// arena.reset(ResetMode::FreeAll);
/// assert_eq!(name, "request");
/// ```
#[doc(alias = "ArenaAllocator")]
#[doc(alias = "Bump")]
pub struct Arena<#[cfg(feature = "alloc")] A: Allocator = Global, #[cfg(not(feature = "alloc"))] A: Allocator>
{
    /// S1 to S5, for chunks of `child`.
    state: ArenaState,
    child: A,
}

// SAFETY: the chunks are the arena's alone, and may be freed from another thread if the child may be used there. Values
// to drop are `Send` (`alloc_drop`). Everything else handed out borrows the arena or is the raw client's affair.
unsafe impl<A: Allocator + Send> Send for Arena<A> {}

#[cfg(feature = "alloc")]
impl Arena {
    /// An empty arena over the program's global allocator. Allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Global)
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

impl<A: Allocator> Arena<A> {
    /// An empty arena over `child`. Allocates nothing yet.
    #[must_use]
    pub const fn new_in(child: A) -> Self {
        Self { state: ArenaState::new(), child }
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

    /// Makes sure that the next blocks, of `bytes` in all with their padding, need no call to the child.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the child refuses or the limit is reached.
    pub fn reserve(&self, bytes: usize) -> Result<(), AllocError> {
        self.state.reserve(&self.child, bytes)
    }

    /// Forgets all blocks, drops the values of [`alloc_drop`](Self::alloc_drop) in reverse order, and keeps of the
    /// chunks what `mode` says.
    ///
    /// `false`: the child refused the one chunk that the mode asks for; the largest old one was kept instead, and the
    /// arena works. Once the arena is one chunk of the right size, as after a first reset of equal rounds, a reset is
    /// O(1) and calls nobody. [`ResetMode::FreeAll`] always succeeds.
    ///
    /// ```
    /// use heap_arena::{Arena, ResetMode, TypedAlloc};
    /// let mut arena = Arena::new();
    /// for _ in 0..100 {
    ///     arena.alloc_value([0u8; 100])?;
    /// }
    /// let before = arena.capacity();
    /// assert!(arena.reset(ResetMode::RetainCapacity));
    /// assert_eq!((arena.capacity(), arena.chunks()), (before, 1));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        // SAFETY: the exclusive borrow: no borrowed block is left, and raw clients were told (A1).
        unsafe { self.state.reset(&self.child, mode) }
    }

    /// Opens a scope: what is allocated through it is gone when the guard is dropped. See [`ScopeGuard`].
    #[inline]
    pub fn scope(&mut self) -> ScopeGuard<'_, Self> {
        ScopeGuard::new(self)
    }

    /// Runs `f` in a scope: what is allocated through it is gone afterwards. See [`Scope`].
    #[inline]
    pub fn scoped<'env, R>(&'env mut self, f: impl for<'s> FnOnce(Scope<'s, 'env, Self>) -> R) -> R {
        f(self.scope().enter())
    }

    /// Moves a value in, and drops it at the next [`reset`](Self::reset) or with the arena: the latest first.
    ///
    /// Costs two words more than [`alloc_value`](TypedAlloc::alloc_value), nothing more for types without destructor. A
    /// value that borrows can be registered in a [`Scope`].
    ///
    /// ```
    /// use heap_arena::Arena;
    /// let name = std::sync::Arc::new("shared");
    /// let arena = Arena::new();
    /// arena.alloc_drop(name.clone())?;
    /// assert_eq!(std::sync::Arc::strong_count(&name), 2);
    /// drop(arena);
    /// assert_eq!(std::sync::Arc::strong_count(&name), 1);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`] when there is no memory; the value is dropped then.
    #[inline]
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
    /// The check is made where chunks are made: no cost per block.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// arena.set_limit(Some(4096));
    /// assert!(arena.alloc_value([0u8; 5000]).is_err());
    /// while arena.alloc_value([0u8; 16]).is_ok() {}
    /// assert_eq!(arena.held(), 4096);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn set_limit(&self, limit: Option<usize>) {
        self.state.set_limit(limit.unwrap_or(usize::MAX));
    }

    /// The limit, in bytes, if there is one.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        Some(self.state.limit()).filter(|&limit| limit != usize::MAX)
    }

    /// Bytes held from the child, headers included. O(1).
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.held()
    }

    /// Usable bytes of all chunks. O(chunks).
    #[must_use]
    #[doc(alias = "queryCapacity")]
    pub fn capacity(&self) -> usize {
        self.state.capacity()
    }

    /// Bytes in use: live blocks, their padding, and blocks that were freed out of order. O(1).
    #[must_use]
    pub fn used(&self) -> usize {
        self.state.used()
    }

    /// The most bytes that were ever in use at once, over all resets. O(1).
    #[must_use]
    pub fn high_water(&self) -> usize {
        self.state.high_water()
    }

    /// How many chunks there are: about the logarithm of the capacity. O(chunks).
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.state.chunks()
    }

    /// Whether the block is the newest: the one that can grow and whose memory comes back when it is freed.
    ///
    /// There are false negatives: once the newest is freed, the padding that was before it hides the one below.
    #[must_use]
    #[doc(alias = "isLastAllocation")]
    pub fn is_last(&self, block: NonNull<[u8]>) -> bool {
        !block.is_empty() && self.state.bump.is_last(block.cast(), block.len())
    }

    /// The child.
    #[must_use]
    pub const fn child(&self) -> &A {
        &self.child
    }

    /// Takes the arena apart. Its blocks stay valid; nothing is dropped or freed until it is promoted again.
    ///
    /// ```
    /// use heap_arena::{Arena, TypedAlloc};
    /// let arena = Arena::new();
    /// arena.alloc_value(7)?;
    /// let (state, child) = arena.into_state();
    /// // SAFETY: the child it came from.
    /// let arena = unsafe { Arena::promote(state, child) };
    /// assert_eq!(arena.used(), 4);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn into_state(self) -> (ArenaState, A) {
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
    pub const unsafe fn promote(state: ArenaState, child: A) -> Self {
        Self { state, child }
    }
}

// SAFETY: A1: blocks are disjoint pieces of chunks (B2, S2), which live until `reset` or drop and do not move with the
// arena; the newest block alone is resized. A2: `fit` aligns and has room. A3, A4: checked first; sizes are checked in
// `fit`, `growth` and `chunk`. A5: nothing depends on the address of the arena.
unsafe impl<A: Allocator> Allocator for Arena<A> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            cold_path();
            return Ok(zero_sized(layout));
        }
        let block = match self.state.bump.try_alloc(layout) {
            Some(block) => block,
            None => {
                cold_path();
                self.state.alloc_slow(&self.child, layout)?
            }
        };
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
            // SAFETY: the caller's promise; the block has memory.
            unsafe { self.state.free(block, layout) };
        }
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator] for Arena<A> }

// SAFETY: typed values are never freed or resized; `reset` and `scope` need an exclusive borrow, so not during `'a`; and
// the contract of `rewind` names values made since the mark.
unsafe impl<'a, A: Allocator> TypedAlloc<'a> for &'a Arena<A> {}

// SAFETY: only the cursor and the chunks above the mark's change. There is one arena, not several handles.
unsafe impl<A: Allocator> Rewind for Arena<A> {
    type Mark = ArenaMark;

    #[inline]
    fn mark(&self) -> ArenaMark {
        self.state.mark()
    }

    #[inline]
    unsafe fn rewind(&self, mark: ArenaMark) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.state.rewind(&self.child, mark) };
    }

    #[inline]
    unsafe fn close(&self, mark: ArenaMark) {
        // SAFETY: the caller's promise; and `Arena::alloc_drop` cannot be called while a scope is open.
        unsafe { self.state.rewind_blocks(&self.child, mark) };
    }
}

// SAFETY: all live blocks with memory are in chunks of the chain, and those are ours alone (S1). O(chunks).
unsafe impl<A: Allocator> Owns for Arena<A> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.state.owns(block)
    }
}

impl<A: Allocator> Reset for Arena<A> {
    /// [`Arena::reset`] with [`ResetMode::RetainCapacity`].
    fn reset(&mut self) {
        Arena::reset(self, ResetMode::RetainCapacity);
    }
}

impl<A: Allocator> Usage for Arena<A> {
    fn used(&self) -> usize {
        self.state.used()
    }
    fn capacity(&self) -> usize {
        self.state.capacity()
    }
}

impl<A: Allocator> Drop for Arena<A> {
    fn drop(&mut self) {
        // SAFETY: the arena is being dropped: no block is used any more.
        let _chunks = Finally(|| unsafe { self.state.free_all(&self.child) });
        // SAFETY: nobody uses the values any more.
        unsafe { self.state.drops.run(None) };
    }
}

impl<A: Allocator + Default> Default for Arena<A> {
    fn default() -> Self {
        Self::new_in(A::default())
    }
}

impl<A: Allocator> fmt::Debug for Arena<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena")
            .field("used", &self.used())
            .field("capacity", &self.capacity())
            .field("chunks", &self.chunks())
            .finish_non_exhaustive()
    }
}
