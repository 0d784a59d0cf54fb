//! [`Shadow`]: a second set of books beside an allocator, kept by address and never touching the memory.
#![forbid(unsafe_code)]

use core::alloc::Layout;
use std::collections::BTreeMap;

use heap_core::contract::zero_sized;

use crate::fault::Fault;

/// The books of the live blocks of one allocator.
///
/// It only compares numbers: an address that it is told may be wrong in any way. Every operation is
/// O(log n) in the number of live blocks. Zero-sized blocks are checked and not entered, as they take no memory.
///
/// # Invariants
///
/// - **S1** No two entries share a byte.
/// - **S2** An entry's address is a multiple of its alignment, and its usable length is at least its size.
///
/// ```
/// use core::alloc::Layout;
/// use heap_test::{Fault, Shadow};
/// let (mut shadow, layout) = (Shadow::new(), Layout::new::<u64>());
/// shadow.insert(0x1000, 8, layout)?;
/// assert!(matches!(shadow.insert(0x1000, 8, layout), Err(Fault::Overlap { .. })));
/// shadow.remove(0x1000, layout)?;
/// assert_eq!(shadow.remove(0x1000, layout), Err(Fault::NotLive { addr: 0x1000 }));
/// # Ok::<(), Fault>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    live: BTreeMap<usize, Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    layout: Layout,
    usable: usize,
}

impl Shadow {
    /// Empty books.
    #[must_use]
    pub const fn new() -> Self {
        Self { live: BTreeMap::new() }
    }

    /// How many blocks with memory are live.
    #[must_use]
    pub fn live_count(&self) -> usize {
        self.live.len()
    }

    /// The requested bytes of all live blocks. Complexity O(n).
    #[must_use]
    pub fn live_bytes(&self) -> usize {
        self.live.values().map(|entry| entry.layout.size()).sum()
    }

    /// The live blocks in order of address, with the layouts that the client holds for them.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Layout)> {
        self.live.iter().map(|(&addr, entry)| (addr, entry.layout))
    }

    /// Enters a block of `len` bytes at `addr` that answered a request for `layout`.
    ///
    /// # Errors
    ///
    /// The promise that the block breaks: alignment, length, overlap. The books are unchanged then.
    pub fn insert(&mut self, addr: usize, len: usize, layout: Layout) -> Result<(), Fault> {
        well_formed(addr, len, layout)?;
        if layout.size() == 0 {
            return Ok(());
        }
        // S1: of all entries that start before our end, only the last can reach into us.
        let end = addr.saturating_add(len);
        if let Some((&other, entry)) = self.live.range(..end).next_back()
            && other.saturating_add(entry.usable) > addr
        {
            return Err(Fault::Overlap { addr, len, other, other_len: entry.usable });
        }
        self.live.insert(addr, Entry { layout, usable: len });
        Ok(())
    }

    /// Whether `layout` fits the live block at `addr`: what a client must pass back.
    ///
    /// # Errors
    ///
    /// [`Fault::NotLive`], [`Fault::WrongAlign`] or [`Fault::WrongSize`].
    pub fn fits(&self, addr: usize, layout: Layout) -> Result<(), Fault> {
        let given = layout.size();
        if given == 0 && !self.live.contains_key(&addr) {
            return Ok(());
        }
        let Entry { layout: held, usable } = *self.live.get(&addr).ok_or(Fault::NotLive { addr })?;
        if layout.align() != held.align() {
            return Err(Fault::WrongAlign { addr, given: layout.align(), requested: held.align() });
        }
        if !(held.size()..=usable).contains(&given) {
            return Err(Fault::WrongSize { addr, given, requested: held.size(), usable });
        }
        Ok(())
    }

    /// Strikes out the block at `addr`.
    ///
    /// # Errors
    ///
    /// As for [`fits`](Self::fits); the books are unchanged then.
    pub fn remove(&mut self, addr: usize, layout: Layout) -> Result<(), Fault> {
        self.fits(addr, layout)?;
        self.live.remove(&addr);
        Ok(())
    }

    /// Enters that the block at `addr` is now `len` bytes at `to`, for a client that holds `new` for it.
    ///
    /// # Errors
    ///
    /// As for [`remove`](Self::remove) and [`insert`](Self::insert). When the new block is at fault, the old
    /// one is struck out already.
    pub fn replace(
        &mut self,
        addr: usize,
        old: Layout,
        to: usize,
        len: usize,
        new: Layout,
    ) -> Result<(), Fault> {
        self.remove(addr, old)?;
        self.insert(to, len, new)
    }
}

/// Whether a result answers its request: alignment, length, and dangling when the size is zero (A2, A3).
pub(crate) fn well_formed(addr: usize, len: usize, layout: Layout) -> Result<(), Fault> {
    if !addr.is_multiple_of(layout.align()) {
        return Err(Fault::Misaligned { addr, layout });
    }
    if layout.size() == 0 {
        let none = zero_sized(layout);
        if len != 0 || addr != none.cast::<u8>().addr().get() {
            return Err(Fault::WrongLength { addr, len, layout });
        }
    }
    if len < layout.size() { Err(Fault::WrongLength { addr, len, layout }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn every_kind_of_overlap_is_seen_and_neighbours_are_not() {
        let mut shadow = Shadow::new();
        shadow.insert(1000, 100, layout(100, 8)).unwrap();
        for (addr, len) in [(1000, 100), (992, 9), (1099, 1), (1050, 10), (900, 1000), (1096, 100)] {
            let found = shadow.insert(addr, len, layout(len, 1));
            assert_eq!(found, Err(Fault::Overlap { addr, len, other: 1000, other_len: 100 }));
        }
        shadow.insert(900, 100, layout(100, 1)).unwrap();
        shadow.insert(1100, 100, layout(100, 1)).unwrap();
        assert_eq!((shadow.live_count(), shadow.live_bytes()), (3, 300));
    }

    #[test]
    fn only_sizes_from_requested_to_usable_fit() {
        let mut shadow = Shadow::new();
        shadow.insert(64, 16, layout(10, 8)).unwrap();
        for size in 1..20 {
            assert_eq!(shadow.fits(64, layout(size, 8)).is_ok(), (10..=16).contains(&size), "{size}");
        }
        let wrong = shadow.remove(64, layout(10, 4));
        assert_eq!(wrong, Err(Fault::WrongAlign { addr: 64, given: 4, requested: 8 }));
        assert_eq!(shadow.remove(72, layout(10, 8)), Err(Fault::NotLive { addr: 72 }));
    }

    #[test]
    fn zero_sized_blocks_must_be_dangling_and_are_not_entered() {
        let mut shadow = Shadow::new();
        shadow.insert(16, 0, layout(0, 16)).unwrap();
        shadow.insert(16, 0, layout(0, 16)).unwrap();
        shadow.remove(16, layout(0, 16)).unwrap();
        assert!(matches!(shadow.insert(32, 0, layout(0, 16)), Err(Fault::WrongLength { .. })));
        assert!(matches!(shadow.insert(16, 8, layout(0, 16)), Err(Fault::WrongLength { .. })));
        assert_eq!(shadow.live_count(), 0);
    }
}
