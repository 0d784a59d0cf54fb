//! The size of a slot, a list of free slots linked through themselves, and a run of slots that were never used.
//!
//! Knows nothing of where slots come from.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{Alignment, AllocError};

/// What a free slot holds.
struct Link {
    next: Option<NonNull<Link>>,
}

/// The size and alignment of all slots of a pool, in bytes.
///
/// # Invariants
///
/// - **Z1** A slot can hold a [`Link`]: `align >= align_of::<Link>()`, `size >= size_of::<Link>()`.
/// - **Z2** `size` is a multiple of `align`. (It may be larger than any layout's: then there will be no slab.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotLayout {
    size: usize,
    align: usize,
}

impl SlotLayout {
    /// The smallest slot that serves `layout` at the alignment `least`, or at its own if that is larger.
    pub(crate) const fn new(layout: Layout, least: Alignment) -> Self {
        const fn max(a: usize, b: usize) -> usize {
            if a > b { a } else { b }
        }
        let align = max(max(layout.align(), least.bytes()), align_of::<Link>());
        let size = max(layout.size(), size_of::<Link>());
        let size = match size.checked_next_multiple_of(align) {
            Some(size) => size,
            None => usize::MAX & !(align - 1),
        };
        Self { size, align }
    }

    #[inline(always)]
    pub(crate) const fn size(self) -> usize {
        self.size
    }

    #[inline(always)]
    pub(crate) const fn align(self) -> usize {
        self.align
    }

    /// Whether a block of `layout` fits a slot.
    #[inline]
    pub(crate) const fn fits(self, layout: Layout) -> bool {
        layout.size() <= self.size && layout.align() <= self.align
    }

    /// A block of `layout`: without memory, or a whole slot that `take` gets.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the layout does not fit, and those of `take`.
    #[inline]
    pub(crate) fn block(
        self,
        layout: Layout,
        take: impl FnOnce() -> Result<NonNull<u8>, AllocError>,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        if !self.fits(layout) {
            return Err(AllocError);
        }
        Ok(NonNull::slice_from_raw_parts(take()?, self.size))
    }

    /// What a client may use of a block of `layout`, in bytes.
    #[inline]
    pub(crate) const fn usable(self, layout: Layout) -> usize {
        if layout.size() == 0 { 0 } else { self.size }
    }

    /// Whether a block that fits a slot can become `new_size` bytes long where it is.
    #[inline]
    pub(crate) const fn stays(self, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 { new_size == 0 } else { new_size != 0 && new_size <= self.size }
    }
}

/// Free slots, the last one pushed first.
///
/// # Invariants
///
/// - **F1** Every slot on the list is nobody else's, and has the size and alignment of Z1.
/// - **F2** It holds the link to the next one.
/// - **F3** No slot is on the list twice.
#[derive(Debug)]
pub(crate) struct FreeSlots {
    head: Cell<Option<NonNull<Link>>>,
}

impl FreeSlots {
    pub(crate) const fn new() -> Self {
        Self { head: Cell::new(None) }
    }

    /// Takes the slot that was pushed last.
    #[inline(always)]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        let head = self.head.get()?;
        // SAFETY: F1, F2.
        self.head.set(unsafe { head.read() }.next);
        Some(head.cast())
    }

    /// Puts a slot on the list.
    ///
    /// # Safety
    ///
    /// The caller gives `slot` up, and it meets F1 and F3.
    #[inline(always)]
    pub(crate) unsafe fn push(&self, slot: NonNull<u8>) {
        let link = slot.cast::<Link>();
        // SAFETY: F1 from the caller. The write establishes F2.
        unsafe { link.write(Link { next: self.head.get() }) };
        self.head.set(Some(link));
    }

    /// Moves up to `count` slots from the front of `self` to the front of `other`, in the same order; returns how many.
    /// O(`count`).
    pub(crate) fn split_to(&self, other: &Self, count: usize) -> usize {
        let Some(first) = self.head.get() else { return 0 };
        if count == 0 {
            return 0;
        }
        let (mut last, mut moved) = (first, 1);
        while moved < count {
            // SAFETY: F1, F2.
            let Some(next) = (unsafe { last.read() }).next else { break };
            (last, moved) = (next, moved + 1);
        }
        // SAFETY: F1, F2; with the next line the slots leave this list for the other (F3).
        self.head.set(unsafe { last.read() }.next);
        // SAFETY: F1: the slot is ours. Establishes F2 in the other list.
        unsafe { last.write(Link { next: other.head.get() }) };
        other.head.set(Some(first));
        moved
    }

    /// Moves all slots to `other`, which is empty. `false`: there were none.
    #[inline]
    pub(crate) fn move_to(&self, other: &Self) -> bool {
        let head = self.head.take();
        other.head.set(head);
        head.is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_none()
    }

    /// The slots, the next one to be popped first. The list must not change meanwhile.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NonNull<u8>> {
        let mut next = self.head.get();
        core::iter::from_fn(move || {
            let link = next?;
            // SAFETY: F1, F2, while the list does not change.
            next = unsafe { link.read() }.next;
            Some(link.cast())
        })
    }

    /// Forgets all slots.
    pub(crate) fn clear(&self) {
        self.head.set(None);
    }
}

/// Slots in a row that were never used: taken from the front, and not touched before.
///
/// # Invariants
///
/// - **R1** The bytes in `cursor..end` are slots of one slab that are nobody else's: a whole number of them.
#[derive(Debug)]
pub(crate) struct FreshSlots {
    cursor: Cell<NonNull<u8>>,
    end: Cell<NonNull<u8>>,
}

impl FreshSlots {
    pub(crate) const fn new() -> Self {
        Self { cursor: Cell::new(NonNull::dangling()), end: Cell::new(NonNull::dangling()) }
    }

    /// Takes the next slot.
    #[inline(always)]
    pub(crate) fn take(&self, slot: SlotLayout) -> Option<NonNull<u8>> {
        let cursor = self.cursor.get();
        if cursor == self.end.get() {
            return None;
        }
        // SAFETY: R1: not at the end, so there is a whole slot.
        self.cursor.set(unsafe { cursor.add(slot.size()) });
        Some(cursor)
    }

    /// Moves up to `count` slots to `other`, which is empty; returns how many.
    pub(crate) fn split_to(&self, other: &Self, slot: SlotLayout, count: usize) -> usize {
        let count = count.min(self.count(slot));
        let start = self.cursor.get();
        // SAFETY: R1: so many slots are there.
        let end = unsafe { start.add(count * slot.size()) };
        self.cursor.set(end);
        other.cursor.set(start);
        other.end.set(end);
        count
    }

    /// Replaces the row by `count` slots at `start`.
    ///
    /// # Safety
    ///
    /// R1 for them, and the caller gives them up.
    pub(crate) unsafe fn set(&self, start: NonNull<u8>, slot: SlotLayout, count: usize) {
        self.cursor.set(start);
        // SAFETY: so many slots are there (caller).
        self.end.set(unsafe { start.add(count * slot.size()) });
    }

    /// How many are left.
    pub(crate) fn count(&self, slot: SlotLayout) -> usize {
        (self.end.get().addr().get() - self.cursor.get().addr().get()) / slot.size()
    }

    /// The slots that are left, as long as none is taken.
    pub(crate) fn iter(&self, slot: SlotLayout) -> impl Iterator<Item = NonNull<u8>> {
        let start = self.cursor.get();
        // SAFETY: R1: so many slots are there.
        (0..self.count(slot)).map(move |nth| unsafe { start.add(nth * slot.size()) })
    }

    /// Forgets the row.
    pub(crate) fn clear(&self) {
        self.cursor.set(self.end.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(size: usize, align: usize, least: usize) -> (usize, usize) {
        let layout = Layout::from_size_align(size, align).unwrap();
        let slot = SlotLayout::new(layout, Alignment::new(least).unwrap());
        (slot.size(), slot.align())
    }

    #[test]
    fn a_block_is_a_whole_slot_or_nothing() {
        let slot = SlotLayout::new(Layout::new::<[usize; 3]>(), Alignment::of::<u8>());
        let mut memory = [0_usize; 3];
        let mut block =
            |layout| slot.block(layout, || Ok(NonNull::from(&mut memory).cast())).map(|block| block.len());
        let (fits, large) = (Layout::new::<u8>(), Layout::new::<[usize; 4]>());
        assert_eq!((block(fits), block(large)), (Ok(slot.size()), Err(AllocError)));
        let none = Layout::from_size_align(0, 4096).unwrap();
        assert_eq!((block(none), slot.usable(none), slot.usable(fits)), (Ok(0), 0, slot.size()));
    }

    #[test]
    fn slots_hold_a_pointer_and_are_rounded_to_their_alignment() {
        let word = size_of::<usize>();
        for size in [0, 1, word] {
            assert_eq!(slot(size, 1, 1), (word, word));
        }
        assert_eq!(slot(12, 4, 1), (12_usize.next_multiple_of(word), word));
        assert_eq!(slot(12, 4, 64), (64, 64));
        assert_eq!(slot(4096, 4096, 16), (4096, 4096));
        let (absurd, align) = slot(isize::MAX as usize, 1, 1 << (usize::BITS - 1));
        assert_eq!((absurd, absurd % align), (1 << (usize::BITS - 1), 0));
    }

    #[test]
    fn the_front_of_a_list_moves_in_order() {
        let mut words = [[0usize; 2]; 5];
        let base = NonNull::from(&mut words).cast::<u8>();
        let (from, to) = (FreeSlots::new(), FreeSlots::new());
        for nth in 0..5 {
            // SAFETY: five slots of two words, each pushed once.
            unsafe { from.push(base.add(nth * size_of::<[usize; 2]>())) };
        }
        let order: [_; 5] = core::array::from_fn(|nth| from.iter().nth(nth).unwrap());
        assert_eq!((from.split_to(&to, 0), from.split_to(&to, 2)), (0, 2));
        assert!(to.iter().eq(order[..2].iter().copied()) && from.iter().eq(order[2..].iter().copied()));
        assert_eq!(from.split_to(&to, 9), 3);
        assert_eq!((from.pop(), to.iter().count(), to.pop()), (None, 5, Some(order[2])));
    }
}
