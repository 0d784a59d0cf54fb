//! [`BreakAllocator`]: a whole allocator over memory that only grows at its end.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator};

use super::free_blocks::{FreeBlocks, GRAIN};
use super::source::{Break, STEP};
use crate::sync::SpinLock;

/// An allocator over a [`Break`]: memory that grows at its end and is never given back.
///
/// For systems without pages ([`WasmAllocator`](crate::WasmAllocator)), for the program break
/// ([`SbrkAllocator`](crate::SbrkAllocator)), and for any other memory of which there is more on demand.
///
/// - Blocks in use cost nothing beyond rounding to two words, so a request of 2^k bytes takes 2^k bytes.
/// - A freed block becomes one with free neighbours, whatever sizes they had. One bit for every two words tells where free
///   memory begins and ends, so blocks in use need no header (1.6 % of the memory on WebAssembly, 0.8 % on 64-bit systems).
/// - A request takes a free block that is hardly larger, and of several the one at a low address; of small ones the one that
///   was freed last. Only if there is none the memory grows, by what is missing behind its last free block.
/// - Any alignment.
/// - One lock, where there can be threads at all. Time is O(1), but for growth, and for free blocks of about the size that are
///   too small: those within a quarter of a doubling, or beyond 2^17 double words, are passed one by one.
/// - Of a freed block's content the first three words and the last are lost, the rest stays until it is reused.
///
/// The source may hand out memory with gaps (somebody else moves the break): each piece is used for itself.
///
/// ```
/// use core::alloc::Layout;
/// use core::cell::Cell;
/// use core::ptr::{NonNull, null_mut};
/// use heap_core::Allocator;
/// use heap_os::{BreakAllocator, FnBreak};
///
/// // A break in a megabyte of memory that is given out once.
/// let memory = NonNull::from(Box::leak(vec![0_u128; 1 << 16].into_boxed_slice())).cast::<u8>();
/// let used = Cell::new(0);
/// let grow = |len| {
///     let start = used.get();
///     used.set(start + len);
///     // SAFETY: within the memory.
///     (used.get() <= 1 << 20).then(|| unsafe { memory.add(start) })
/// };
/// // SAFETY: `grow` gives out each byte once, from memory that lives on.
/// let alloc = BreakAllocator::over(unsafe { FnBreak::new(grow) });
///
/// let layout = Layout::from_size_align(10_000, 8)?;
/// let (a, b) = (alloc.alloc(layout)?, alloc.alloc(layout)?);
/// assert_eq!(used.get(), 1 << 16);
/// // SAFETY: allocated just above, not used again.
/// unsafe {
///     alloc.free(a.cast(), layout);
///     alloc.free(b.cast(), layout);
/// }
/// assert!(alloc.alloc(Layout::from_size_align(20_000, 8)?).is_ok());
/// assert_eq!(used.get(), 1 << 16, "the two became one");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct BreakAllocator<S> {
    lock: SpinLock,
    heap: UnsafeCell<Heap>,
    source: S,
}

heap_core::impl_foreign_allocators! { impl[S: Break] for BreakAllocator<S> }

// SAFETY: the heap is used under the lock only, or by the one thread that there is (`Break::THREADS`).
unsafe impl<S: Sync> Sync for BreakAllocator<S> {}

#[derive(Debug)]
struct Heap {
    free: FreeBlocks,
    /// Where the memory ended when it last grew.
    end: *mut u8,
}

// SAFETY: it owns what it points to.
unsafe impl Send for Heap {}

impl<S> BreakAllocator<S> {
    /// An allocator without memory; it asks `source` when it needs some.
    #[must_use]
    pub const fn over(source: S) -> Self {
        let heap = Heap { free: FreeBlocks::new(), end: null_mut() };
        Self { lock: SpinLock::new(), heap: UnsafeCell::new(heap), source }
    }

    /// Where the memory comes from.
    #[must_use]
    pub const fn source(&self) -> &S {
        &self.source
    }
}

/// The bytes that a block of `size` takes, which is at most `isize::MAX`.
const fn rounded(size: usize) -> usize {
    (size + GRAIN - 1) & !(GRAIN - 1)
}

impl<S: Break> BreakAllocator<S> {
    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut Heap) -> R) -> R {
        // SAFETY: under the lock, or there is one thread; sections do not nest.
        let section = || section(unsafe { &mut *self.heap.get() });
        if S::THREADS { self.lock.with(section) } else { section() }
    }
}

// SAFETY: A1: a block is in use or in one of the heap's places, never both; blocks lie in memory that the source gave up
// for good. A2: sizes are rounded up, `rounded` of any size up to the returned one is the same; addresses are multiples of
// GRAIN, and above that `alloc_aligned` sees to it. A3: zero sizes are answered here. A4: nothing panics. A5: the
// references of `&A` lead to the same heap.
unsafe impl<S: Break> Allocator for BreakAllocator<S> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let size = rounded(layout.size());
        let found = self.with(|heap| heap.alloc(size, layout.align().max(GRAIN), &self.source));
        found.map(|base| NonNull::slice_from_raw_parts(base, size)).ok_or(AllocError)
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // The largest size of a layout at this alignment.
        let largest = isize::MAX as usize + 1 - layout.align();
        if layout.size() == 0 || new_size == 0 || new_size > largest {
            return layout.size() == new_size;
        }
        let (old, new) = (rounded(layout.size()), rounded(new_size));
        if new > old {
            // SAFETY: the end of a live block (caller).
            return self.with(|heap| heap.free.take_at(unsafe { block.add(old).as_ptr() }, new - old));
        }
        if new < old {
            // SAFETY: the end of the block, which the client gives up.
            self.with(|heap| unsafe { heap.give(block.add(new), old - new) });
        }
        true
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the block is live and of this size (A2), and given up (caller). Without a size it has no bytes.
        self.with(|heap| unsafe { heap.give(block, rounded(layout.size())) });
    }
}

impl Heap {
    /// Takes `size` bytes at a multiple of `align`, which is at least a grain: more than enough is taken, and what lies
    /// before and behind is given back.
    fn alloc(&mut self, size: usize, align: usize, source: &impl Break) -> Option<NonNull<u8>> {
        // Does not overflow: a layout's size and alignment are at most half of all addresses together.
        let span = size + (align - GRAIN);
        let block = loop {
            if let Some(block) = self.free.take(span) {
                break block;
            }
            self.grow(span, source)?;
        };
        let head = block.addr().get().wrapping_neg() & (align - 1);
        // SAFETY: `head <= align - GRAIN`, so these are three parts of the block, which is ours; two are given up.
        unsafe {
            let start = block.add(head);
            self.give(start.add(size), span - head - size);
            self.give(block, head);
            Some(start)
        }
    }

    /// # Safety
    /// The caller gives up the `size` bytes at `block`, which came from this heap.
    unsafe fn give(&mut self, block: NonNull<u8>, size: usize) {
        if size != 0 {
            // SAFETY: the caller's promise is the same.
            unsafe { self.free.give(block.as_ptr(), size) };
        }
    }

    /// Makes the memory larger, by what a block of `size` lacks behind the last free block, and a larger map if need be.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, size: usize, source: &impl Break) -> Option<()> {
        let initial = if self.end.is_null() { source.initial() } else { None };
        let grow = || {
            let missing = size - self.free.size_before(self.end);
            // On 32 bits there may not be so many addresses. No panic here: the lock would be held for good. The other
            // sums do not overflow: `missing` is at most half of all addresses and a grain, the map's share 1/32.
            let end = self.end.addr().checked_add(missing + STEP)?;
            source.grow(missing + self.free.room_for_map(end))
        };
        let (base, len) = initial.or_else(grow)?;
        // What ends where addresses do is lost: its end would be null.
        let end = NonNull::new(base.as_ptr().wrapping_add(len))?;
        self.end = end.as_ptr();
        // SAFETY: fresh memory, which the source gives up for good; `len` bytes of it.
        unsafe { self.free.add(base.as_ptr(), len).then_some(()) }
    }
}
