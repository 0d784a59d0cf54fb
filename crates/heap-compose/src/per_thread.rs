//! [`PerThread`]: several children behind locks, and each thread keeps to its own.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crossbeam_utils::CachePadded;
use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};
use lock_api::{GetThreadId, RawMutex};

use crate::affix::Affix;
use crate::block::Fresh;
use crate::thread_safe::ThreadSafe;

/// `N` children; a thread asks the one that its id hashes to, and the others in turn when that has no memory.
///
/// With more children than busy threads the locks are hardly ever contended. Any thread frees any block: a prefix of one
/// word says whose it is. `R` is the lock and `G` tells threads apart: parking_lot's by default. See
/// [`ThreadSafe`] for what the lock demands. Costs a lock and unlock per call, and a word per block, rounded up to its
/// alignment.
///
/// ```
/// # #[cfg(feature = "parking_lot")] {
/// use core::alloc::Layout;
/// use heap_compose::{FreeList, PerThread};
/// use heap_core::{Allocator, Global};
///
/// let heap: PerThread<FreeList<Global, 1, 64>, 8> = PerThread::new([(); 8].map(|()| FreeList::new(Global)));
/// let layout = Layout::new::<[u8; 48]>();
/// let block = std::thread::scope(|scope| {
///     scope.spawn(|| heap.alloc(layout).unwrap().cast::<u8>().as_ptr().expose_provenance()).join().unwrap()
/// });
/// # let block = core::ptr::NonNull::new(core::ptr::with_exposed_provenance_mut(block)).unwrap();
/// // SAFETY: allocated just above with this layout, by another thread.
/// unsafe { heap.free(block, layout) };
/// # }
/// ```
#[doc(alias = "ThreadLocal")]
pub struct PerThread<
    A,
    const N: usize,
    #[cfg(feature = "parking_lot")] R = parking_lot::RawMutex,
    #[cfg(feature = "parking_lot")] G = parking_lot::RawThreadId,
    #[cfg(not(feature = "parking_lot"))] R,
    #[cfg(not(feature = "parking_lot"))] G,
> {
    homes: [Home<A, R>; N],
    ids: PhantomData<fn() -> G>,
}

/// A child with its lock, on cache lines of its own. The prefix of its blocks is its index.
type Home<A, R> = CachePadded<ThreadSafe<Affix<A, usize>, R>>;

#[cfg(feature = "parking_lot")]
impl<A, const N: usize> PerThread<A, N> {
    /// One child for each of `N` groups of threads.
    pub fn new(children: [A; N]) -> Self {
        Self::with_locks(children)
    }
}

impl<A, const N: usize, R: RawMutex, G: GetThreadId> PerThread<A, N, R, G> {
    /// As [`new`](PerThread::new), with a lock and thread ids of one's choice.
    pub fn with_locks(children: [A; N]) -> Self {
        const { assert!(N > 0, "no children") }
        let mut index = 0..N;
        let home =
            |child| CachePadded::new(ThreadSafe::with_lock(Affix::new(child, index.next().unwrap_or(0), ())));
        Self { homes: children.map(home), ids: PhantomData }
    }
    /// The index of the calling thread's child.
    fn home() -> usize {
        // Ids are addresses or small numbers: multiplied, their differences reach the bits that choose (Knuth's hash).
        let hash = (G::INIT.nonzero_thread_id().get() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (hash >> 32) as usize % N
    }
    fn alloc_with(&self, layout: Layout, alloc: impl Fn(&Home<A, R>, Layout) -> Fresh) -> Fresh {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let own = Self::home();
        alloc(&self.homes[own], layout).or_else(|_| self.alloc_slow(own, layout, alloc))
    }
    /// Asks the others, from the next one on.
    #[cold]
    fn alloc_slow(&self, own: usize, layout: Layout, alloc: impl Fn(&Home<A, R>, Layout) -> Fresh) -> Fresh {
        let others = (1..N).map(|step| &self.homes[(own + step) % N]);
        others.map(|home| alloc(home, layout)).find(Fresh::is_ok).unwrap_or(Err(AllocError))
    }
    /// The child that made a block; none for size zero.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator with this layout.
    unsafe fn owner(&self, block: NonNull<u8>, layout: Layout) -> Option<&Home<A, R>> {
        if layout.size() == 0 {
            return None;
        }
        // SAFETY: it has memory, so the child put its index before it, and nobody changes that.
        self.homes.get(unsafe { Affix::<A, usize>::prefix(block).read() })
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator, const N: usize, R: RawMutex, G: GetThreadId] for PerThread<A, N, R, G> }

// SAFETY: each block is one child's, whose index is its prefix, so every later call reaches that child unchanged; A1, A2,
// A4, A5 are the child's. Size zero reaches none (A3).
unsafe impl<A: Allocator, const N: usize, R: RawMutex, G: GetThreadId> Allocator for PerThread<A, N, R, G> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, |home, layout| home.alloc(layout))
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe { self.owner(block, layout).is_some_and(|home| home.resize(block, layout, new_size)) }
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe { self.owner(block, layout)?.remap(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, to the child that made the block.
        unsafe { self.owner(block, layout).map_or((), |home| home.free(block, layout)) }
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, |home, layout| home.alloc_zeroed(layout))
    }
}

impl<A, const N: usize, R, G> fmt::Debug for PerThread<A, N, R, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerThread").field("children", &N).finish_non_exhaustive()
    }
}

// SAFETY: the blocks are the children's.
unsafe impl<A: Owns, const N: usize, R: RawMutex, G: GetThreadId> Owns for PerThread<A, N, R, G> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.homes.iter().any(|home| home.owns(block))
    }
}

impl<A: Usage, const N: usize, R: RawMutex, G> Usage for PerThread<A, N, R, G> {
    fn used(&self) -> usize {
        self.homes.iter().fold(0, |sum, home| sum.saturating_add(home.used()))
    }
    fn capacity(&self) -> usize {
        self.homes.iter().fold(0, |sum, home| sum.saturating_add(home.capacity()))
    }
}

impl<A: Reset, const N: usize, R: RawMutex, G> Reset for PerThread<A, N, R, G> {
    fn reset(&mut self) {
        self.homes.iter_mut().for_each(|home| home.reset());
    }
}
