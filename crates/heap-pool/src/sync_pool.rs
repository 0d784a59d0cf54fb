//! [`SyncPool`]: items of one type, for several threads.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_arena::ResetMode;
#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::{AllocError, Allocator, Reset, Usage};

use crate::item::{self, Sealed, Slots};
use crate::live::IterMut;
use crate::options::PoolOptions;
use crate::pool_box::PoolBox;
use crate::sync::const_fn;
use crate::sync_raw_pool::{LANES, SyncRawPool};

/// A pool of items of type `T` that threads share: any thread creates, any thread destroys.
///
/// The API is that of [`Pool`](crate::Pool), the memory that of [`SyncRawPool`], which says what is done without a lock
/// and what is not. Last in, first out holds for each thread's latest items: as
/// many as a lane has at hand.
///
/// ```
/// use heap_pool::SyncPool;
///
/// static POOL: SyncPool<String> = SyncPool::new();
/// let text = POOL.boxed("from one thread".to_owned())?;
/// let len = std::thread::spawn(move || text.len()).join();
/// assert_eq!(len.ok(), Some(15));
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// Items go to other threads, so they must be such that may:
///
/// ```compile_fail,E0277
/// static POOL: heap_pool::SyncPool<std::rc::Rc<u32>> = heap_pool::SyncPool::new();
/// ```
#[doc(alias = "MemoryPool")]
pub struct SyncPool<
    T,
    #[cfg(feature = "alloc")] A: Allocator = Global,
    #[cfg(not(feature = "alloc"))] A: Allocator,
    const N: usize = LANES,
> {
    raw: SyncRawPool<A, N>,
    /// As in `Pool`.
    items: PhantomData<*mut T>,
}

// SAFETY: as for `Pool`.
unsafe impl<T: Send, A: Allocator + Send, const N: usize> Send for SyncPool<T, A, N> {}
// SAFETY: a shared pool lets values go from one thread to another, and gives no `&T` out.
unsafe impl<T: Send, A: Allocator + Send, const N: usize> Sync for SyncPool<T, A, N> {}

#[cfg(feature = "alloc")]
impl<T> SyncPool<T> {
    const_fn! {
        /// An empty pool over the program's global allocator. Allocates nothing yet.
        #[must_use]
        pub const fn new() -> Self {
            Self::with_options_in(PoolOptions::new(), Global)
        }
    }

    const_fn! {
        /// As [`new`](Self::new), with options.
        #[must_use]
        pub const fn with_options(options: PoolOptions) -> Self {
            Self::with_options_in(options, Global)
        }
    }
}

impl<T, A: Allocator, const N: usize> SyncPool<T, A, N> {
    const_fn! {
        /// An empty pool over `child`, with options. Allocates nothing yet.
        #[must_use]
        pub const fn with_options_in(options: PoolOptions, child: A) -> Self {
            let raw = SyncRawPool::with_options_in(Layout::new::<T>(), options, child);
            Self { raw, items: PhantomData }
        }
    }

    /// Gets `count` more slots from the child at once: one call, whatever the count.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the child refuses; the slots that were there still are.
    #[doc(alias = "addCapacity")]
    pub fn preheat(&self, count: usize) -> Result<(), AllocError> {
        self.raw.preheat(count)
    }

    /// Moves a value into a slot: see [`Pool::create`](crate::Pool::create).
    ///
    /// # Errors
    ///
    /// [`AllocError`] when there is no slot; the value is dropped.
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

    /// Drops an item and gives its slot back, on any thread: see [`Pool::destroy`](crate::Pool::destroy).
    ///
    /// # Safety
    ///
    /// `item` came from [`create`](Self::create) or [`PoolBox::into_raw`] and is live, and nobody uses it again. Only a
    /// `T` that is [`Send`] is destroyed on another thread than the one that made it.
    #[inline]
    pub unsafe fn destroy(&self, item: NonNull<T>) {
        // SAFETY: the caller's promise is the same.
        unsafe { item::destroy(self, item) };
    }

    /// Moves an item's value out and gives its slot back.
    ///
    /// # Safety
    ///
    /// As for [`destroy`](Self::destroy).
    #[inline]
    pub unsafe fn take_out(&self, item: NonNull<T>) -> T {
        // SAFETY: the caller's promise is the same.
        unsafe { item::take_out(self, item) }
    }

    /// The live items, each once, in no particular order: see [`Pool::iter_mut`](crate::Pool::iter_mut).
    pub fn iter_mut(&mut self) -> IterMut<'_, T> {
        // SAFETY: as in `Pool::iter_mut`.
        unsafe { IterMut::new(self.raw.live_slots()) }
    }

    /// Drops all live items; all slots are kept and free. O(slots).
    ///
    /// Should a `Drop` panic, the items that were still to be dropped are forgotten.
    pub fn clear(&mut self) {
        /// Forgets the items, also when a `Drop` unwinds.
        struct Forget<'a, A: Allocator, const N: usize>(&'a mut SyncRawPool<A, N>);
        impl<A: Allocator, const N: usize> Drop for Forget<'_, A, N> {
            fn drop(&mut self) {
                self.0.reset(ResetMode::RetainCapacity);
            }
        }
        let raw = Forget(&mut self.raw);
        // SAFETY: the pool stays borrowed, and does not change before `Forget` is dropped, behind the loop.
        for item in unsafe { raw.0.live_slots() } {
            // SAFETY: as in `iter_mut`; each comes once, and the slot is forgotten.
            unsafe { item.cast::<T>().drop_in_place() };
        }
    }

    /// Forgets all items **without dropping them**, and keeps of the slabs what `mode` says, in bytes of slots: see
    /// [`RawPool::reset`](crate::RawPool::reset).
    pub fn reset(&mut self, mode: ResetMode) -> bool {
        self.raw.reset(mode)
    }

    /// How many slots there are, free ones and others. O(1).
    #[must_use]
    pub fn slots(&self) -> usize {
        self.raw.slots()
    }

    /// How many items are live. O(free slots).
    #[must_use]
    pub fn live(&mut self) -> usize {
        self.raw.live()
    }

    /// The size of a slot in bytes: what an item really takes.
    #[must_use]
    pub const fn slot_size(&self) -> usize {
        self.raw.slot_size()
    }

    /// The alignment of slots in bytes.
    #[must_use]
    pub const fn slot_align(&self) -> usize {
        self.raw.slot_align()
    }
}

impl<T, A: Allocator, const N: usize> Sealed for SyncPool<T, A, N> {}

// SAFETY: the slots are made for the layout of `T`, and each is handed out once.
unsafe impl<T, A: Allocator, const N: usize> Slots<T> for SyncPool<T, A, N> {
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

impl<T, A: Allocator, const N: usize> Reset for SyncPool<T, A, N> {
    /// [`SyncPool::reset`] with [`ResetMode::RetainCapacity`].
    fn reset(&mut self) {
        SyncPool::reset(self, ResetMode::RetainCapacity);
    }
}

/// In bytes of slots, as of [`SyncRawPool`].
impl<T, A: Allocator, const N: usize> Usage for SyncPool<T, A, N> {
    fn used(&self) -> usize {
        self.raw.used()
    }
    fn capacity(&self) -> usize {
        self.raw.capacity()
    }
}

impl<T, A: Allocator + Default, const N: usize> Default for SyncPool<T, A, N> {
    fn default() -> Self {
        Self::with_options_in(PoolOptions::new(), A::default())
    }
}

impl<T, A: Allocator, const N: usize> fmt::Debug for SyncPool<T, A, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncPool")
            .field("slot_size", &self.slot_size())
            .field("slots", &self.slots())
            .field("lanes", &N)
            .finish_non_exhaustive()
    }
}
