//! Going back: to a mark, or to the very start.

use core::ptr::{self, NonNull};

use heap_core::Allocator;

use super::{ArenaState, HEADER};
use crate::chunk::{Chunk, chain};
use crate::drops::Entry;
use crate::reset::{ResetMode, collapse, larger};

/// A place in an arena to which it can return: see [`Rewind`](crate::Rewind).
#[derive(Clone, Copy, Debug)]
pub struct ArenaMark {
    head: Option<Chunk>,
    cursor: NonNull<u8>,
    sealed: usize,
    drops: Option<NonNull<Entry>>,
}

impl ArenaState {
    /// The current place.
    #[inline]
    pub(crate) fn mark(&self) -> ArenaMark {
        ArenaMark {
            head: self.head.get(),
            cursor: self.bump.cursor(),
            sealed: self.sealed.get(),
            drops: self.drops.newest(),
        }
    }

    /// Returns to a mark: drops what was registered since, and keeps the largest chunk added since as the spare.
    ///
    /// # Safety
    ///
    /// `mark` is of this state, which has since been neither reset nor rewound to an earlier mark, and no block made
    /// since is used any more.
    #[inline]
    pub(crate) unsafe fn rewind<A: Allocator>(&self, child: &A, mark: ArenaMark) {
        // SAFETY: these values are in blocks made since the mark; entries are only added (D1), so it is there.
        unsafe { self.drops.run(mark.drops) };
        // SAFETY: the caller's promise.
        unsafe { self.rewind_blocks(child, mark) };
    }

    /// As [`rewind`](Self::rewind), where nothing was registered with this state since.
    ///
    /// # Safety
    ///
    /// As there.
    #[inline]
    pub(crate) unsafe fn rewind_blocks<A: Allocator>(&self, child: &A, mark: ArenaMark) {
        self.note_highest();
        // As addresses: the derived comparison would look for `None` first.
        let address = |chunk: Option<Chunk>| chunk.map_or(ptr::null_mut(), Chunk::as_ptr);
        if address(self.head.get()) == address(mark.head) {
            // SAFETY: S2: the mark's cursor is in the head, or the same dangling pointer as an empty end.
            unsafe { self.bump.set(mark.cursor, self.bump.end()) };
        } else {
            // SAFETY: the caller's promise.
            unsafe { self.rewind_slow(child, mark.head, mark.cursor, mark.sealed) };
        }
    }

    /// Rewinds across chunks: takes those above the mark's off the chain.
    ///
    /// When the mark was made before the first chunk, the largest becomes the head, empty: to the client that is the
    /// same, and the next mark will lie in it.
    ///
    /// # Safety
    ///
    /// As for [`rewind`](Self::rewind).
    #[cold]
    #[inline(never)]
    unsafe fn rewind_slow<A: Allocator>(
        &self,
        child: &A,
        keep: Option<Chunk>,
        cursor: NonNull<u8>,
        sealed: usize,
    ) {
        self.high_water.set(self.high_water());
        self.sealed.set(sealed);
        // SAFETY: S1; `keep_spare` frees only chunks that the iterator has passed.
        for chunk in unsafe { chain(self.head.get()) }.take_while(|&chunk| Some(chunk) != keep) {
            // SAFETY: out of the chain, because the head is set below.
            unsafe { self.keep_spare(child, chunk) };
        }
        // SAFETY: S1; S2: the mark's cursor is in its chunk, and nothing was made before it otherwise.
        unsafe {
            if keep.is_some() {
                self.start_at(keep);
                self.bump.set(cursor, self.bump.end());
            } else {
                let spare = self.spare.take().inspect(|spare| spare.set_prev(None));
                self.start_at(spare);
            }
        }
    }

    /// Keeps the larger of the spare and `chunk`, and gives the other back.
    ///
    /// # Safety
    ///
    /// `chunk` is live, counted by `held`, without live blocks, and in no chain from now on.
    unsafe fn keep_spare<A: Allocator>(&self, child: &A, chunk: Chunk) {
        // SAFETY: the caller's promise, and S1 for the spare.
        let (keep, give) = unsafe { larger(self.spare.get(), chunk) };
        self.spare.set(Some(keep));
        if let Some(give) = give {
            // SAFETY: live, without blocks, and nothing refers to it now.
            unsafe {
                self.held.set(self.held.get() - give.size());
                give.free(child);
            }
        }
    }

    /// Gives all chunks to the child, for good.
    ///
    /// # Safety
    ///
    /// No block is used any more, and neither is this state.
    pub(crate) unsafe fn free_all<A: Allocator>(&self, child: &A) {
        // SAFETY: S1; each chunk is freed once the iterator has passed it.
        unsafe {
            self.free_spare(child);
            chain(self.head.get()).for_each(|chunk| chunk.free(child));
        }
    }

    /// Drops what was registered, then keeps of the chunks what `mode` says. `false`: the child refused (see there).
    ///
    /// # Safety
    ///
    /// No block is used any more.
    pub(crate) unsafe fn reset<A: Allocator>(&self, child: &A, mode: ResetMode) -> bool {
        // SAFETY: nobody uses the values.
        unsafe { self.drops.run(None) };
        self.high_water.set(self.high_water());
        if let Some(spare) = self.spare.take() {
            // SAFETY: S1: live, and joins the chain.
            unsafe { spare.set_prev(self.head.get()) };
            self.head.set(Some(spare));
        }
        // SAFETY: S1, and no block is used any more.
        let (kept, done) = unsafe { collapse(child, self.head.take(), HEADER, mode) };
        self.sealed.set(0);
        // SAFETY: S1, for the only chunk, and no block is used any more.
        unsafe {
            self.held.set(kept.map_or(0, |chunk| chunk.size()));
            self.start_at(kept);
        }
        done
    }
}
