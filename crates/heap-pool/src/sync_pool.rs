//! [`SyncPool`]: items of one type, for several threads.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_arena::ResetMode;
#[cfg(feature = "alloc")]
use heap_core::Global;
use heap_core::{AllocError, Allocator};

use crate::live::IterMut;
use crate::options::PoolOptions;
use crate::pool_box::PoolBox;
use crate::sync::const_fn;
use crate::sync_raw_pool::{LANES, SyncRawPool};
use crate::typed::typed_pool;

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

    /// How many items are live. O(free slots).
    #[must_use]
    pub fn live(&mut self) -> usize {
        self.raw.live()
    }
}

typed_pool! { [T, A: Allocator, const N: usize] SyncPool<T, A, N> }

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
