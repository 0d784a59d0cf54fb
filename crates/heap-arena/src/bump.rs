//! The bump pointer: the whole fast path of this crate.
//!
//! Knows nothing of chunks or growth, so it can be read and tested alone. The arithmetic is [`fit`], on plain
//! numbers; [`Bump`] only turns its answers into pointers.

use core::alloc::Layout;
use core::cell::Cell;
use core::hint::cold_path;
use core::ptr::NonNull;

/// Where a block goes: its first address, and the first address behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// Places a layout at the first aligned address of `cursor..limit`, if it fits.
///
/// Needs `cursor <= limit` and `limit - cursor <= isize::MAX`, as within any Rust allocation. Gives
/// `cursor <= start`, `start + size == end` and `end <= limit`.
///
/// There is one test for room and no overflow check. Padding is below the alignment, and a [`Layout`] promises
/// `size + align - 1 <= isize::MAX`; so the true distance from `end` to `limit` is within an `isize`, negative when
/// it does not fit, and the wrapped difference *is* that distance, even at the top of the address space.
///
/// No branch but the test: the ways that were tried to have the end a step earlier cost more than they gave
/// (docs/decisions, "The arena's fast path").
#[inline(always)]
pub(crate) const fn fit(cursor: usize, limit: usize, layout: Layout) -> Option<Fit> {
    let (size, mask) = (layout.size(), layout.align() - 1);
    let start = cursor.wrapping_add(mask) & !mask;
    let end = start.wrapping_add(size);
    if (limit.wrapping_sub(end) as isize) < 0 {
        cold_path();
        None
    } else {
        Some(Fit { start, end })
    }
}

/// Whether a block at `start` may become `new_size` bytes long, when it may use memory up to `limit`, which is not below it.
///
/// The new size must also make a valid [`Layout`] with `align`.
#[inline]
pub(crate) const fn may_grow(start: usize, limit: usize, align: usize, new_size: usize) -> bool {
    new_size <= limit.saturating_sub(start) && Layout::from_size_align(new_size, align).is_ok()
}

/// A cursor moving up through one span.
///
/// # Invariants
///
/// - **B1** `cursor` and `end` point into (or one past) one allocation, `cursor <= end`; or both are the same
///   dangling pointer, and the span is empty.
/// - **B2** The bytes in `cursor..end` belong to the bump; those below are handed out, given up, or padding.
#[derive(Debug)]
pub(crate) struct Bump {
    cursor: Cell<NonNull<u8>>,
    end: Cell<NonNull<u8>>,
}

impl Bump {
    /// The empty span: nothing fits.
    #[inline]
    pub(crate) const fn empty() -> Self {
        Self { cursor: Cell::new(NonNull::dangling()), end: Cell::new(NonNull::dangling()) }
    }

    /// A cursor at the start of `len` bytes.
    ///
    /// # Safety
    ///
    /// `len` bytes at `start` lie in one allocation and belong to the bump from now on (B1, B2).
    #[inline]
    pub(crate) const unsafe fn over(start: NonNull<u8>, len: usize) -> Self {
        // SAFETY: the caller's promise: one allocation.
        let end = unsafe { start.add(len) };
        Self { cursor: Cell::new(start), end: Cell::new(end) }
    }

    /// Moves to another span, or to another place in it.
    ///
    /// # Safety
    ///
    /// B1 and B2 hold for the new pair.
    #[inline]
    pub(crate) unsafe fn set(&self, cursor: NonNull<u8>, end: NonNull<u8>) {
        self.cursor.set(cursor);
        self.end.set(end);
        self.validate();
    }

    /// Where the next block would begin, but for its alignment.
    #[inline]
    pub(crate) fn cursor(&self) -> NonNull<u8> {
        self.cursor.get()
    }

    /// The end of the span.
    #[inline]
    pub(crate) fn end(&self) -> NonNull<u8> {
        self.end.get()
    }

    /// Bytes that are left.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.end.get().addr().get() - self.cursor.get().addr().get()
    }

    /// Takes a block from the span, or changes nothing. The size should not be zero (A3 is the caller's).
    #[inline(always)]
    pub(crate) fn try_alloc(&self, layout: Layout) -> Option<NonNull<u8>> {
        let cursor = self.cursor.get();
        let at = cursor.addr().get();
        let fit = fit(at, self.end.get().addr().get(), layout)?;
        // SAFETY: B1, and `fit`: `at <= start <= end <= self.end`, so both stay in the allocation.
        let (block, next) = unsafe { (cursor.add(fit.start - at), cursor.add(fit.end - at)) };
        self.cursor.set(next);
        Some(block)
    }

    /// Whether a block of `size` bytes, not zero, is the newest: it ends where the next would begin.
    #[inline]
    pub(crate) fn is_last(&self, block: NonNull<u8>, size: usize) -> bool {
        block.addr().get().wrapping_add(size) == self.cursor.get().addr().get()
    }

    /// Changes the newest block's size in place, if there is room. The cursor moves by the difference: it is never
    /// made from the client's pointer, which may have come through a reference that covers the block only.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this span with `layout`, whose size is not zero, and [`is_last`](Self::is_last).
    #[inline]
    pub(crate) unsafe fn resize_last(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let limit = self.end.get().addr().get();
        if new_size > layout.size() && !may_grow(block.addr().get(), limit, layout.align(), new_size) {
            return false;
        }
        // SAFETY: `block + new_size <= end`: the old size fitted, or `may_grow` said so; and `cursor - size` is `block`.
        self.cursor.set(unsafe { self.cursor.get().sub(layout.size()).add(new_size) });
        true
    }

    /// Takes the newest block back. The padding below it stays lost.
    ///
    /// # Safety
    ///
    /// As for [`resize_last`](Self::resize_last), with a size of `size`, and nobody uses the block again.
    #[inline]
    pub(crate) unsafe fn free_last(&self, size: usize) {
        // SAFETY: `cursor - size` is the block's address, in the span.
        self.cursor.set(unsafe { self.cursor.get().sub(size) });
    }

    /// Checks B1 as far as addresses go.
    #[inline]
    pub(crate) fn validate(&self) {
        debug_assert!(self.cursor.get() <= self.end.get(), "B1");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    /// What `fit` must answer, in wider numbers than it uses.
    fn expected(cursor: usize, limit: usize, layout: Layout) -> Option<Fit> {
        let align = layout.align() as u128;
        let start = (cursor as u128).div_ceil(align) * align;
        let end = start + layout.size() as u128;
        (end <= limit as u128).then_some(Fit { start: start as usize, end: end as usize })
    }

    #[test]
    fn a_fit_agrees_with_arithmetic_that_cannot_overflow() {
        let top = usize::MAX;
        let spans =
            [(1, 1), (1, 64), (17, 4096), (4095, 4097), (top - 4096, top), (top - 1, top), (top, top)];
        let middle = isize::MAX as usize;
        let spans = spans.into_iter().chain([(middle - 9, middle + 9), (1, middle + 1), (middle, top - 1)]);
        for (cursor, limit) in spans {
            for log2 in 0..usize::BITS - 1 {
                let align = 1usize << log2;
                let most = isize::MAX as usize - (align - 1);
                for size in [0, 1, 7, 8, 48, 4095, 4096, most / 2, most.saturating_sub(1), most] {
                    if let Ok(layout) = Layout::from_size_align(size, align) {
                        assert_eq!(fit(cursor, limit, layout), expected(cursor, limit, layout));
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_fits_the_empty_span() {
        let bump = Bump::empty();
        assert_eq!(bump.try_alloc(layout(1, 1)), None);
        assert_eq!(bump.try_alloc(layout(isize::MAX as usize, 1)), None);
        assert_eq!(bump.room(), 0);
    }

    #[test]
    fn growth_stops_at_the_limit_and_at_the_largest_layout() {
        assert!(may_grow(100, 200, 1, 100));
        assert!(!may_grow(100, 200, 1, 101));
        assert!(!may_grow(1, usize::MAX, 8, isize::MAX as usize));
    }
}
