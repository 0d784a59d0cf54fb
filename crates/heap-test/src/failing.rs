//! [`FailingAllocator`]: fails on order and counts, so that every error path of a client can be walked.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use std::backtrace::Backtrace;
use std::sync::OnceLock;

use heap_core::{AllocError, Allocator, Owns, Reset};

use crate::sync::{AtomicUsize, Ordering::Relaxed};

/// Which allocations a [`FailingAllocator`] fails. Counting starts at 0; zero-sized requests do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failures {
    /// None.
    #[default]
    Never,
    /// The one after so many successful ones, and all later ones: memory is out and stays out.
    From(usize),
    /// That one alone: memory is out and comes back.
    Once(usize),
    /// Each so-many-th one; none when 0.
    Every(usize),
}

/// What has gone through a [`FailingAllocator`]. Sizes are requested bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Successful allocations.
    pub allocations: usize,
    /// Blocks freed, or resized to nothing.
    pub deallocations: usize,
    /// Successful `resize` and `remap` calls.
    pub resizes: usize,
    /// Bytes handed out, by allocations and by growing.
    pub allocated_bytes: usize,
    /// Bytes taken back, by freeing and by shrinking.
    pub freed_bytes: usize,
    /// Allocations failed on order.
    pub induced_failures: usize,
}

/// An allocator that hands everything to `inner` until its orders say that memory is out.
///
/// A refusal of `inner` itself is passed on and not counted. Blocks have exactly the requested length, so that
/// bytes out and bytes in can be compared. May be shared between threads when `inner` may; the counts are then
/// exact as soon as the threads have been joined. Not for use as the global allocator: the trace allocates there.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::{Allocator, Global};
/// use heap_test::{FailingAllocator, Failures};
/// let failing = FailingAllocator::new(Global, Failures::From(1));
/// let layout = Layout::new::<u64>();
/// let block = failing.alloc(layout)?;
/// assert!(failing.alloc(layout).is_err() && failing.alloc(layout).is_err());
/// // SAFETY: allocated above with this layout.
/// unsafe { failing.free(block.cast(), layout) };
/// assert_eq!(failing.counters().deallocations, 1);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "fail_index")]
pub struct FailingAllocator<A> {
    inner: A,
    failures: AtomicOrder,
    /// Successful resizes and remaps after which all are refused.
    resize_limit: AtomicUsize,
    attempts: AtomicUsize,
    allocations: AtomicUsize,
    deallocations: AtomicUsize,
    resizes: AtomicUsize,
    allocated_bytes: AtomicUsize,
    freed_bytes: AtomicUsize,
    induced_failures: AtomicUsize,
    trace: OnceLock<Backtrace>,
}

/// [`Failures`] as two words: which kind, which number.
struct AtomicOrder {
    kind: AtomicUsize,
    number: AtomicUsize,
}

impl AtomicOrder {
    const fn new(order: Failures) -> Self {
        let (kind, number) = Self::words(order);
        Self { kind: AtomicUsize::new(kind), number: AtomicUsize::new(number) }
    }

    const fn words(order: Failures) -> (usize, usize) {
        match order {
            Failures::Never => (0, 0),
            Failures::From(index) => (1, index),
            Failures::Once(index) => (2, index),
            Failures::Every(nth) => (3, nth),
        }
    }

    fn set(&self, order: Failures) {
        let (kind, number) = Self::words(order);
        self.number.store(number, Relaxed);
        self.kind.store(kind, Relaxed);
    }

    fn get(&self) -> Failures {
        let number = self.number.load(Relaxed);
        match self.kind.load(Relaxed) {
            0 => Failures::Never,
            1 => Failures::From(number),
            2 => Failures::Once(number),
            _ => Failures::Every(number),
        }
    }
}

impl<A: Allocator> FailingAllocator<A> {
    /// Hands out `inner`'s memory until `failures` says otherwise; refuses no resizes.
    #[must_use]
    pub const fn new(inner: A, failures: Failures) -> Self {
        let [attempts, allocations, deallocations, resizes, allocated_bytes, freed_bytes, induced_failures] =
            [const { AtomicUsize::new(0) }; 7];
        Self {
            inner,
            failures: AtomicOrder::new(failures),
            resize_limit: AtomicUsize::new(usize::MAX),
            attempts,
            allocations,
            deallocations,
            resizes,
            allocated_bytes,
            freed_bytes,
            induced_failures,
            trace: OnceLock::new(),
        }
    }

    /// The same, and after `count` successful `resize` and `remap` calls refuses all others.
    #[must_use]
    #[doc(alias = "resize_fail_index")]
    pub fn refuse_resizes_from(self, count: usize) -> Self {
        self.resize_limit.store(count, Relaxed);
        self
    }

    /// Gives other orders from now on. The counts go on: `From(index)` looks at all allocations so far.
    pub fn set_failures(&self, failures: Failures) {
        self.failures.set(failures);
    }

    /// What has gone through so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            allocations: self.allocations.load(Relaxed),
            deallocations: self.deallocations.load(Relaxed),
            resizes: self.resizes.load(Relaxed),
            allocated_bytes: self.allocated_bytes.load(Relaxed),
            freed_bytes: self.freed_bytes.load(Relaxed),
            induced_failures: self.induced_failures.load(Relaxed),
        }
    }

    /// Whether an allocation has been failed on order.
    #[must_use]
    pub fn has_induced_failure(&self) -> bool {
        self.trace.get().is_some()
    }

    /// Where the first allocation that was failed on order came from.
    #[must_use]
    #[doc(alias = "getStackTrace")]
    pub fn trace(&self) -> Option<&Backtrace> {
        self.trace.get()
    }

    /// The allocator behind.
    #[must_use]
    pub const fn inner(&self) -> &A {
        &self.inner
    }

    fn induce(&self) -> bool {
        let attempt = self.attempts.fetch_add(1, Relaxed);
        let fails = match self.failures.get() {
            Failures::Never => false,
            Failures::From(index) => self.allocations.load(Relaxed) >= index,
            Failures::Once(index) => attempt == index,
            Failures::Every(nth) => nth != 0 && attempt % nth == nth - 1,
        };
        if fails {
            self.induced_failures.fetch_add(1, Relaxed);
            self.trace.get_or_init(Backtrace::force_capture);
        }
        fails
    }

    /// Counts a block that `inner` gave, and hides what is more than requested.
    fn count(&self, block: NonNull<[u8]>, layout: Layout) -> NonNull<[u8]> {
        if layout.size() != 0 {
            self.allocations.fetch_add(1, Relaxed);
            self.allocated_bytes.fetch_add(layout.size(), Relaxed);
        }
        NonNull::slice_from_raw_parts(block.cast(), layout.size())
    }

    fn may_resize(&self) -> bool {
        self.resizes.load(Relaxed) < self.resize_limit.load(Relaxed)
    }

    fn count_resize(&self, old: usize, new: usize) {
        self.resizes.fetch_add(1, Relaxed);
        self.allocated_bytes.fetch_add(new.saturating_sub(old), Relaxed);
        self.freed_bytes.fetch_add(old.saturating_sub(new), Relaxed);
        if new == 0 && old != 0 {
            self.deallocations.fetch_add(1, Relaxed);
        }
    }
}

// SAFETY: blocks are those of `A`, shortened to what was asked for, so A1 to A3 and A5 are those of `A`; failing on
// order is A4's `AllocError` with `A` untouched.
unsafe impl<A: Allocator> Allocator for FailingAllocator<A> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() != 0 && self.induce() {
            return Err(AllocError);
        }
        self.inner.alloc(layout).map(|block| self.count(block, layout))
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        let agreed = self.may_resize() && unsafe { self.inner.resize(block, layout, new_size) };
        if agreed {
            self.count_resize(layout.size(), new_size);
        }
        agreed
    }

    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if !self.may_resize() {
            return None;
        }
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { self.inner.remap(block, layout, new_size) }?;
        self.count_resize(layout.size(), new_size);
        Some(NonNull::slice_from_raw_parts(moved.cast(), new_size))
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.inner.free(block, layout) };
        if layout.size() != 0 {
            self.deallocations.fetch_add(1, Relaxed);
            self.freed_bytes.fetch_add(layout.size(), Relaxed);
        }
    }

    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() != 0 && self.induce() {
            return Err(AllocError);
        }
        self.inner.alloc_zeroed(layout).map(|block| self.count(block, layout))
    }
}

// SAFETY: blocks are those of `A`.
unsafe impl<A: Allocator + Owns> Owns for FailingAllocator<A> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.inner.owns(block)
    }
}

/// Counts the blocks that are live as freed; the orders stay.
impl<A: Allocator + Reset> Reset for FailingAllocator<A> {
    fn reset(&mut self) {
        self.inner.reset();
        self.deallocations.store(self.allocations.load(Relaxed), Relaxed);
        self.freed_bytes.store(self.allocated_bytes.load(Relaxed), Relaxed);
    }
}

impl<A: Allocator> fmt::Debug for FailingAllocator<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailingAllocator")
            .field("failures", &self.failures.get())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}
