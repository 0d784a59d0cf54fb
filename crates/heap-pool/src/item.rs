//! Values in slots: what [`Pool`](crate::Pool) and [`SyncPool`](crate::SyncPool) do alike.

use core::ptr::NonNull;

use heap_core::AllocError;

use crate::live::LiveSlots;

/// Keeps [`Slots`] to this crate.
pub trait Sealed {}

/// A pool whose items are of type `T`: what a [`PoolBox`](crate::PoolBox) gives its item back to.
///
/// Implemented by [`Pool`](crate::Pool) and [`SyncPool`](crate::SyncPool) alone.
///
/// # Safety
///
/// Slots are sized and aligned for `T`, and a slot taken is nobody else's until it is put back. The pool's iteration
/// sees each slot that is taken.
pub unsafe trait Slots<T>: Sealed {
    /// # Safety
    ///
    /// The caller writes a value or puts the slot back before anybody can borrow the pool exclusively.
    #[doc(hidden)]
    unsafe fn take(&self) -> Result<NonNull<T>, AllocError>;

    /// # Safety
    ///
    /// The slot was taken from this pool, holds no value any more, and is not used again.
    #[doc(hidden)]
    unsafe fn put(&self, slot: NonNull<T>);

    /// Ends the process, in checked builds, if the item is not a live one of this pool.
    #[doc(hidden)]
    fn check(&self, item: NonNull<T>);
}

/// Puts the slot back when it is dropped, also when a value's code unwinds.
struct PutBack<'a, T, P: Slots<T> + ?Sized>(&'a P, NonNull<T>);

impl<T, P: Slots<T> + ?Sized> Drop for PutBack<'_, T, P> {
    fn drop(&mut self) {
        // SAFETY: whoever makes one gives the slot up, and its value is gone or was never there.
        unsafe { self.0.put(self.1) };
    }
}

/// Moves a value into a slot.
#[inline(always)]
pub(crate) fn create<T, P: Slots<T>>(pool: &P, value: T) -> Result<NonNull<T>, AllocError> {
    // SAFETY: written in the next line.
    let slot = unsafe { pool.take() }?;
    // SAFETY: a slot for a `T`, ours since `take`.
    unsafe { slot.write(value) };
    Ok(slot)
}

/// Moves what `value` returns into a slot; calls it only when there is one.
#[inline(always)]
pub(crate) fn create_with<T, P: Slots<T>>(
    pool: &P,
    value: impl FnOnce() -> T,
) -> Result<NonNull<T>, AllocError> {
    // SAFETY: written below, or put back by the guard; until then the pool is borrowed.
    let slot = unsafe { pool.take() }?;
    let guard = PutBack(pool, slot);
    // SAFETY: a slot for a `T`, ours since `take`.
    unsafe { slot.write(value()) };
    core::mem::forget(guard);
    Ok(slot)
}

/// Drops an item and puts its slot back.
///
/// # Safety
///
/// It is a live item of this pool, initialised, and not used again.
#[inline(always)]
pub(crate) unsafe fn destroy<T, P: Slots<T> + ?Sized>(pool: &P, item: NonNull<T>) {
    pool.check(item);
    let _slot = PutBack(pool, item);
    // SAFETY: the caller's promise.
    unsafe { item.drop_in_place() };
}

/// Moves an item out and puts its slot back.
///
/// # Safety
///
/// As for [`destroy`].
#[inline(always)]
pub(crate) unsafe fn take_out<T, P: Slots<T> + ?Sized>(pool: &P, item: NonNull<T>) -> T {
    pool.check(item);
    // SAFETY: the caller's promise; the value is moved out, so the slot holds none.
    unsafe {
        let value = item.read();
        pool.put(item);
        value
    }
}

/// Drops all live items, then resets, also when a `Drop` unwinds: the items that were still to be dropped are forgotten.
///
/// # Safety
///
/// The slots that `live` gives hold a `T` each, which nobody uses any more.
pub(crate) unsafe fn clear<T, R>(raw: &mut R, live: unsafe fn(&mut R) -> LiveSlots, reset: fn(&mut R)) {
    struct Forget<'a, R>(&'a mut R, fn(&mut R));
    impl<R> Drop for Forget<'_, R> {
        fn drop(&mut self) {
            (self.1)(self.0);
        }
    }
    let pool = Forget(raw, reset);
    // SAFETY: the pool stays borrowed, and does not change before `Forget` is dropped, behind the loop.
    for item in unsafe { live(pool.0) } {
        // SAFETY: the caller's promise; each comes once, and the slot is forgotten.
        unsafe { item.cast::<T>().drop_in_place() };
    }
}
