//! [`PoolBox`]: an item that goes back to its pool by itself.

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use crate::item::{Slots, destroy, take_out};

/// An owned item of a pool, dropped and given back when the box is dropped.
///
/// `P` is a [`Pool`](crate::Pool) or a [`SyncPool`](crate::SyncPool), borrowed: no box outlives its pool, and none is
/// left when the pool is reset. Boxes of a `SyncPool` may be sent to other threads and dropped there.
///
/// ```
/// use heap_pool::Pool;
///
/// let pool = Pool::new();
/// let mut text = pool.boxed(String::from("in the pool"))?;
/// text.push('!');
/// let at = &raw const *text;
/// assert_eq!(text.len(), 12);
/// drop(text); // the string is dropped, the slot is free
/// assert_eq!(&raw const *pool.boxed(String::new())?, at);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// ```compile_fail,E0505
/// let pool = heap_pool::Pool::new();
/// let item = pool.boxed(1).unwrap();
/// drop(pool); // error: it is borrowed
/// assert_eq!(*item, 1);
/// ```
///
/// ```compile_fail,E0502
/// let mut pool = heap_pool::Pool::new();
/// let item = pool.boxed(1).unwrap();
/// pool.reset(heap_pool::ResetMode::RetainCapacity); // error: it is borrowed
/// assert_eq!(*item, 1);
/// ```
///
/// A `Pool` belongs to one thread, and so do its boxes:
///
/// ```compile_fail,E0277
/// let pool = heap_pool::Pool::new();
/// let item = pool.boxed(1).unwrap();
/// std::thread::scope(|threads| threads.spawn(|| drop(item)).join().unwrap());
/// ```
///
/// # Invariants
///
/// - **B1** `item` is a live item of `pool`, initialised, and nobody else's.
pub struct PoolBox<'p, T, P: Slots<T>> {
    item: NonNull<T>,
    pool: &'p P,
}

// SAFETY: the box owns its item (B1), and gives it back through the pool, which must bear that from another thread.
unsafe impl<T: Send, P: Slots<T> + Sync> Send for PoolBox<'_, T, P> {}
// SAFETY: a shared box gives out `&T` only.
unsafe impl<T: Sync, P: Slots<T> + Sync> Sync for PoolBox<'_, T, P> {}

impl<'p, T, P: Slots<T>> PoolBox<'p, T, P> {
    /// Takes ownership of an item.
    ///
    /// # Safety
    ///
    /// B1: it is a live item of `pool`, from [`create`](crate::Pool::create) or [`into_raw`](Self::into_raw), and the
    /// caller gives it up.
    #[inline]
    #[must_use]
    pub const unsafe fn from_raw(item: NonNull<T>, pool: &'p P) -> Self {
        Self { item, pool }
    }

    /// Gives ownership away.
    #[inline]
    #[must_use]
    pub const fn into_raw(boxed: Self) -> NonNull<T> {
        let item = boxed.item;
        core::mem::forget(boxed);
        item
    }

    /// Moves the value out and gives the slot back.
    #[inline]
    pub fn into_inner(boxed: Self) -> T {
        let boxed = ManuallyDrop::new(boxed);
        // SAFETY: B1; the box is not used again.
        unsafe { take_out(boxed.pool, boxed.item) }
    }

    /// A reference for as long as the pool is borrowed. The slot is free again when the pool is reset; the value is
    /// dropped by nobody but [`Pool::clear`](crate::Pool::clear).
    #[inline]
    pub const fn leak(boxed: Self) -> &'p mut T {
        // SAFETY: B1; the box is gone, and no item goes away while the pool is borrowed.
        unsafe { Self::into_raw(boxed).as_mut() }
    }

    /// The pool.
    #[inline]
    #[must_use]
    pub const fn pool(boxed: &Self) -> &'p P {
        boxed.pool
    }
}

impl<T, P: Slots<T>> Drop for PoolBox<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: B1; the box is not used again.
        unsafe { destroy(self.pool, self.item) };
    }
}

impl<T, P: Slots<T>> Deref for PoolBox<'_, T, P> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: B1, for as long as the box is borrowed.
        unsafe { self.item.as_ref() }
    }
}

impl<T, P: Slots<T>> DerefMut for PoolBox<'_, T, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: B1, for as long as the box is mutably borrowed.
        unsafe { self.item.as_mut() }
    }
}

impl<T: fmt::Debug, P: Slots<T>> fmt::Debug for PoolBox<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display, P: Slots<T>> fmt::Display for PoolBox<'_, T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
