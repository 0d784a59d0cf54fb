//! The chunks of a [`SyncArena`](crate::SyncArena): a list that threads extend together, and allocate from at its head.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::{AllocError, Allocator};

use crate::atomic::{AtomicPtr, AtomicUsize, Ordering, const_fn};
use crate::chunk::{Chunk, Header, chain};
use crate::growth;
use crate::reset::{ResetMode, collapse};
use crate::sync_chunk::{SYNC_HEADER, SyncChunk};

/// The chunks of a shared arena, and their bounds.
///
/// # Invariants
///
/// - **H1** `head` is null or a started chunk; it and those before it are live (K3) until [`reset`](Self::reset). A
///   thread that sees it sees what its maker wrote: publishing is a release, reading an acquire.
/// - **H2** `held` is at least the sum of the chunks' sizes, and what is above it is about to be a chunk or to be given
///   up again. It exceeds `limit` only where `limit` was lowered below it.
#[derive(Debug)]
pub(crate) struct Shared {
    head: AtomicPtr<Header>,
    held: AtomicUsize,
    limit: AtomicUsize,
}

impl Shared {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                head: AtomicPtr::new(ptr::null_mut()),
                held: AtomicUsize::new(0),
                limit: AtomicUsize::new(usize::MAX),
            }
        }
    }

    #[inline]
    fn head(&self) -> Option<SyncChunk> {
        // Acquire: pairs with the release in `publish`.
        let head = if cfg!(loom) {
            // As an exchange of nothing, for the reason in `SyncBump::peek`.
            let none = ptr::null_mut();
            self.head
                .compare_exchange(none, none, Ordering::Acquire, Ordering::Acquire)
                .unwrap_or_else(|head| head)
        } else {
            self.head.load(Ordering::Acquire)
        };
        let head = NonNull::new(head)?;
        // SAFETY: H1.
        Some(unsafe { SyncChunk::from_ptr(head) })
    }

    /// Takes a block with the layout, and what is free behind it up to `wanted` bytes in all.
    #[inline]
    pub(crate) fn take<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        wanted: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        match self.head().and_then(|head| head.try_take(layout, wanted)) {
            Some(block) => Ok(block),
            None => self.take_slow(child, layout, wanted),
        }
    }

    /// Takes from the head, from a longer head, or from a new chunk.
    ///
    /// Lock-free: a round is repeated only when another thread has meanwhile taken what we made room for.
    #[cold]
    #[inline(never)]
    fn take_slow<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        wanted: usize,
    ) -> Result<NonNull<[u8]>, AllocError> {
        loop {
            let head = self.head();
            if let Some(block) = head.and_then(|head| head.try_take(layout, wanted)) {
                return Ok(block);
            }
            if head.is_some_and(|head| self.grow(child, head, layout)) {
                continue;
            }
            return self.take_from_new(child, layout, wanted, head);
        }
    }

    /// Makes the head long enough for the layout, where the child can do that in place.
    fn grow<A: Allocator>(&self, child: &A, head: SyncChunk, layout: Layout) -> bool {
        let mut reserved = 0;
        let by = head.grow(child, |size| {
            let plan = growth::larger_chunk(size, head.least_for(layout)?, size, self.room())?;
            reserved =
                self.reserve_held(plan.wanted.saturating_sub(size), plan.least.saturating_sub(size))?;
            Some(growth::Plan { wanted: size + reserved, ..plan })
        });
        self.release_held(reserved - by);
        by != 0
    }

    /// Makes a chunk, takes the block from it, and puts it on the list.
    fn take_from_new<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        wanted: usize,
        head: Option<SyncChunk>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let chunk = self.create(child, layout, head)?;
        // The chunk was made for this layout, so the block is there.
        let block = chunk.try_take(layout, wanted).ok_or(AllocError);
        match self.publish(child, chunk, head, |head| head.try_take(layout, wanted)) {
            Some(elsewhere) => Ok(elsewhere),
            None => block,
        }
    }

    /// Makes a chunk for a layout, to be put on `head`. Nobody else knows it yet.
    fn create<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        head: Option<SyncChunk>,
    ) -> Result<SyncChunk, AllocError> {
        let wish = head.map_or(0, |head| head.len().saturating_mul(2));
        let plan = growth::new_chunk(SYNC_HEADER, layout, wish, self.room()).ok_or(AllocError)?;
        let reserved = self.reserve_held(plan.wanted, plan.least).ok_or(AllocError)?;
        let plan = growth::Plan { wanted: reserved, ..plan };
        let mut held = reserved;
        let created = Chunk::create(child, plan, head.map(SyncChunk::chunk), |extra| {
            let extra = self.reserve_held(extra, 0).unwrap_or(0);
            held += extra;
            extra
        });
        // SAFETY: just created, at least `plan.least` long, and nobody else knows it.
        let chunk = created.map(|chunk| unsafe { SyncChunk::start(chunk) });
        self.release_held(held - chunk.map_or(0, SyncChunk::len));
        chunk
    }

    /// Makes a chunk the head. When another is faster and `elsewhere` is content with that one, ours is given back.
    fn publish<A: Allocator, R>(
        &self,
        child: &A,
        chunk: SyncChunk,
        mut head: Option<SyncChunk>,
        elsewhere: impl Fn(SyncChunk) -> Option<R>,
    ) -> Option<R> {
        loop {
            let expected = head.map_or(ptr::null_mut(), SyncChunk::as_ptr);
            // Release: pairs with `head`: whoever sees the chunk sees its header.
            let swapped =
                self.head.compare_exchange(expected, chunk.as_ptr(), Ordering::Release, Ordering::Relaxed);
            if swapped.is_ok() {
                return None;
            }
            head = self.head();
            if let Some(result) = head.and_then(&elsewhere) {
                let size = chunk.len();
                // SAFETY: not published, and a block that was taken from it is given up for `result`.
                unsafe { chunk.chunk().free(child) };
                self.release_held(size);
                return Some(result);
            }
            // SAFETY: both live; ours is not yet published.
            unsafe { chunk.chunk().set_prev(head.map(SyncChunk::chunk)) };
        }
    }

    /// See [`Allocator::resize`]; works for a block at the end of the head.
    ///
    /// # Safety
    ///
    /// As there, for a block with memory.
    #[inline]
    pub(crate) unsafe fn resize<A: Allocator>(
        &self,
        child: &A,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        let shrinks = new_size <= layout.size();
        let Some(head) = self.head() else { return shrinks };
        // SAFETY: the caller's promise.
        match unsafe { head.resize_last(block, layout, new_size) } {
            Some(true) => true,
            None => shrinks,
            // SAFETY: the caller's promise.
            Some(false) => unsafe { self.resize_slow(child, head, block, layout, new_size) },
        }
    }

    /// Grows the newest block beyond its chunk, where the child can lengthen that.
    ///
    /// # Safety
    ///
    /// As for [`resize`](Self::resize).
    #[cold]
    #[inline(never)]
    unsafe fn resize_slow<A: Allocator>(
        &self,
        child: &A,
        head: SyncChunk,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        let Ok(more) = Layout::from_size_align(new_size - layout.size(), 1) else { return false };
        // SAFETY: the caller's promise.
        self.grow(child, head, more) && unsafe { head.resize_last(block, layout, new_size) }.unwrap_or(false)
    }

    /// Makes sure that the head has `bytes` of room, unless others take it.
    pub(crate) fn reserve<A: Allocator>(&self, child: &A, bytes: usize) -> Result<(), AllocError> {
        let layout = Layout::from_size_align(bytes, 1).map_err(|_| AllocError)?;
        let head = self.head();
        let fits = |head: SyncChunk| head.least_for(layout).filter(|&least| least <= head.len());
        if head.is_some_and(|head| fits(head).is_some() || self.grow(child, head, layout)) {
            return Ok(());
        }
        let chunk = self.create(child, layout, head)?;
        self.publish(child, chunk, head, fits);
        Ok(())
    }

    /// Whether an address lies in one of the chunks. O(chunks).
    pub(crate) fn owns(&self, block: NonNull<u8>) -> bool {
        let inside = |chunk: SyncChunk| {
            block.addr().get().wrapping_sub(chunk.chunk().base().addr().get()) < chunk.len()
        };
        self.chunks().any(inside)
    }

    /// The chunks, newest first.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = SyncChunk> {
        // SAFETY: H1: live, and each was started before the one after it was published.
        unsafe {
            chain(self.head().map(SyncChunk::chunk))
                .map(|chunk| SyncChunk::from_ptr(NonNull::new_unchecked(chunk.as_ptr())))
        }
    }

    /// Keeps of the chunks what `mode` says. `false`: the child refused (see there).
    ///
    /// # Safety
    ///
    /// No block is used any more.
    pub(crate) unsafe fn reset<A: Allocator>(&mut self, child: &A, mode: ResetMode) -> bool {
        let head = self.head().map(SyncChunk::chunk);
        self.head.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: H1, exclusively borrowed, and no block is used any more.
        let (kept, done) = unsafe { collapse(child, head, SYNC_HEADER, mode) };
        // SAFETY: live, exclusively ours, and at least a header long (K2).
        let kept = kept.map(|chunk| unsafe { SyncChunk::start(chunk) });
        self.held.store(kept.map_or(0, SyncChunk::len), Ordering::Relaxed);
        // No ordering: whoever shares the arena next synchronises with us by that.
        self.head.store(kept.map_or(ptr::null_mut(), SyncChunk::as_ptr), Ordering::Relaxed);
        done
    }

    /// Counts up to `wanted` bytes more as held, as the limit allows, but at least `least`.
    fn reserve_held(&self, wanted: usize, least: usize) -> Option<usize> {
        let mut held = self.held.load(Ordering::Relaxed);
        loop {
            let more = wanted.min(self.limit.load(Ordering::Relaxed).saturating_sub(held));
            if more < least {
                return None;
            }
            // A counter: nothing is read by its value but its value.
            match self.held.compare_exchange_weak(held, held + more, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(more),
                Err(now) => held = now,
            }
        }
    }

    /// Counts fewer bytes as held.
    fn release_held(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes that may be taken from the child until the limit is reached.
    fn room(&self) -> usize {
        self.limit().saturating_sub(self.held())
    }

    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }
}
