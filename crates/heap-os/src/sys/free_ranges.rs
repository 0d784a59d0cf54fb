//! Free memory as a list of ranges, lowest address first, kept in the free memory itself. Neighbours become one.
//!
//! For memory that grows and is never given back, where ranges are few and large: WebAssembly's pages. Takes and
//! gives O(number of ranges).

use core::ptr::NonNull;

/// A free range describes itself in its first bytes.
struct Range {
    len: usize,
    next: Option<NonNull<Range>>,
}

/// Free ranges by address.
///
/// # Invariants
/// - **R1** Every range on the list is the list's alone: nobody else reads or writes its `len` bytes.
/// - **R2** Ranges ascend, and between two of them is at least one byte that is not on the list.
/// - **R3** Addresses and lengths are multiples of `UNIT`, which holds a `Range`.
#[derive(Debug)]
pub(crate) struct FreeRanges<const UNIT: usize> {
    first: Option<NonNull<Range>>,
}

// SAFETY: R1: the list owns what it points to.
unsafe impl<const UNIT: usize> Send for FreeRanges<UNIT> {}

impl<const UNIT: usize> FreeRanges<UNIT> {
    const HOLDS_A_RANGE: () = assert!(UNIT.is_power_of_two() && UNIT >= size_of::<Range>());

    pub(crate) const fn new() -> Self {
        const { Self::HOLDS_A_RANGE };
        Self { first: None }
    }

    /// Puts a range on the list.
    ///
    /// # Safety
    /// The caller gives the range up (R1), its address and length keep R3, the length is not zero.
    pub(crate) unsafe fn give(&mut self, base: NonNull<u8>, len: usize) {
        let mut before: Option<NonNull<Range>> = None;
        let mut after = self.first;
        while let Some(range) = after.filter(|range| range.addr() < base.addr()) {
            before = Some(range);
            // SAFETY: R1: on the list, so readable.
            after = unsafe { range.as_ref() }.next;
        }
        let mut fresh = Range { len, next: after };
        // SAFETY: R1 for `after`; the writes go to ranges of the list or to the one being given.
        unsafe {
            if let Some(next) = after.filter(|next| end(base, len) == next.addr().get()) {
                let next = next.read();
                fresh = Range { len: len + next.len, next: next.next };
            }
            match before {
                Some(mut range) if end(range.cast(), range.as_ref().len) == base.addr().get() => {
                    let range = range.as_mut();
                    *range = Range { len: range.len + fresh.len, next: fresh.next };
                }
                _ => {
                    base.cast::<Range>().write(fresh);
                    self.link(before, Some(base.cast()));
                }
            }
        }
    }

    /// Takes `len` bytes at a multiple of `align` off the list, from the lowest range that has them.
    ///
    /// `len` and `align` keep R3. The content is what it was, but for the first bytes.
    pub(crate) fn take(&mut self, len: usize, align: usize) -> Option<NonNull<u8>> {
        let mut before = None;
        let mut here = self.first;
        while let Some(range) = here {
            // SAFETY: R1: on the list, so readable.
            let Range { len: have, next } = unsafe { range.read() };
            let head = range.addr().get().wrapping_neg() & (align - 1);
            if head.checked_add(len).is_some_and(|need| need <= have) {
                // SAFETY: R1 and the line above: both parts lie in the range, which is the list's.
                return Some(unsafe { self.split(before, range, head, len) });
            }
            before = here;
            here = next;
        }
        None
    }

    /// Takes bytes `head..head + len` out of `range`, whose predecessor is `before`.
    ///
    /// # Safety
    /// `range` follows `before` on this list, and `head + len` is at most its length.
    unsafe fn split(
        &mut self,
        before: Option<NonNull<Range>>,
        range: NonNull<Range>,
        head: usize,
        len: usize,
    ) -> NonNull<u8> {
        // SAFETY: all accesses are to the range itself (R1), inside its length by the caller's promise.
        unsafe {
            let Range { len: have, mut next } = range.read();
            let taken = range.cast::<u8>().add(head);
            if have > head + len {
                let tail = taken.add(len).cast::<Range>();
                tail.write(Range { len: have - head - len, next });
                next = Some(tail);
            }
            if head == 0 {
                self.link(before, next);
            } else {
                range.write(Range { len: head, next });
            }
            taken
        }
    }

    /// # Safety
    /// `before` is on the list (or `None`: its head).
    unsafe fn link(&mut self, before: Option<NonNull<Range>>, next: Option<NonNull<Range>>) {
        match before {
            None => self.first = next,
            // SAFETY: R1: on the list, so writable.
            Some(mut range) => unsafe { range.as_mut() }.next = next,
        }
    }
}

fn end(base: NonNull<u8>, len: usize) -> usize {
    base.addr().get().wrapping_add(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    const UNIT: usize = 64;
    #[repr(align(4096))]
    struct Memory([u8; 64 * UNIT]);

    fn ranges(list: &FreeRanges<UNIT>, base: usize) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let mut here = list.first;
        while let Some(range) = here {
            // SAFETY: R1.
            let Range { len, next } = unsafe { range.read() };
            found.push(((range.addr().get() - base) / UNIT, len / UNIT));
            here = next;
        }
        found
    }

    #[test]
    fn neighbours_become_one_in_any_order_of_giving() {
        for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]] {
            let mut memory = Box::new(Memory([0; 64 * UNIT]));
            let base = NonNull::from(&mut memory.0).cast::<u8>();
            let mut list = FreeRanges::<UNIT>::new();
            for piece in order {
                // SAFETY: three ranges of the box, which is used through the list alone.
                unsafe { list.give(base.add(piece * 4 * UNIT), 4 * UNIT) };
            }
            assert_eq!(ranges(&list, base.addr().get()), [(0, 12)], "{order:?}");
        }
    }

    #[test]
    fn taking_aligns_and_keeps_what_lies_before_and_after() {
        let mut memory = Box::new(Memory([0; 64 * UNIT]));
        let base = NonNull::from(&mut memory.0).cast::<u8>();
        let at = |taken: Option<NonNull<u8>>| taken.map(|ptr| (ptr.addr().get() - base.addr().get()) / UNIT);
        let mut list = FreeRanges::<UNIT>::new();
        // SAFETY: ranges of the box, which is used through the list alone.
        unsafe {
            list.give(base.add(UNIT), 63 * UNIT);
            assert_eq!(at(list.take(2 * UNIT, 8 * UNIT)), Some(8));
            assert_eq!(ranges(&list, base.addr().get()), [(1, 7), (10, 54)]);
            assert_eq!(at(list.take(7 * UNIT, UNIT)), Some(1));
            assert_eq!(at(list.take(54 * UNIT, 16 * UNIT)), None);
            assert_eq!(at(list.take(54 * UNIT, UNIT)), Some(10));
            assert_eq!(at(list.take(UNIT, UNIT)), None);
            list.give(base.add(8 * UNIT), 2 * UNIT);
            list.give(base.add(10 * UNIT), 54 * UNIT);
            list.give(base.add(UNIT), 7 * UNIT);
        }
        assert_eq!(ranges(&list, base.addr().get()), [(1, 63)]);
    }
}
