//! Going back: to a mark, or to the very start; and the spare, which is what a rewind keeps for the next round.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::Allocator;

use super::Shared;
use crate::atomic::Ordering;
use crate::chunk::{Chunk, chain};
use crate::reset::{ResetMode, collapse, larger};
use crate::sync_chunk::{SYNC_HEADER, SyncChunk};

/// A place in the chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedMark {
    head: Option<SyncChunk>,
    /// Bytes that were taken from the head.
    used: usize,
}

impl Shared {
    /// The current place. Means something to who is alone only.
    #[inline]
    pub(crate) fn mark(&self) -> SharedMark {
        let head = self.head();
        SharedMark { head, used: head.map_or(0, SyncChunk::used) }
    }

    /// Takes up to `wanted` bytes of the head, if there are any.
    ///
    /// # Safety
    ///
    /// No other thread uses the chunks meanwhile.
    pub(crate) unsafe fn take_alone(&self, wanted: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise.
        self.head().and_then(|head| unsafe { head.try_take_alone(Layout::new::<u8>(), wanted) })
    }

    /// Returns to a mark, and keeps the largest chunk added since as the spare; or, when the mark was made before the
    /// first chunk, as the head, empty: to the client that is the same, and the next mark will lie in it.
    ///
    /// # Safety
    ///
    /// `mark` is of these chunks, which have since been neither reset nor rewound to an earlier mark; no byte taken since
    /// is used any more, and no other thread uses the chunks meanwhile.
    pub(crate) unsafe fn rewind<A: Allocator>(&self, child: &A, mark: SharedMark) {
        let head = self.head();
        head.inspect(|&head| self.note_high_water(head));
        if head != mark.head {
            // SAFETY: the caller's promise.
            unsafe { self.cut(child, head, mark.head) };
        }
        if let Some(head) = mark.head {
            // SAFETY: H1, and the caller's promise.
            unsafe { head.set_used(mark.used) };
        }
    }

    /// Takes the chunks above `keep` off the list.
    ///
    /// # Safety
    ///
    /// As for [`rewind`](Self::rewind).
    #[cold]
    #[inline(never)]
    unsafe fn cut<A: Allocator>(&self, child: &A, head: Option<SyncChunk>, keep: Option<SyncChunk>) {
        let (keep, mut largest) = (keep.map(SyncChunk::chunk), self.spare_out().map(SyncChunk::chunk));
        // SAFETY: H1; a chunk is freed once the iterator has passed it.
        let above = unsafe { chain(head.map(SyncChunk::chunk)) }.take_while(|&chunk| Some(chunk) != keep);
        for chunk in above {
            // SAFETY: both live (H1, H3), and nobody else uses them.
            let (more, less) = unsafe { larger(largest, chunk) };
            largest = Some(more);
            if let Some(less) = less {
                // SAFETY: live, in no list once the head is set below, and no byte in it is used.
                unsafe { self.free_alone(child, less) };
            }
        }
        let mut head = keep.map_or(ptr::null_mut(), Chunk::as_ptr);
        if let Some(largest) = largest {
            // SAFETY: live, at least a header long (K2), nobody else knows it, and no byte in it is used.
            let spare = unsafe { SyncChunk::start(largest) };
            if keep.is_none() {
                // SAFETY: live.
                unsafe { largest.set_prev(None) };
                head = spare.as_ptr();
            } else {
                self.spare_in(spare);
            }
        }
        // No ordering: whoever shares the arena next synchronises with us by that.
        self.head.store(head, Ordering::Relaxed);
    }

    /// Gives a chunk to the child.
    ///
    /// # Safety
    ///
    /// Live, known to nobody else, and no byte in it is used any more.
    unsafe fn free_alone<A: Allocator>(&self, child: &A, chunk: Chunk) {
        // SAFETY: the caller's promise.
        unsafe {
            self.release_held(chunk.size());
            chunk.free(child);
        }
    }

    /// Puts the spare in its place, where there is none (H3).
    fn spare_in(&self, spare: SyncChunk) {
        self.spare_len.store(spare.len(), Ordering::Relaxed);
        // Release: pairs with `spare_out`: whoever takes it sees its header as we leave it.
        self.spare.store(spare.as_ptr(), Ordering::Release);
    }

    /// Takes the spare out: it is the caller's alone (H3).
    fn spare_out(&self) -> Option<SyncChunk> {
        if self.spare_len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // Acquire: pairs with `spare_in`.
        let spare = NonNull::new(self.spare.swap(ptr::null_mut(), Ordering::Acquire))?;
        self.spare_len.store(0, Ordering::Relaxed);
        // SAFETY: H3: started, and live.
        Some(unsafe { SyncChunk::from_ptr(spare) })
    }

    /// Takes the spare out, if the layout fits it.
    pub(super) fn take_spare(&self, layout: Layout) -> Option<SyncChunk> {
        let spare = self.spare_out()?;
        if spare.least_for(layout).is_some_and(|least| least <= spare.len()) {
            return Some(spare);
        }
        self.spare_in(spare);
        None
    }

    /// Gives the spare back to the child; whether there was one.
    pub(super) fn free_spare<A: Allocator>(&self, child: &A) -> bool {
        let Some(spare) = self.spare_out() else { return false };
        // SAFETY: H3: live, ours alone, and empty.
        unsafe { self.free_alone(child, spare.chunk()) };
        true
    }

    /// Keeps of the chunks what `mode` says. `false`: the child refused (see there).
    ///
    /// # Safety
    ///
    /// No byte is used any more, and no other thread uses the chunks meanwhile.
    pub(crate) unsafe fn reset<A: Allocator>(&self, child: &A, mode: ResetMode) -> bool {
        let mut head = self.head().inspect(|&head| self.note_high_water(head)).map(SyncChunk::chunk);
        if let Some(spare) = self.spare_out() {
            // SAFETY: H3: live, and joins the list.
            unsafe { spare.chunk().set_prev(head) };
            head = Some(spare.chunk());
        }
        self.head.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: H1, the caller is alone, and no byte is used any more.
        let (kept, done) = unsafe { collapse(child, head, SYNC_HEADER, mode) };
        // SAFETY: live, exclusively ours, and at least a header long (K2).
        let kept = kept.map(|chunk| unsafe { SyncChunk::start(chunk) });
        self.held.store(kept.map_or(0, SyncChunk::len), Ordering::Relaxed);
        // No ordering: whoever shares the arena next synchronises with us by that.
        self.head.store(kept.map_or(ptr::null_mut(), SyncChunk::as_ptr), Ordering::Relaxed);
        done
    }

    /// Gives all chunks to the child, for good.
    ///
    /// # Safety
    ///
    /// As for [`reset`](Self::reset), and nothing here is used again.
    pub(crate) unsafe fn free_all<A: Allocator>(&self, child: &A) {
        self.free_spare(child);
        // SAFETY: H1; each chunk is freed once the iterator has passed it.
        unsafe { chain(self.head().map(SyncChunk::chunk)).for_each(|chunk| chunk.free(child)) };
    }
}
