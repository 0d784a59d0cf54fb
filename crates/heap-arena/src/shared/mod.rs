//! The chunks of a [`SyncArena`](crate::SyncArena): a list that threads extend together, and allocate from at its head.
//! What goes back, to a mark or to the start, is in `back`.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::{AllocError, Allocator};

use crate::atomic::{AtomicPtr, AtomicUsize, Ordering, const_fn};
use crate::chunk::{Chunk, Header, chain};
use crate::growth;
use crate::sync_chunk::{SYNC_HEADER, SyncChunk};

mod back;

pub(crate) use back::SharedMark;

/// The chunks of a shared arena, and their bounds.
///
/// # Invariants
///
/// - **H1** `head` is null or a started chunk; it and those before it are live (K3) until [`reset`](Self::reset). A
///   thread that sees it sees what its maker wrote: publishing is a release, reading an acquire.
/// - **H2** `held` is at least the sum of the chunks' sizes, the spare's included, and what is above it is about to be a
///   chunk or to be given up again. It exceeds `limit` only where `limit` was lowered below it.
/// - **H3** `spare` is null or a started chunk that is live, empty, in no list, and known to nobody: whoever takes it out
///   has it alone. There is one at most, made while the arena is borrowed exclusively; `spare_len` is its size, or zero.
/// - **H4** `high_water` is at least what was in use each time before that became less.
#[derive(Debug)]
pub(crate) struct Shared {
    head: AtomicPtr<Header>,
    held: AtomicUsize,
    limit: AtomicUsize,
    spare: AtomicPtr<Header>,
    spare_len: AtomicUsize,
    high_water: AtomicUsize,
}

impl Shared {
    const_fn! {
        pub(crate) const fn new() -> Self {
            Self {
                head: AtomicPtr::new(ptr::null_mut()),
                held: AtomicUsize::new(0),
                limit: AtomicUsize::new(usize::MAX),
                spare: AtomicPtr::new(ptr::null_mut()),
                spare_len: AtomicUsize::new(0),
                high_water: AtomicUsize::new(0),
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

    /// Takes from the head, from the spare, from a longer head, or from a new chunk.
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
            if let Some(spare) = self.take_spare(layout) {
                return self.take_from(child, spare, layout, wanted, head);
            }
            if head.is_some_and(|head| self.grow(child, head, layout)) {
                continue;
            }
            let chunk = self.create(child, layout, wanted, head)?;
            return self.take_from(child, chunk, layout, wanted, head);
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

    /// Takes the block from a chunk that nobody else knows, and puts that on the list.
    fn take_from<A: Allocator>(
        &self,
        child: &A,
        chunk: SyncChunk,
        layout: Layout,
        wanted: usize,
        head: Option<SyncChunk>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        // SAFETY: nobody else knows it. It was made or chosen for this layout, so the block is there.
        let block = unsafe { chunk.try_take_alone(layout, wanted) }.ok_or(AllocError);
        match self.publish(child, chunk, head, |head| head.try_take(layout, wanted)) {
            Some(elsewhere) => Ok(elsewhere),
            None => block,
        }
    }

    /// Makes a chunk for a layout, to be put on `head`. Nobody else knows it yet.
    ///
    /// Where nothing else helps, the spare, which does not fit the layout, is given up: without it, child and limit may
    /// have the room.
    fn create<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        wanted: usize,
        head: Option<SyncChunk>,
    ) -> Result<SyncChunk, AllocError> {
        let created = self.try_create(child, layout, wanted, head);
        created.or_else(|error| {
            self.free_spare(child).then_some(()).ok_or(error)?;
            self.try_create(child, layout, wanted, head)
        })
    }

    fn try_create<A: Allocator>(
        &self,
        child: &A,
        layout: Layout,
        wanted: usize,
        head: Option<SyncChunk>,
    ) -> Result<SyncChunk, AllocError> {
        // Twice the last one. Who wants a piece, for a lane, gets room for two of the first ones from the first.
        let last = head.map_or(wanted.min(growth::FIRST_CHUNK), SyncChunk::len);
        let wish = last.saturating_mul(2);
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

    /// Makes a chunk the head, which nobody else knows. When another is faster and `elsewhere` is content with that one,
    /// ours is given back.
    fn publish<A: Allocator, R>(
        &self,
        child: &A,
        chunk: SyncChunk,
        mut head: Option<SyncChunk>,
        elsewhere: impl Fn(SyncChunk) -> Option<R>,
    ) -> Option<R> {
        loop {
            // SAFETY: both live; ours is not yet published.
            unsafe { chunk.chunk().set_prev(head.map(SyncChunk::chunk)) };
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
        if new_size < layout.size() && head.is_last(block, layout.size()) {
            self.note_high_water(head);
        }
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
        if head.is_some_and(|head| fits(head).is_some()) {
            return Ok(());
        }
        let chunk = match self.take_spare(layout) {
            Some(spare) => spare,
            None if head.is_some_and(|head| self.grow(child, head, layout)) => return Ok(()),
            None => self.create(child, layout, 0, head)?,
        };
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
        from(self.head())
    }

    /// Bytes taken from the chunks. O(chunks).
    pub(crate) fn used(&self) -> usize {
        self.chunks().map(SyncChunk::used).sum()
    }

    /// The most that was ever taken. O(chunks).
    pub(crate) fn high_water(&self) -> usize {
        self.high_water.load(Ordering::Relaxed).max(self.used())
    }

    /// To be called before bytes are given up (H4), with the head.
    #[inline]
    fn note_high_water(&self, head: SyncChunk) {
        // SAFETY: H1.
        let one = unsafe { head.chunk().prev() }.is_none();
        if !one || head.used() > self.high_water.load(Ordering::Relaxed) {
            self.note_high_water_slow(head);
        }
    }

    #[inline(never)]
    fn note_high_water_slow(&self, head: SyncChunk) {
        let used = from(Some(head)).map(SyncChunk::used).sum();
        // A number: nothing is read by its value.
        if used > self.high_water.load(Ordering::Relaxed) {
            self.high_water.fetch_max(used, Ordering::Relaxed);
        }
    }

    /// Usable bytes of all chunks, the spare's included. O(chunks).
    pub(crate) fn capacity(&self) -> usize {
        let spare = self.spare_len.load(Ordering::Relaxed).saturating_sub(SYNC_HEADER);
        self.chunks().map(|chunk| chunk.len() - SYNC_HEADER).sum::<usize>() + spare
    }

    /// How many chunks there are, the spare included. O(chunks).
    pub(crate) fn count(&self) -> usize {
        self.chunks().count() + usize::from(self.spare_len.load(Ordering::Relaxed) != 0)
    }

    /// Whether a block with memory ends where the next of the head would begin.
    pub(crate) fn is_last(&self, block: NonNull<u8>, size: usize) -> bool {
        self.head().is_some_and(|head| head.is_last(block, size))
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
        if bytes != 0 {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
        }
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

/// A chunk of the list and those before it, newest first.
fn from(head: Option<SyncChunk>) -> impl Iterator<Item = SyncChunk> {
    // SAFETY: H1: live, and each was started before the one after it was published.
    unsafe {
        chain(head.map(SyncChunk::chunk))
            .map(|chunk| SyncChunk::from_ptr(NonNull::new_unchecked(chunk.as_ptr())))
    }
}
