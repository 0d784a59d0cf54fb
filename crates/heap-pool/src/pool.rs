//! [`Pool`]: items of one type, for one thread.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_arena::ResetMode;
#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::{AllocError, Allocator, Reset, Usage};

use crate::item::{self, Sealed, Slots};
use crate::live::{IterMut, LiveSlots};
use crate::options::PoolOptions;
use crate::pool_box::PoolBox;
use crate::raw_pool::RawPool;

/// A pool of items of type `T`: create and destroy are a few instructions each, and the slot destroyed last is the next
/// one to be used.
///
/// Items do not move. They are handed out as pointers ([`create`](Self::create), [`destroy`](Self::destroy)), or as
/// boxes that come back by themselves ([`boxed`](Self::boxed)).
///
/// A slot is as large as its item, at least as large as a pointer, which a free slot holds; so is one for a type
/// without size, and each item has its own address. The pool can be sent to another thread, not shared;
/// [`SyncPool`](crate::SyncPool) can.
///
/// **Drop**: a reset, and dropping the pool, forget the values of items that are live then: they do not run `Drop`.
/// Boxes do, and [`clear`](Self::clear) does.
///
/// ```
/// use heap_pool::Pool;
///
/// let pool = Pool::new();
/// let a = pool.create(1)?;
/// // SAFETY: a live item of this pool, not used again.
/// unsafe { pool.destroy(a) };
/// assert_eq!(pool.create(2)?, a);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// Items may refer to each other, and to the pool that they are in:
///
/// ```
/// use heap_pool::{Pool, PoolBox};
///
/// struct Node<'p> {
///     next: Option<PoolBox<'p, Node<'p>, Pool<Node<'p>>>>,
/// }
/// let pool = Pool::new();
/// let mut list = None;
/// for _ in 0..3 {
///     list = Some(pool.boxed(Node { next: list })?);
/// }
/// drop(list);
/// assert_eq!(pool.live(), 0);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "MemoryPool")]
#[doc(alias = "MemoryPoolAligned")]
#[doc(alias = "MemoryPoolExtra")]
#[doc(alias = "memory_pool.Managed")]
#[doc(alias = "object pool")]
pub struct Pool<
    T,
    #[cfg(feature = "alloc")] A: Allocator = Global,
    #[cfg(not(feature = "alloc"))] A: Allocator,
> {
    /// Every slot handed out holds a `T`, but while [`create_with`](Pool::create_with) or `destroy` is at work.
    raw: RawPool<A>,
    /// Not covariant, since values go in and out; and not their owner, since dropping the pool does not drop them.
    items: PhantomData<*mut T>,
}

// SAFETY: what the pool holds, it may be made to give out (`iter_mut`) or drop (`clear`) on the other thread.
unsafe impl<T: Send, A: Allocator + Send> Send for Pool<T, A> {}

#[cfg(feature = "alloc")]
impl<T> Pool<T> {
    /// An empty pool over the program's global allocator. Allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::new_in(Global)
    }

    /// As [`new`](Self::new), with options.
    #[must_use]
    pub const fn with_options(options: PoolOptions) -> Self {
        Self::with_options_in(options, Global)
    }

    /// As [`new`](Self::new), with `count` slots.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when they are not to be had; nothing is held then.
    #[doc(alias = "initPreheated")]
    #[doc(alias = "initCapacity")]
    pub fn preheated(count: usize) -> Result<Self, AllocError> {
        Self::preheated_in(count, Global)
    }
}

impl<T, A: Allocator> Pool<T, A> {
    /// An empty pool over `child`. Allocates nothing yet.
    #[must_use]
    pub const fn new_in(child: A) -> Self {
        Self::with_options_in(PoolOptions::new(), child)
    }

    /// As [`new_in`](Self::new_in), with options.
    #[must_use]
    pub const fn with_options_in(options: PoolOptions, child: A) -> Self {
        Self { raw: RawPool::with_options_in(Layout::new::<T>(), options, child), items: PhantomData }
    }

    /// As [`new_in`](Self::new_in), with `count` slots.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when they are not to be had; nothing is held then.
    #[doc(alias = "initPreheated")]
    pub fn preheated_in(count: usize, child: A) -> Result<Self, AllocError> {
        let pool = Self::new_in(child);
        pool.preheat(count)?;
        Ok(pool)
    }

    /// Gets `count` more slots from the child at once: one call, whatever the count.
    ///
    /// ```
    /// use heap_pool::Pool;
    /// let pool = Pool::<u64>::new();
    /// pool.preheat(1000)?;
    /// assert!(pool.slots() >= 1000);
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the child refuses; the slots that were there still are.
    #[doc(alias = "addCapacity")]
    pub fn preheat(&self, count: usize) -> Result<(), AllocError> {
        self.raw.preheat(count)
    }

    /// Moves a value into a slot. O(1), but for a call to the child when there are no more slots.
    ///
    /// The pointer is good for reads and writes until the item is destroyed, the pool is reset or dropped; the client
    /// makes no references of it that overlap with those of [`iter_mut`](Self::iter_mut).
    ///
    /// # Errors
    ///
    /// [`AllocError`] when no slot is free and the child refuses, or the pool may not grow; the value is dropped.
    /// [`create_with`](Self::create_with) makes it only when there is a slot.
    #[inline]
    pub fn create(&self, value: T) -> Result<NonNull<T>, AllocError> {
        item::create(self, value)
    }

    /// Moves what `value` returns into a slot; calls it only when there is one.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    #[inline]
    pub fn create_with(&self, value: impl FnOnce() -> T) -> Result<NonNull<T>, AllocError> {
        item::create_with(self, value)
    }

    /// Moves a value into a slot and returns a box, which drops it and gives the slot back.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    #[inline]
    pub fn boxed(&self, value: T) -> Result<PoolBox<'_, T, Self>, AllocError> {
        let item = self.create(value)?;
        // SAFETY: a live item of this pool that nobody else knows.
        Ok(unsafe { PoolBox::from_raw(item, self) })
    }

    /// Drops an item and gives its slot back. O(1).
    ///
    /// Should the value's `Drop` panic, the slot is free none the less.
    ///
    /// # Safety
    ///
    /// `item` came from [`create`](Self::create) or [`PoolBox::into_raw`] and is live, and nobody uses it again. (In checked
    /// builds, a wrong one ends the process with a message: see [`RawPool`].)
    #[inline]
    pub unsafe fn destroy(&self, item: NonNull<T>) {
        // SAFETY: the caller's promise is the same.
        unsafe { item::destroy(self, item) };
    }

    /// Moves an item's value out and gives its slot back. O(1).
    ///
    /// # Safety
    ///
    /// As for [`destroy`](Self::destroy).
    #[inline]
    pub unsafe fn take_out(&self, item: NonNull<T>) -> T {
        // SAFETY: the caller's promise is the same.
        unsafe { item::take_out(self, item) }
    }

    /// The live items, each once, in no particular order.
    ///
    /// It costs create and destroy nothing. Each call is O(slots), with a bit for each slot, which slabs have room for:
    /// no memory is asked for. Boxes are not among the items, since none can be left; forgotten and leaked ones are.
    ///
    /// ```
    /// use heap_pool::Pool;
    /// let mut pool = Pool::new();
    /// let [a, b, c] = [1, 2, 3].map(|n| pool.create(n));
    /// // SAFETY: a live item of this pool, not used again.
    /// unsafe { pool.destroy(b?) };
    /// pool.iter_mut().for_each(|n| *n *= 10);
    /// // SAFETY: live items, and the iterator is gone.
    /// assert_eq!(unsafe { (a?.read(), c?.read()) }, (10, 30));
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        // SAFETY: W1: the pool is borrowed exclusively for as long. I1: a slot handed out holds a `T`: `create_with` has no
        // caller during an exclusive borrow, and gives its slot back if it unwinds. Nobody else uses it: no box is left,
        // and clients of `create` were told.
        unsafe { IterMut::new(self.live_slots()) }
    }

    /// # Safety
    ///
    /// The pool is borrowed exclusively for as long as the result exists (W1).
    unsafe fn live_slots(&mut self) -> LiveSlots {
        let slot = self.raw.slot();
        // SAFETY: the caller's promise; the bits are filled by the snapshot.
        unsafe { LiveSlots::new(self.raw.snapshot(core::iter::empty()), slot) }
    }

    /// Drops all live items; all slots are kept and free. O(slots).
    ///
    /// Should a `Drop` panic, the items that were still to be dropped are forgotten.
    pub fn clear(&mut self) {
        /// Forgets the items, also when a `Drop` unwinds.
        struct Forget<'a, T, A: Allocator>(&'a mut Pool<T, A>);
        impl<T, A: Allocator> Drop for Forget<'_, T, A> {
            fn drop(&mut self) {
                self.0.reset(ResetMode::RetainCapacity);
            }
        }
        let pool = Forget(self);
        // SAFETY: the pool stays borrowed, and does not change before `Forget` is dropped, behind the loop.
        for item in unsafe { pool.0.live_slots() } {
            // SAFETY: as in `iter_mut`; each comes once, and the slot is forgotten.
            unsafe { item.cast::<T>().drop_in_place() };
        }
    }

    /// Forgets all items **without dropping them**, and keeps of the slabs what `mode` says, in bytes of slots.
    ///
    /// What stays is used again without a call to the child: see [`RawPool::reset`].
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        self.raw.reset(mode)
    }

    /// How many slots there are, free ones and others. O(1).
    #[must_use]
    #[doc(alias = "capacity")]
    pub fn slots(&self) -> usize {
        self.raw.slots()
    }

    /// How many items are live. O(free slots): nothing is counted on the way.
    #[must_use]
    #[doc(alias = "len")]
    pub fn live(&self) -> usize {
        self.raw.live()
    }

    /// The size of a slot in bytes: what an item really takes.
    #[must_use]
    #[doc(alias = "item_size")]
    pub const fn slot_size(&self) -> usize {
        self.raw.slot_size()
    }

    /// The alignment of slots in bytes.
    #[must_use]
    #[doc(alias = "item_alignment")]
    pub const fn slot_align(&self) -> usize {
        self.raw.slot_align()
    }

    /// The child.
    #[must_use]
    pub const fn child(&self) -> &A {
        self.raw.child()
    }
}

impl<T, A: Allocator> Sealed for Pool<T, A> {}

// SAFETY: the slots are made for the layout of `T`; P2.
unsafe impl<T, A: Allocator> Slots<T> for Pool<T, A> {
    #[inline(always)]
    unsafe fn take(&self) -> Result<NonNull<T>, AllocError> {
        Ok(self.raw.alloc_slot()?.cast())
    }

    #[inline(always)]
    unsafe fn put(&self, slot: NonNull<T>) {
        // SAFETY: the caller's promise.
        unsafe { self.raw.free_slot(slot.cast()) };
    }

    #[inline(always)]
    fn check(&self, item: NonNull<T>) {
        self.raw.check_live(item.cast());
    }
}

impl<T, A: Allocator> Reset for Pool<T, A> {
    /// [`Pool::reset`] with [`ResetMode::RetainCapacity`].
    fn reset(&mut self) {
        Pool::reset(self, ResetMode::RetainCapacity);
    }
}

/// In bytes of slots.
impl<T, A: Allocator> Usage for Pool<T, A> {
    fn used(&self) -> usize {
        self.raw.used()
    }
    fn capacity(&self) -> usize {
        self.raw.capacity()
    }
}

impl<T, A: Allocator + Default> Default for Pool<T, A> {
    fn default() -> Self {
        Self::new_in(A::default())
    }
}

impl<T, A: Allocator> fmt::Debug for Pool<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("slot_size", &self.slot_size())
            .field("slots", &self.slots())
            .field("live", &self.live())
            .finish_non_exhaustive()
    }
}
