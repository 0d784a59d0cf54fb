//! [`BreakAllocator`]: a whole allocator over memory that only grows at its end.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;

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
/// - A block that grows by an eighth or more slides down into the free memory before it, if that is large enough (`remap` and
///   `realloc`); else it grows in place where what follows is free.
/// - Any alignment.
/// - One lock, where there can be threads at all, held while a block slides. Time is O(1), but for growth, which copies the
///   map, and for free blocks of about the size that are too small: those within a quarter of a doubling, or beyond 2^17 double
///   words, are passed one by one.
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
    /// Where the memory ended when it last grew. At the top of the addresses that is zero.
    end: usize,
    /// Whether the source was asked for what is there already, which may be done once.
    asked: bool,
}

// SAFETY: it owns what it points to.
unsafe impl Send for Heap {}

impl<S> BreakAllocator<S> {
    /// An allocator without memory; it asks `source` when it needs some.
    #[must_use]
    pub const fn over(source: S) -> Self {
        let heap = Heap { free: FreeBlocks::new(), end: 0, asked: false };
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

/// The block at `place`, which has all bytes that it takes.
const fn block_at(place: NonNull<u8>, layout: Layout) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(place, rounded(layout.size()))
}

/// Whether a block may become so large at its alignment.
const fn fits(layout: Layout, new_size: usize) -> bool {
    new_size <= isize::MAX as usize + 1 - layout.align()
}

impl<S: Break> BreakAllocator<S> {
    #[inline]
    fn with<R>(&self, section: impl FnOnce(&mut Heap) -> R) -> R {
        // SAFETY: under the lock, or there is one thread; sections do not nest.
        let section = || section(unsafe { &mut *self.heap.get() });
        if S::THREADS { self.lock.with(section) } else { section() }
    }

    /// A new block's address. Its length is known without it, so this returns one word, for which no caller needs memory.
    // Not in line, as `zeroed_place` and `free`: where this allocator is at home, code is downloaded.
    #[inline(never)]
    fn place(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.size() == 0 {
            return Some(zero_sized(layout).cast());
        }
        self.with(|heap| heap.alloc(rounded(layout.size()), layout.align().max(GRAIN), &self.source))
    }

    /// As [`place`](Self::place), all zero.
    #[inline(never)]
    fn zeroed_place(&self, layout: Layout) -> Option<NonNull<u8>> {
        let place = self.place(layout)?;
        // SAFETY: just allocated, and as long as this.
        unsafe { place.write_bytes(0, rounded(layout.size())) };
        Some(place)
    }

    /// Changes a block's size in place, or, if it `may_move`, down into the free block before it, if that is large enough:
    /// so its memory is one with what was free, where otherwise it leaves a hole and goes to the end.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::remap`].
    unsafe fn change(
        &self,
        block: NonNull<u8>,
        old: usize,
        new: usize,
        may_move: bool,
    ) -> Option<NonNull<u8>> {
        if old == 0 || new == 0 {
            return None;
        }
        // SAFETY: the block and its ends, says the caller; what is taken before it is ours, too; what is given was the block's
        // or taken with it.
        self.with(|heap| unsafe {
            let mut start = block;
            let mut size = old;
            if new > old {
                // Not for little, so that a block which grows step by step does not move at each.
                let moves = may_move && new - old >= old / 8;
                let before = if moves { heap.free.take_before(block.as_ptr(), new - old) } else { 0 };
                if before == 0 {
                    return heap.free.take_at(block.add(old).as_ptr(), new - old).then_some(block);
                }
                start = block.sub(before);
                start.copy_from(block, old);
                size += before;
            }
            heap.give(start.add(new), size - new);
            Some(start)
        })
    }
}

// SAFETY: A1: a block is in use or in one of the heap's places, never both; blocks lie in memory that the source gave up
// for good. A2: sizes are rounded up, `rounded` of any size up to the returned one is the same; addresses are multiples of
// GRAIN, and above that `Heap::alloc` sees to it. A3: zero sizes are answered here. A4: nothing panics. A5: the
// references of `&A` lead to the same heap.
unsafe impl<S: Break> Allocator for BreakAllocator<S> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.place(layout).map(|place| block_at(place, layout)).ok_or(AllocError)
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.zeroed_place(layout).map(|place| block_at(place, layout)).ok_or(AllocError)
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        fits(layout, new_size)
            && (layout.size() == new_size
                // SAFETY: the caller's promise is the same.
                || unsafe { self.change(block, rounded(layout.size()), rounded(new_size), false) }.is_some())
    }

    /// A block may grow down into the free memory before it.
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if !fits(layout, new_size) {
            return None;
        }
        let moves = layout.align() <= GRAIN;
        // SAFETY: the caller's promise is the same.
        let block = unsafe { self.change(block, rounded(layout.size()), rounded(new_size), moves) };
        block.map(|block| NonNull::slice_from_raw_parts(block, new_size))
    }

    // As the provided one, without `remap`'s question whether the new size is one.
    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: the caller's promise is the same; two live blocks do not overlap.
        unsafe {
            if old.align() == new.align()
                && let Some(block) =
                    self.change(block, rounded(old.size()), rounded(new.size()), new.align() <= GRAIN)
            {
                return Ok(NonNull::slice_from_raw_parts(block, new.size()));
            }
            let fresh = self.alloc(new)?;
            fresh.cast::<u8>().copy_from_nonoverlapping(block, old.size().min(new.size()));
            self.free(block, old);
            Ok(fresh)
        }
    }

    #[inline(never)]
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
        let initial = if self.asked { None } else { source.initial() };
        self.asked = true;
        // No panic here: the lock would be held for good.
        let grow = || source.grow(self.free.missing(self.end, size, STEP)?);
        let (base, len) = initial.or_else(grow)?;
        self.end = base.addr().get().wrapping_add(len);
        // SAFETY: fresh memory, which the source gives up for good; `len` bytes of it.
        unsafe { self.free.add(base.as_ptr(), len) };
        Some(())
    }
}
