//! Destructors to run later: a list threaded through the values' own blocks.
//!
//! Memory given back wholesale does not run `Drop`; values that need it stand behind a small header that says how.
//! Who owns the list decides when: an arena at reset, a scope at its end.

use core::alloc::Layout;
use core::cell::Cell;
use core::hint::cold_path;
use core::ptr::{self, NonNull};

use crate::atomic::{AtomicPtr, Ordering, const_fn};
use crate::finally::Finally;

/// What stands before a value whose destructor is to run.
#[derive(Debug)]
pub(crate) struct Entry {
    /// The value registered before this one.
    prev: Option<NonNull<Entry>>,
    /// Drops the value behind this entry.
    drop: unsafe fn(NonNull<Entry>),
}

/// An entry with its value: one block.
#[repr(C)]
struct Entered<T> {
    entry: Entry,
    value: T,
}

impl Entry {
    /// The layout of an entry with a value.
    pub(crate) const fn layout_for<T>() -> Layout {
        Layout::new::<Entered<T>>()
    }

    /// Writes an entry and its value, after `prev`; returns both addresses.
    ///
    /// # Safety
    ///
    /// `block` is writable with [`layout_for::<T>`](Self::layout_for).
    pub(crate) unsafe fn write<T>(
        block: NonNull<u8>,
        value: T,
        prev: Option<NonNull<Entry>>,
    ) -> (NonNull<Entry>, NonNull<T>) {
        let entered = block.cast::<Entered<T>>();
        let entry = Entry { prev, drop: drop_value::<T> };
        // SAFETY: the caller's promise. The projection stays in the block.
        unsafe {
            entered.write(Entered { entry, value });
            (entered.cast(), NonNull::new_unchecked(&raw mut (*entered.as_ptr()).value))
        }
    }

    /// Changes which entry came before.
    ///
    /// # Safety
    ///
    /// `entry` was written and is on no list yet.
    pub(crate) unsafe fn set_prev(entry: NonNull<Entry>, prev: Option<NonNull<Entry>>) {
        // SAFETY: the caller's promise: initialised, and nobody else looks.
        unsafe { (*entry.as_ptr()).prev = prev };
    }
}

/// # Safety
///
/// `entry` was written by `Entry::write::<T>`, nobody uses its value, and its value was not yet dropped.
unsafe fn drop_value<T>(entry: NonNull<Entry>) {
    let entered = entry.cast::<Entered<T>>();
    // SAFETY: the caller's promise.
    unsafe { core::ptr::drop_in_place(&raw mut (*entered.as_ptr()).value) };
}

/// A list of values to drop, the newest first.
///
/// # Invariants
///
/// - **D1** Each entry on the list was written by [`Entry::write`], is in live memory, and its value has not been
///   dropped.
#[derive(Debug, Default)]
pub(crate) struct DropList {
    newest: Cell<Option<NonNull<Entry>>>,
}

impl DropList {
    pub(crate) const fn new() -> Self {
        Self { newest: Cell::new(None) }
    }

    /// The newest entry: a mark for [`run`](Self::run).
    #[inline]
    pub(crate) fn newest(&self) -> Option<NonNull<Entry>> {
        self.newest.get()
    }

    /// Puts a value into `block` and on the list.
    ///
    /// # Safety
    ///
    /// `block` is writable with [`Entry::layout_for::<T>`] and lives until the list has run past it, or for ever.
    pub(crate) unsafe fn push<T>(&self, block: NonNull<u8>, value: T) -> NonNull<T> {
        // SAFETY: the caller's promise.
        let (entry, value) = unsafe { Entry::write(block, value, self.newest.get()) };
        self.newest.set(Some(entry));
        value
    }

    /// Drops the values registered since `until` was the newest, in reverse order.
    ///
    /// When a destructor unwinds, the others run all the same (and a second one that unwinds aborts, as for a `Vec`).
    ///
    /// # Safety
    ///
    /// Nobody uses these values; `until` is on the list or `None`.
    #[inline]
    pub(crate) unsafe fn run(&self, until: Option<NonNull<Entry>>) {
        if self.newest() != until {
            cold_path();
            Rest { list: self, until }.run_all();
        }
    }
}

/// As [`DropList`], for threads that register values together. D1 holds here too.
#[derive(Debug)]
pub(crate) struct SyncDropList {
    newest: AtomicPtr<Entry>,
}

impl SyncDropList {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self { newest: AtomicPtr::new(ptr::null_mut()) }
        }
    }

    /// The newest entry: a mark for [`run`](Self::run). Means something to who is alone only.
    #[inline]
    pub(crate) fn newest(&self) -> Option<NonNull<Entry>> {
        NonNull::new(self.newest.load(Ordering::Relaxed))
    }

    /// Puts a value into `block` and on the list. Lock-free.
    ///
    /// # Safety
    ///
    /// As for [`DropList::push`].
    pub(crate) unsafe fn push<T>(&self, block: NonNull<u8>, value: T) -> NonNull<T> {
        let mut newest = self.newest.load(Ordering::Relaxed);
        // SAFETY: the caller's promise.
        let (entry, value) = unsafe { Entry::write(block, value, NonNull::new(newest)) };
        // No ordering: nobody follows the list before he is alone with it, and what makes him so orders that after all
        // that was done here.
        while let Err(now) =
            self.newest.compare_exchange_weak(newest, entry.as_ptr(), Ordering::Relaxed, Ordering::Relaxed)
        {
            newest = now;
            // SAFETY: written above, and not on the list yet.
            unsafe { Entry::set_prev(entry, NonNull::new(newest)) };
        }
        value
    }

    /// Drops the values registered since `until` was the newest, in reverse order; see [`DropList::run`].
    ///
    /// # Safety
    ///
    /// As there; and no other thread uses the list meanwhile.
    #[inline]
    pub(crate) unsafe fn run(&self, until: Option<NonNull<Entry>>) {
        if self.newest() == until {
            return;
        }
        cold_path();
        let list = DropList { newest: Cell::new(self.newest()) };
        // Says what is left, also when a destructor unwinds.
        let _put_back = Finally(|| {
            self.newest.store(list.newest().map_or(ptr::null_mut(), NonNull::as_ptr), Ordering::Relaxed);
        });
        // SAFETY: D1, and the caller's promise.
        unsafe { list.run(until) };
    }
}

/// The part of a list that is being dropped.
struct Rest<'a> {
    list: &'a DropList,
    until: Option<NonNull<Entry>>,
}

impl Rest<'_> {
    /// As [`run`](Self::run), and again from [`Drop`] when a destructor unwinds.
    #[inline(never)]
    fn run_all(self) {
        self.run();
    }

    fn run(&self) {
        while let Some(entry) = self.list.newest.get().filter(|_| self.list.newest.get() != self.until) {
            // SAFETY: D1. The entry leaves the list before its value is dropped: never twice.
            let Entry { prev, drop } = unsafe { entry.read() };
            self.list.newest.set(prev);
            // SAFETY: D1, and nobody uses the value (promised to `DropList::run`).
            unsafe { drop(entry) };
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.run();
    }
}
