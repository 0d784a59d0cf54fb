//! [`Heap`]: a private heap, which goes with all its blocks at once.

use core::alloc::Layout;
use core::fmt;
use core::ptr::{self, NonNull};

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::config::UNIT;
use crate::private::{NOBODY, State};
use crate::private_front::{self, Small};
use crate::private_large;
use crate::registry;
use crate::size::{CLASS, CLASSES};
use crate::stats::Stats;
use crate::sync::{AtomicPtr, Ordering};
use crate::validate;
use crate::violation::{Violation, report};

/// A heap of one's own: as fast as the process's, and dropped with all its blocks at once.
///
/// Dropping it gives back whole spans and mappings, and looks at no block: O(spans), whatever number of blocks lives there.
/// So a request, a level of a game or a plug-in can have a heap that is gone when it is done, leaks and all. The memory comes from the
/// process's span heap and goes back there, so a heap that follows another takes pages that are resident already: making
/// and dropping one takes no system call as a rule.
///
/// # Owner
///
/// One thread at a time owns a heap: it allocates and frees without a lock or an atomic operation, as it does in
/// [`SmpAllocator`](crate::SmpAllocator). Every other thread may do the same, at any time, under the lock of the block's
/// size class: a few times slower. The owner is
///
/// - the first thread that allocates a small block, not the one that made the heap;
/// - once that thread has ended, the next one that allocates;
/// - the thread that calls [`claim`](Self::claim), for a heap that was moved to it while the owner still runs.
///
/// # Misuse
///
/// A block belongs to its heap. One that is freed into another ends the process with a message, at the latest when the block
/// comes home; dropping or resetting a heap ends the life of its blocks (A1 of [`Allocator`]). With the feature `checked` a
/// misuse is found as it is in [`SmpAllocator`](crate::SmpAllocator), and what goes with the heap is wiped: O(bytes), not O(spans).
///
/// # Costs
///
/// Nothing until it is used; then one unit of 16 KiB, of which two pages are touched, and a slab for each size class that is
/// used (32 KiB to 256 KiB; a page of it is touched when its first slot is). Destructors of the values inside do not run.
///
/// In the child of a fork, a heap that another thread owned has no owner, and what that thread had at hand is lost until
/// the heap goes. Not for signal handlers.
///
/// ```
/// use heap_core::HeapBox;
/// use heap_smp::Heap;
///
/// let heap = Heap::new();
/// let numbers = HeapBox::slice_in(1000, |n| n * n, &heap)?;
/// assert_eq!(numbers[30], 900);
/// // Other threads may free its blocks, and make their own.
/// std::thread::scope(|scope| {
///     scope.spawn(|| drop(numbers));
///     scope.spawn(|| HeapBox::new_in(|| 7, &heap).map(|seven| assert_eq!(*seven, 7)));
/// });
/// drop(heap); // and everything in it
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// It stands on its own: the global allocator may be any other one, or the heap itself.
///
/// ```
/// use heap_core::adapt::AsGlobal;
/// use heap_smp::Heap;
///
/// #[global_allocator]
/// static GLOBAL: AsGlobal<Heap> = AsGlobal::new(Heap::new());
///
/// let words: Vec<String> = (0..100).map(|n| n.to_string()).collect();
/// assert_eq!(words.concat().len(), 190);
/// ```
#[doc(alias = "mi_heap_new")]
#[doc(alias = "HeapCreate")]
pub struct Heap {
    /// [`NOBODY`], or a state that is this heap's alone and registered.
    state: AtomicPtr<State>,
}

impl Heap {
    /// An empty heap. Takes no memory until it is used.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: AtomicPtr::new((&raw const NOBODY).cast_mut()) }
    }

    /// Makes the calling thread the owner, in the place of the one before it. O(1).
    ///
    /// For a heap that was moved to another thread while its owner still runs. Does nothing for a heap that was not used yet.
    ///
    /// ```
    /// use heap_core::HeapBox;
    /// let mut heap = heap_smp::Heap::new();
    /// drop(HeapBox::new_in(|| 1, &heap)?);
    /// std::thread::spawn(move || {
    ///     heap.claim();
    ///     HeapBox::new_in(|| 2, &heap).map(drop) // without a lock
    /// }).join().unwrap()?;
    /// # Ok::<(), heap_core::AllocError>(())
    /// ```
    pub fn claim(&mut self) {
        // O1: nobody uses the heap.
        if let (Some(state), Some(number)) = (self.opened(), registry::join()) {
            registry::hand_over(state, number);
        }
    }

    /// Gives memory that no block needs back to the process's heap, and pages inside slabs to the system: at most so many bytes.
    /// What the owner has at hand goes with it only if the owner calls. O(memory of the heap).
    ///
    /// [`SmpAllocator::purge`](crate::SmpAllocator::purge) gives what the process's heap has to the system; it does so by itself, in
    /// its time.
    pub fn purge(&self) -> usize {
        self.opened().map_or(0, State::purge)
    }

    /// What the heap holds. Exact for each counter, not across them while other threads run. O(classes).
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of_private(self.state())
    }

    /// Checks the heap's books against each other: see [`SmpAllocator::validate`](crate::SmpAllocator::validate).
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold, in words.
    pub fn validate(&self) -> Result<(), &'static str> {
        self.opened().map_or(Ok(()), validate::validate_private)
    }

    #[inline(always)]
    fn state(&self) -> &State {
        // SAFETY: `NOBODY` lives for ever, and this heap's own state until the heap is dropped. Acquire pairs with the release in
        // `open`.
        unsafe { &*self.state.load(Ordering::Acquire) }
    }

    /// The state, if the heap was used.
    fn opened(&self) -> Option<&State> {
        Some(self.state()).filter(|state| !ptr::eq(*state, &NOBODY))
    }

    /// The state, made if the heap was not used yet. `None`: no memory.
    fn open(&self) -> Option<&State> {
        if let Some(state) = self.opened() {
            return Some(state);
        }
        let fresh = State::open()?;
        // SAFETY: it was just made, and stays until `remove`.
        unsafe { registry::add(fresh.as_ref()) };
        let nobody = (&raw const NOBODY).cast_mut();
        // Release pairs with the acquire in `state`.
        if self.state.compare_exchange(nobody, fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire).is_err() {
            // Another thread was first.
            // SAFETY: nobody else knows the fresh one.
            unsafe {
                registry::remove(fresh.as_ref());
                State::close(fresh);
            }
        }
        self.opened()
    }

    #[inline]
    fn alloc_block(&self, layout: Layout) -> *mut u8 {
        let Some(small) = private_front::small(layout) else { return self.alloc_large(layout, false) };
        let block = private_front::take(self.state(), small);
        if block.is_null() { self.alloc_slow(small) } else { block }
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow(&self, small: Small) -> *mut u8 {
        self.open().map_or(ptr::null_mut(), |state| private_front::take_slow(state, small))
    }

    /// A block for a layout that no slab serves, or null.
    #[cold]
    #[inline(never)]
    fn alloc_large(&self, layout: Layout, zeroed: bool) -> *mut u8 {
        if layout.size() == 0 {
            return zero_sized(layout).as_ptr().cast();
        }
        self.open().map_or(ptr::null_mut(), |state| private_large::alloc(state, layout, zeroed))
    }

    #[cold]
    #[inline(never)]
    unsafe fn free_slow(&self, small: Small, block: NonNull<u8>) {
        let Some(state) = self.opened() else { report(Violation::WrongHeap, block.addr().get()) };
        // SAFETY: the caller's promise is the same.
        unsafe { private_front::give_slow(state, small, block) }
    }

    #[cold]
    #[inline(never)]
    unsafe fn free_large(&self, block: NonNull<u8>, layout: Layout) {
        match self.opened() {
            // SAFETY: the caller's promise is the same.
            Some(state) => unsafe { private_large::free(state, block, layout) },
            None if layout.size() == 0 => {}
            None => report(Violation::WrongHeap, block.addr().get()),
        }
    }

    /// As [`Allocator::resize`], or [`Allocator::remap`] where `may_move`, for sizes that are not zero.
    ///
    /// # Safety
    ///
    /// As for them.
    unsafe fn resize_or_move(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new_size: usize,
        may_move: bool,
    ) -> Option<NonNull<u8>> {
        let new = Layout::from_size_align(new_size, old.align()).ok()?;
        match (private_front::small(old), private_front::small(new)) {
            // SAFETY: the caller's promise is the same.
            (Some(a), Some(b)) => unsafe { private_front::resize(self.state(), block, a, b) },
            // SAFETY: both layouts are large; the rest is the caller's promise.
            (None, None) => unsafe { private_large::resize(self.opened()?, block, old, new, may_move) },
            _ => None,
        }
    }
}

// SAFETY: A1, A2, A5: blocks are slots and runs of the process's span heap, disjoint and aligned as those of `SmpAllocator`; they go
// when freed, or with the heap (O3), wherever its handle is moved. A3: sizes of zero are answered before any memory is
// asked for. A4: no method panics; out of memory is an error. Threads: O1, O2.
unsafe impl Allocator for Heap {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = NonNull::new(self.alloc_block(layout)).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 || new_size == 0 {
            return layout.size() == new_size;
        }
        // SAFETY: the caller's promise is the same.
        unsafe { self.resize_or_move(block, layout, new_size, false) }.is_some()
    }

    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 {
            return (layout.size() == new_size).then(|| zero_sized(layout));
        }
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { self.resize_or_move(block, layout, new_size, true) }?;
        Some(NonNull::slice_from_raw_parts(moved, new_size))
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same for all.
        unsafe {
            let Some(small) = private_front::small(layout) else { return self.free_large(block, layout) };
            if !private_front::give(self.state(), small, block) {
                self.free_slow(small, block);
            }
        }
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let small = private_front::small(layout).is_some();
        let block = if small { self.alloc_block(layout) } else { self.alloc_large(layout, true) };
        let block = NonNull::new(block).ok_or(AllocError)?;
        if small {
            // SAFETY: just taken, with this layout.
            unsafe { private_front::zero(block, layout) };
        }
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }
}

// SAFETY: O3: an address lies in a live block of this heap only if its span or mapping is on the heap's rolls, and spans and
// mappings are on one roll at a time.
unsafe impl Owns for Heap {
    /// O(1); inside a block above 32 KiB, beyond its first 16 KiB, O(length of the block) and O(blocks above 16 MiB).
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.opened().is_some_and(|state| private_large::owns(state, block.addr().get()))
    }
}

// SAFETY: a slot is as long as its class says, and any size up to there has the same class and alignment.
unsafe impl UsableSize for Heap {
    #[inline]
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        private_front::usable_size(layout)
    }
}

impl Reset for Heap {
    /// As if dropped and made again, but for its first 16 KiB: the memory goes to the process's heap, which keeps it for a while.
    fn reset(&mut self) {
        if let Some(state) = self.opened() {
            registry::hand_over(state, 0);
            // SAFETY: the exclusive borrow: nobody uses the heap, or its blocks again (A1); it has no owner.
            unsafe { state.release_all() };
        }
    }
}

impl Usage for Heap {
    /// Bytes of slots that are with clients, and of larger blocks, rounded up to units or pages. What the owner has at hand counts
    /// too, unless the owner asks. O(classes).
    fn used(&self) -> usize {
        let Some(state) = self.opened() else { return 0 };
        let stats = Stats::of_private(state);
        let cached = |class: usize| state.bins.cached(class) * CLASS[class].slot as usize;
        // O2: the bins are this thread's, if it is the owner.
        let at_hand = if state.is_mine() { (0..CLASSES).map(cached).sum() } else { 0 };
        (stats.slot_bytes + stats.run_bytes + stats.huge_bytes).saturating_sub(at_hand)
    }

    /// Bytes of its spans and mappings.
    fn capacity(&self) -> usize {
        let state = self.state();
        state.roll.units() * UNIT + state.huge.bytes()
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        if let Some(state) = self.opened() {
            registry::remove(state);
            state.set_owner(0);
            // SAFETY: nobody uses the heap, or its blocks again; it has no owner, and its rolls are empty afterwards.
            unsafe {
                state.release_all();
                State::close(NonNull::from(state));
            }
        }
    }
}

impl Default for Heap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Heap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("used", &self.used()).field("capacity", &self.capacity()).finish()
    }
}

heap_core::impl_foreign_allocators! { impl[] for Heap }
