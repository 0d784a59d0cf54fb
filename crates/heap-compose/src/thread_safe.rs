//! [`ThreadSafe`]: an allocator behind a lock.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};
use lock_api::{Mutex, RawMutex};

/// Takes a lock around each call, so that an allocator for one thread serves many.
///
/// `R` is any [`RawMutex`]: parking_lot's by default (feature `parking_lot`), a spin lock without an OS. A block is copied
/// outside the lock (`realloc`). The lock is not re-entrant, so a child that calls back deadlocks; and parking_lot's
/// allocates when it parks a thread, so nothing under it may be the program's global allocator.
///
/// ```
/// # #[cfg(feature = "parking_lot")] {
/// use core::alloc::Layout;
/// use heap_compose::{FreeList, ThreadSafe};
/// use heap_core::{Allocator, Global};
///
/// static HEAP: ThreadSafe<FreeList<Global, 1, 64>> = ThreadSafe::new(FreeList::new(Global));
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let block = HEAP.alloc(Layout::new::<u64>()).unwrap();
///             // SAFETY: allocated just above with this layout.
///             unsafe { HEAP.free(block.cast(), Layout::new::<u64>()) };
///         });
///     }
/// });
/// # }
/// ```
#[doc(alias = "ThreadSafeAllocator")]
#[doc(alias = "synchronized_pool_resource")]
pub struct ThreadSafe<
    A,
    #[cfg(feature = "parking_lot")] R = parking_lot::RawMutex,
    #[cfg(not(feature = "parking_lot"))] R,
> {
    child: Mutex<R, A>,
}

#[cfg(feature = "parking_lot")]
impl<A> ThreadSafe<A> {
    /// `child` behind parking_lot's lock.
    pub const fn new(child: A) -> Self {
        Self::with_lock(child)
    }
}

impl<A, R: RawMutex> ThreadSafe<A, R> {
    /// `child` behind a lock of one's choice: `ThreadSafe::<_, SpinLock>::with_lock(child)`.
    pub const fn with_lock(child: A) -> Self {
        Self { child: Mutex::new(child) }
    }
    /// Runs `look` on the child, under the lock. The child is only lent shared: reset, it would lose live blocks.
    #[inline]
    pub fn with<T>(&self, look: impl FnOnce(&A) -> T) -> T {
        look(&self.child.lock())
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator, R: RawMutex] for ThreadSafe<A, R> }

// SAFETY: every call goes to the child unchanged, one at a time.
unsafe impl<A: Allocator, R: RawMutex> Allocator for ThreadSafe<A, R> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.with(|child| child.alloc(layout))
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        self.with(|child| unsafe { child.resize(block, layout, new_size) })
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise is the same.
        self.with(|child| unsafe { child.remap(block, layout, new_size) })
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        self.with(|child| unsafe { child.free(block, layout) });
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.with(|child| child.alloc_zeroed(layout))
    }
}

// SAFETY: the child's answer.
unsafe impl<A: Owns, R: RawMutex> Owns for ThreadSafe<A, R> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.with(|child| child.owns(block))
    }
}

// SAFETY: the child's answer.
unsafe impl<A: UsableSize, R: RawMutex> UsableSize for ThreadSafe<A, R> {
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: the caller's promise is the same.
        self.with(|child| unsafe { child.usable_size(block, layout) })
    }
}

impl<A: Usage, R: RawMutex> Usage for ThreadSafe<A, R> {
    fn used(&self) -> usize {
        self.with(A::used)
    }
    fn capacity(&self) -> usize {
        self.with(A::capacity)
    }
}

impl<A: Reset, R: RawMutex> Reset for ThreadSafe<A, R> {
    /// Without the lock: the exclusive borrow proves that no other thread is here.
    fn reset(&mut self) {
        self.child.get_mut().reset();
    }
}

impl<A: fmt::Debug, R: RawMutex> fmt::Debug for ThreadSafe<A, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ThreadSafe").field(&self.child).finish()
    }
}
