//! A slab: one block of the child, cut into slots, and lists of such.
//!
//! ```text
//! | slot 0 | slot 1 | … | slot count-1 | header | one bit a slot | unused |
//! ^ base, aligned as the slots are
//! ```
//!
//! The bits are only touched where somebody asks for them: by checks in debug builds, and by iteration.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::slot::SlotLayout;

/// What stands behind the slots.
struct Header {
    next: Cell<Option<Slab>>,
    base: NonNull<u8>,
    /// How many slots there are.
    count: usize,
    /// Bytes of the child's block.
    size: usize,
}

const WORD: usize = size_of::<usize>();
const BITS: usize = usize::BITS as usize;

/// A slab, by the address of its header.
///
/// # Invariants
///
/// While it is live, that is from [`Slab::create`] to [`Slab::free`]:
///
/// - **S1** `base` is a live block of the pool's child, with the layout of `size` bytes at the slots' alignment.
/// - **S2** It holds `count` slots, behind them the header, behind that a word for each [`BITS`] slots or fewer.
/// - **S3** `next` is live too.
///
/// The methods need a live slab and the [`SlotLayout`] that it was created with: that is what their `# Safety` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slab(NonNull<Header>);

impl Slab {
    /// Gets a slab of `count` slots from the child; with `more`, of as many as the child's block has room for.
    ///
    /// # Errors
    ///
    /// The child's; and when the size is no layout's.
    pub(crate) fn create<A: Allocator>(
        child: &A,
        slot: SlotLayout,
        count: usize,
        more: bool,
    ) -> Result<Self, AllocError> {
        let size = size_for(slot, count).ok_or(AllocError)?;
        let layout = Layout::from_size_align(size, slot.align()).map_err(|_| AllocError)?;
        let block = child.alloc(layout)?;
        // More than this is no layout's size.
        let given = block.len().min(isize::MAX as usize & !(slot.align() - 1));
        let (base, size) = (block.cast::<u8>(), if more { size.max(given) } else { size });
        let count = if more { count.max(count_within(slot, size)) } else { count };
        // SAFETY: A1, A2, and S2, by `size_for` or `count_within`: the header lies within the block, behind whole slots, so
        // it is aligned (Z1, Z2).
        let header = unsafe { base.add(count * slot.size()) }.cast::<Header>();
        // SAFETY: as above.
        unsafe { header.write(Header { next: Cell::new(None), base, count, size }) };
        Ok(Self(header))
    }

    /// # Safety
    ///
    /// The slab is live for as long as the header is borrowed.
    #[inline]
    unsafe fn header<'live>(self) -> &'live Header {
        // SAFETY: S2. Of what changes there are shared references only.
        unsafe { self.0.as_ref() }
    }

    /// The first slot.
    ///
    /// # Safety
    ///
    /// The slab is live.
    pub(crate) unsafe fn base(self) -> NonNull<u8> {
        // SAFETY: the caller's promise.
        unsafe { self.header() }.base
    }

    /// How many slots there are.
    ///
    /// # Safety
    ///
    /// The slab is live.
    pub(crate) unsafe fn count(self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.header() }.count
    }

    /// How far behind the first slot an address lies, in bytes. `None`: not in a slot of this slab.
    ///
    /// # Safety
    ///
    /// The slab is live.
    pub(crate) unsafe fn offset_of(self, addr: usize) -> Option<usize> {
        // SAFETY: the caller's promise. The header stands where the slots end (S2).
        let base = unsafe { self.base() }.addr().get();
        (base..self.0.addr().get()).contains(&addr).then(|| addr - base)
    }

    /// The word of bits with the given number.
    ///
    /// # Safety
    ///
    /// The slab is live, and has so many words (S2).
    unsafe fn word(self, nth: usize) -> NonNull<usize> {
        // The bits lie behind the header: reached from the block's own pointer, which covers them.
        // SAFETY: S2.
        unsafe {
            let behind = self.0.addr().get() - self.base().addr().get() + size_of::<Header>();
            self.base().add(behind + nth * WORD).cast()
        }
    }

    /// Sets the bits of the first `set` slots, and clears the others. O(count).
    ///
    /// # Safety
    ///
    /// The slab is live.
    pub(crate) unsafe fn fill_bits(self, set: usize) {
        // SAFETY: the caller's promise.
        let words = unsafe { self.count() }.div_ceil(BITS);
        for nth in 0..words {
            let within = set.saturating_sub(nth * BITS).min(BITS);
            let bits = if within == BITS { usize::MAX } else { (1 << within) - 1 };
            // SAFETY: S2: the word is there.
            unsafe { self.word(nth).write(bits) };
        }
    }

    /// Changes the bit of one slot, and returns what it was.
    ///
    /// # Safety
    ///
    /// The slab is live and its bits are filled; `index < count`.
    pub(crate) unsafe fn replace_bit(self, index: usize, set: bool) -> bool {
        // SAFETY: the caller's promise, S2.
        let word = unsafe { self.word(index / BITS) };
        let bit = 1 << (index % BITS);
        // SAFETY: filled before, and nobody else's.
        unsafe {
            let old = word.read();
            word.write(if set { old | bit } else { old & !bit });
            old & bit != 0
        }
    }

    /// The first slot from `index` on whose bit is set.
    ///
    /// # Safety
    ///
    /// The slab is live and its bits are filled.
    pub(crate) unsafe fn next_bit(self, index: usize) -> Option<usize> {
        // SAFETY: the caller's promise.
        let words = unsafe { self.count() }.div_ceil(BITS);
        let mut mask = usize::MAX << (index % BITS);
        for nth in index / BITS..words {
            // SAFETY: S2, and filled before.
            let bits = unsafe { self.word(nth).read() } & mask;
            if bits != 0 {
                return Some(nth * BITS + bits.trailing_zeros() as usize);
            }
            mask = usize::MAX;
        }
        None
    }

    /// Gives the slab back to the child.
    ///
    /// # Safety
    ///
    /// The slab is live, none of its slots is used, and neither is it from now on.
    pub(crate) unsafe fn free<A: Allocator>(self, child: &A, slot: SlotLayout) {
        // SAFETY: S1: this layout was asked for, or has a size between that and what was returned; the caller's promise.
        unsafe {
            let Header { base, size, .. } = self.0.read();
            child.free(base, Layout::from_size_align_unchecked(size, slot.align()));
        }
    }
}

/// Bytes of a slab of `count` slots.
fn size_for(slot: SlotLayout, count: usize) -> Option<usize> {
    let bits = count.div_ceil(BITS) * WORD;
    slot.size().checked_mul(count)?.checked_add(size_of::<Header>() + bits)
}

/// How many slots a slab of `size` bytes has room for, or a few less; `size` bytes hold a header.
fn count_within(slot: SlotLayout, size: usize) -> usize {
    let room = size - size_of::<Header>();
    let bits = (room / slot.size()).div_ceil(BITS) * WORD;
    room.saturating_sub(bits) / slot.size()
}

/// Slabs, the last one pushed first.
///
/// # Invariants
///
/// - **L1** All are live, and on this list only.
#[derive(Debug)]
pub(crate) struct SlabList {
    head: Cell<Option<Slab>>,
}

impl SlabList {
    pub(crate) const fn new() -> Self {
        Self { head: Cell::new(None) }
    }

    /// The slab that was pushed last.
    pub(crate) fn first(&self) -> Option<Slab> {
        self.head.get()
    }

    pub(crate) fn pop(&self) -> Option<Slab> {
        let slab = self.head.get()?;
        // SAFETY: L1.
        self.head.set(unsafe { slab.header() }.next.take());
        Some(slab)
    }

    /// Puts a slab on the list.
    ///
    /// # Safety
    ///
    /// It is live, on no list, and the caller gives it up (L1).
    pub(crate) unsafe fn push(&self, slab: Slab) {
        // SAFETY: live (caller).
        unsafe { slab.header() }.next.set(self.head.replace(Some(slab)));
    }

    /// The slabs, as long as the list does not change.
    pub(crate) fn iter(&self) -> Slabs {
        Slabs { next: self.head.get() }
    }
}

/// The slabs of a [`SlabList`], which does not change meanwhile.
#[derive(Debug)]
pub(crate) struct Slabs {
    next: Option<Slab>,
}

impl Iterator for Slabs {
    type Item = Slab;

    fn next(&mut self) -> Option<Slab> {
        let slab = self.next?;
        // SAFETY: L1, S3.
        self.next = unsafe { slab.header() }.next.get();
        Some(slab)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heap_core::Alignment;

    #[test]
    fn a_size_has_room_for_the_slots_it_was_made_for() {
        for (size, align) in [(1, 1), (24, 8), (100, 4), (48, 16), (4096, 4096)] {
            let layout = Layout::from_size_align(size, align).unwrap();
            let slot = SlotLayout::new(layout, Alignment::of::<u8>());
            for count in [1, 8, 63, 64, 65, 1000] {
                let bytes = size_for(slot, count).unwrap();
                let within = count_within(slot, bytes);
                assert!(within <= count && count - within <= count / 32 + 1, "{size}: {count} {within}");
                for more in [0, 1, 7, 100, 5000] {
                    let most = count_within(slot, bytes + more).max(count);
                    assert!(size_for(slot, most).unwrap() <= bytes + more);
                }
            }
        }
    }
}
