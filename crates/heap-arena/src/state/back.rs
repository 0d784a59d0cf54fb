//! Going back: to a mark, or to the very start.

use core::ptr::NonNull;

use heap_core::Allocator;

use super::{ArenaState, HEADER};
use crate::bump::Bump;
use crate::chunk::{Chunk, chain};
use crate::drops::Entry;
use crate::reset::{ResetMode, collapse};

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
        if self.drops.newest() != mark.drops {
            // SAFETY: these values are in blocks made since the mark; entries are only added (D1), so it is there.
            unsafe { self.drops.run(mark.drops) };
        }
        self.note_high_water();
        if self.head.get() != mark.head {
            // SAFETY: the caller's promise.
            unsafe { self.pop_to(child, mark.head) };
        }
        self.sealed.set(mark.sealed);
        // SAFETY: S2: the mark's cursor is in the head, or the same dangling pointer as an empty end.
        unsafe { self.bump.set(mark.cursor, self.bump.end()) };
    }

    /// Takes the chunks above `head` off the chain.
    ///
    /// # Safety
    ///
    /// `head` is in the chain or `None`; no block above it is live. The caller sets the cursor.
    #[cold]
    #[inline(never)]
    unsafe fn pop_to<A: Allocator>(&self, child: &A, head: Option<Chunk>) {
        // SAFETY: S1; `keep_spare` frees only chunks that the iterator has passed.
        for chunk in unsafe { chain(self.head.get()) }.take_while(|&chunk| Some(chunk) != head) {
            // SAFETY: out of the chain, because the head is set below.
            unsafe { self.keep_spare(child, chunk) };
        }
        self.head.set(head);
        let end = match head {
            // SAFETY: S1.
            Some(chunk) => unsafe { chunk.end() },
            None => Bump::empty().end(),
        };
        // SAFETY: an empty span at the head's end; B2: it has no bytes.
        unsafe { self.bump.set(end, end) };
    }

    /// Keeps the larger of the spare and `chunk`, and gives the other back.
    ///
    /// # Safety
    ///
    /// `chunk` is live, counted by `held`, without live blocks, and in no chain from now on.
    unsafe fn keep_spare<A: Allocator>(&self, child: &A, chunk: Chunk) {
        // SAFETY: the caller's promise, and S1 for the spare.
        let larger = self.spare.get().filter(|&spare| unsafe { spare.size() >= chunk.size() });
        let (keep, give) = match larger {
            Some(spare) => (spare, Some(chunk)),
            None => (chunk, self.spare.get()),
        };
        self.spare.set(Some(keep));
        if let Some(give) = give {
            // SAFETY: live, without blocks, and nothing refers to it now.
            unsafe {
                self.held.set(self.held.get() - give.size());
                give.free(child);
            }
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
        self.note_high_water();
        if let Some(spare) = self.spare.take() {
            // SAFETY: S1: live, and joins the chain.
            unsafe { spare.set_prev(self.head.get()) };
            self.head.set(Some(spare));
        }
        // SAFETY: S1, and no block is used any more.
        let (kept, done) = unsafe { collapse(child, self.head.take(), HEADER, mode) };
        self.sealed.set(0);
        self.head.set(kept);
        // SAFETY: S1 and S2 for the only chunk.
        unsafe {
            self.held.set(kept.map_or(0, |chunk| chunk.size()));
            match kept {
                Some(chunk) => self.bump.set(chunk.base().add(HEADER), chunk.end()),
                None => self.bump.set(Bump::empty().end(), Bump::empty().end()),
            }
        }
        done
    }
}
