//! A lane: a piece of a shared arena that one thread bumps through alone.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::bump::Bump;
use crate::shared::Shared;

/// The first piece of a lane, in bytes; each further one is twice as long.
pub(crate) const FIRST_PIECE: usize = 512;

/// The longest piece of a lane, in bytes: a compare-exchange for each so many bytes is no cost any more.
const LAST_PIECE: usize = 16 << 10;

/// Blocks that take more than this, with their padding, are not taken from a lane, so that at most a quarter of a
/// piece is ever left behind.
const LARGEST_BLOCK: usize = LAST_PIECE / 4;

/// A lane with less than this, in bytes, is given a piece at the end of a scope.
const SCANTY: usize = FIRST_PIECE / 4;

/// The bump pointer of one thread. As long as two cache lines, which processors fetch in pairs.
///
/// # Invariants
///
/// - **L1** Only the thread that holds the lane's number uses it, or who borrows the arena exclusively.
/// - **L2** The bytes of a lane that are free, if there are any, lie below `used` of their chunk (Y2), and are nobody
///   else's: `used` goes back only to the start of a live block or of its end, and such a block, if it ends at `used`,
///   lies above them.
#[repr(align(128))]
#[derive(Debug)]
pub(crate) struct Lane {
    bump: Bump,
    /// The length of the next piece.
    piece: Cell<usize>,
}

/// What was left of a lane's piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneMark {
    cursor: NonNull<u8>,
    end: NonNull<u8>,
}

impl LaneMark {
    /// Nothing.
    pub(crate) const NONE: Self = Self { cursor: NonNull::dangling(), end: NonNull::dangling() };
}

impl Lane {
    pub(crate) const fn new() -> Self {
        Self { bump: Bump::empty(), piece: Cell::new(FIRST_PIECE) }
    }

    /// Takes a block from the piece at hand.
    #[inline(always)]
    pub(crate) fn try_alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        self.bump.try_alloc(layout)
    }

    /// Takes a block from a longer piece, from a new one, or, a large one, past the lane.
    pub(crate) fn alloc_slow<A: Allocator>(
        &self,
        shared: &Shared,
        child: &A,
        layout: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        // A layout promises that this does not overflow.
        if layout.size() + (layout.align() - 1) > LARGEST_BLOCK {
            return Ok(shared.take(child, layout, 0)?.cast());
        }
        let piece = self.piece.get();
        // As much as the block may need, at an address where the old piece can be continued.
        let span =
            Layout::from_size_align(layout.size() + (layout.align() - 1), 1).map_err(|_| AllocError)?;
        let taken = shared.take(child, span, piece)?;
        // SAFETY: just taken.
        unsafe { self.append(taken) };
        self.bump.try_alloc(layout).ok_or(AllocError)
    }

    /// Goes on with a piece, which may continue the one at hand; the next will be longer.
    ///
    /// # Safety
    ///
    /// The piece was taken from the chunks for this lane, and from now on meets L2.
    unsafe fn append(&self, taken: NonNull<[u8]>) {
        self.piece.set((self.piece.get() * 2).min(LAST_PIECE));
        let start = taken.cast::<u8>();
        // Both are in one chunk if they touch: between chunks there is a header.
        let left = if self.bump.end() == start { self.bump.room() } else { 0 };
        // SAFETY: `taken` is ours, and so is what was left before it, if it continues that (L2).
        unsafe { self.bump.set(start.sub(left), start.add(taken.len())) };
    }

    /// Sees to it that a lane which has next to nothing has a piece, if the head has one: the next scope begins and ends
    /// with it, and need not take one of its own.
    ///
    /// # Safety
    ///
    /// No other thread uses the arena meanwhile.
    #[inline]
    pub(crate) unsafe fn provide(&self, shared: &Shared) {
        if self.bump.room() < SCANTY {
            // SAFETY: the caller's promise.
            unsafe { self.provide_slow(shared) };
        }
    }

    /// # Safety
    ///
    /// As for [`provide`](Self::provide).
    #[cold]
    #[inline(never)]
    unsafe fn provide_slow(&self, shared: &Shared) {
        // SAFETY: the caller's promise; just taken.
        unsafe { shared.take_alone(self.piece.get()).into_iter().for_each(|taken| self.append(taken)) };
    }

    /// Bytes of the piece that are left.
    pub(crate) fn room(&self) -> usize {
        self.bump.room()
    }

    /// Whether a block with memory is the newest of this lane.
    #[inline]
    pub(crate) fn is_last(&self, block: NonNull<u8>, size: usize) -> bool {
        self.bump.is_last(block, size)
    }

    /// Changes the size of the newest block of this lane in place, if there is room.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::resize`], for a block that [`is_last`](Self::is_last).
    #[inline]
    pub(crate) unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise; it ends where our free bytes begin.
        unsafe { self.bump.resize_last(block, layout, new_size) }
    }

    /// Grows the newest block beyond the piece, where nobody has taken what follows.
    ///
    /// # Safety
    ///
    /// As for [`resize`](Self::resize), which was refused.
    pub(crate) unsafe fn resize_slow<A: Allocator>(
        &self,
        shared: &Shared,
        child: &A,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> bool {
        // The block and all that is free behind it: for the chunk, one block.
        let whole = layout.size() + self.bump.room();
        let Ok(whole) = Layout::from_size_align(whole, layout.align()) else { return false };
        let (cursor, end) = (self.bump.cursor(), self.bump.end());
        // SAFETY: B1. Until the chunk has answered nothing is free here: its child may ask us for memory meanwhile (where a
        // function of the client's sees each of its calls), which must not come from there.
        unsafe { self.bump.set(end, end) };
        // SAFETY: the caller's promise, and L2: all of that is ours.
        let resized = unsafe { shared.resize(child, block, whole, new_size) };
        if (self.bump.cursor(), self.bump.end()) == (end, end) {
            // SAFETY: the chunk has agreed to the new end, and up to there all is the block's; or it has not, and what was
            // free is so again (L2).
            unsafe {
                let end = if resized { end.add(new_size - whole.size()) } else { end };
                self.bump.set(if resized { end } else { cursor }, end);
            }
        }
        resized
    }

    /// What is left of the piece.
    #[inline]
    pub(crate) fn mark(&self) -> LaneMark {
        LaneMark { cursor: self.bump.cursor(), end: self.bump.end() }
    }

    /// Goes back to what was left, but not to how long the next piece should be: rounds resemble each other.
    ///
    /// # Safety
    ///
    /// L1 and L2 hold for the mark's bytes from now on: nobody else has them, and no block in them is used.
    #[inline]
    pub(crate) unsafe fn rewind(&self, mark: LaneMark) {
        // Another thread's lane is not written to, and so stays in its cache, where it has not been used since.
        if (self.bump.cursor(), self.bump.end()) != (mark.cursor, mark.end) {
            // SAFETY: B1: both were the lane's at once. B2: the caller's promise.
            unsafe { self.bump.set(mark.cursor, mark.end) };
        }
    }
}
