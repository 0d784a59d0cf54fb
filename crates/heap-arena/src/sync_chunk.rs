//! A chunk that threads allocate from together.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::Allocator;

use crate::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::bump::Fit;
use crate::chunk::{Chunk, Header};
use crate::growth::Plan;
use crate::sync_bump::SyncBump;

/// What stands at the start of each shared chunk.
#[repr(C)]
#[derive(Debug)]
struct SyncHeader {
    chunk: Header,
    used: SyncBump,
    /// Bytes of the chunk, as `chunk` says too, for those who read while one thread changes both.
    len: AtomicUsize,
    /// Set while a thread asks the child for a longer chunk.
    growing: AtomicBool,
}

/// The size of a shared chunk's header in bytes.
pub(crate) const SYNC_HEADER: usize = size_of::<SyncHeader>();

/// A live chunk (K1 to K3) with an initialised [`SyncHeader`].
///
/// # Invariants
///
/// - **Q1** The chunk is live for as long as a copy of this handle is used. (An arena frees chunks when it is borrowed
///   exclusively, or when no other thread has seen them.)
/// - **Q2** `len` is the chunk's size. Only the thread that set `growing` changes them, and only upwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyncChunk(Chunk);

impl SyncChunk {
    /// Writes the header of a chunk that is empty, or whose blocks are forgotten.
    ///
    /// # Safety
    ///
    /// The chunk is live, at least [`SYNC_HEADER`] bytes long, no other thread knows it, and no block in it is used.
    pub(crate) unsafe fn start(chunk: Chunk) -> Self {
        let header = chunk.base().cast::<SyncHeader>().as_ptr();
        // SAFETY: the caller's promise. The projections stay in the header, behind what `Chunk` wrote.
        unsafe {
            (&raw mut (*header).used).write(SyncBump::new(SYNC_HEADER));
            (&raw mut (*header).len).write(AtomicUsize::new(chunk.size()));
            (&raw mut (*header).growing).write(AtomicBool::new(false));
        }
        Self(chunk)
    }

    /// A chunk that was started before.
    ///
    /// # Safety
    ///
    /// `header` came from [`as_ptr`](Self::as_ptr) of such a chunk, whose start happens before this, and Q1.
    #[inline]
    pub(crate) unsafe fn from_ptr(header: NonNull<Header>) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { Chunk::from_ptr(header) })
    }

    #[inline]
    pub(crate) fn as_ptr(self) -> *mut Header {
        self.0.as_ptr()
    }

    #[inline]
    pub(crate) fn chunk(self) -> Chunk {
        self.0
    }

    #[inline]
    fn header<'live>(self) -> &'live SyncHeader {
        // SAFETY: Q1, for as long as the callers here use it. Its fields are atomics and cells; of these, `prev` is not
        // changed while the chunk is shared, and `size` is used by one thread at a time (Q2).
        unsafe { self.0.base().cast().as_ref() }
    }

    #[inline]
    fn base(self) -> usize {
        self.0.base().addr().get()
    }

    /// The chunk's size in bytes, header included.
    #[inline]
    pub(crate) fn len(self) -> usize {
        // Acquire: pairs with the release in `grow`: the child's bytes up to here are ours.
        self.header().len.load(Ordering::Acquire)
    }

    /// Bytes taken, without the header.
    #[inline]
    pub(crate) fn used(self) -> usize {
        self.header().used.used() - SYNC_HEADER
    }

    /// Takes a block and what is free behind it up to `wanted` bytes; see [`SyncBump::try_take`].
    #[inline]
    pub(crate) fn try_take(self, layout: Layout, wanted: usize) -> Option<NonNull<[u8]>> {
        let base = self.base();
        let Fit { start, end } = self.header().used.try_take(base, base + self.len(), layout, wanted)?;
        // SAFETY: K1 and Q2: `start` lies in the chunk's block.
        let block = unsafe { self.0.base().add(start - base) };
        Some(NonNull::slice_from_raw_parts(block, end - start))
    }

    /// As [`try_take`](Self::try_take), for a chunk that no other thread knows.
    ///
    /// # Safety
    ///
    /// No other thread uses the chunk meanwhile.
    #[inline]
    pub(crate) unsafe fn try_take_alone(self, layout: Layout, wanted: usize) -> Option<NonNull<[u8]>> {
        let base = self.base();
        // SAFETY: the caller's promise.
        let fit = unsafe { self.header().used.try_take_alone(base, base + self.len(), layout, wanted) };
        let Fit { start, end } = fit?;
        // SAFETY: K1 and Q2: `start` lies in the chunk's block.
        let block = unsafe { self.0.base().add(start - base) };
        Some(NonNull::slice_from_raw_parts(block, end - start))
    }

    /// Goes back, or forth again, to where so many bytes without the header were taken.
    ///
    /// # Safety
    ///
    /// No other thread uses the chunk meanwhile. It was so before, and no block above is used any more.
    #[inline]
    pub(crate) unsafe fn set_used(self, used: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.header().used.set_used(SYNC_HEADER + used) };
    }

    /// Whether a block with memory ends where the next one would begin. May be old when it arrives.
    #[inline]
    pub(crate) fn is_last(self, block: NonNull<u8>, size: usize) -> bool {
        block.addr().get().wrapping_add(size).wrapping_sub(self.base()) == self.header().used.used()
    }

    /// See [`SyncBump::resize_last`].
    ///
    /// # Safety
    ///
    /// As there.
    #[inline]
    pub(crate) unsafe fn resize_last(
        self,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> Option<bool> {
        let (base, limit) = (self.base(), self.base() + self.len());
        // SAFETY: the caller's promise.
        unsafe { self.header().used.resize_last(base, limit, block.addr().get(), layout, new_size) }
    }

    /// The least size of the chunk at which a layout fits, unless others take the room; `None` if there is none.
    pub(crate) fn least_for(self, layout: Layout) -> Option<usize> {
        let free = self.base() + self.header().used.used();
        let start = free.checked_next_multiple_of(layout.align())?;
        (start - self.base()).checked_add(layout.size())
    }

    /// Asks the child for a longer chunk in place, as `plan` for the present size says; returns by how many bytes it
    /// has grown. One thread at a time: when another is at it, or the child refuses, zero.
    pub(crate) fn grow<A: Allocator>(self, child: &A, plan: impl FnOnce(usize) -> Option<Plan>) -> usize {
        let header = self.header();
        // Acquire: pairs with the release below, so that we see the size that the last thread left.
        if header.growing.swap(true, Ordering::Acquire) {
            return 0;
        }
        let before = header.len.load(Ordering::Relaxed);
        // SAFETY: Q1; Q2: we are the one thread; the chunk only grows, so K2 holds and no byte in use is cut off.
        let grown =
            plan(before).is_some_and(|plan| plan.least > before && unsafe { self.0.resize(child, plan) });
        let mut by = 0;
        if grown {
            // SAFETY: Q1, Q2.
            let after = unsafe { self.0.size() };
            by = after - before;
            // Release: pairs with `len`.
            header.len.store(after, Ordering::Release);
        }
        header.growing.store(false, Ordering::Release);
        by
    }
}
