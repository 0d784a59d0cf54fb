//! [`Pool`]: items of one type, for one thread.

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
use crate::raw_pool::RawPool;
use crate::typed::typed_pool;

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

    /// How many items are live. O(free slots): nothing is counted on the way.
    #[must_use]
    #[doc(alias = "len")]
    pub fn live(&self) -> usize {
        self.raw.live()
    }

    /// The child.
    #[must_use]
    pub const fn child(&self) -> &A {
        self.raw.child()
    }
}

typed_pool! { [T, A: Allocator] Pool<T, A> }

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
