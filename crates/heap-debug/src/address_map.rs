//! From any address to the record of the memory it lies in: two loads, no lock, nothing taken from the caller's word.
//!
//! A table of tables over the pages of the address space, of which only the touched parts have memory. `None` for an
//! address that was never ours: it is not dereferenced.

use core::ptr::{self, NonNull};

use heap_os::pages::{self, HugePages};

use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// Bytes of a granule, the map's unit: each belongs to one record at most. The smallest page of any target.
pub(crate) const GRANULE: usize = 4096;

/// Bits of an address that a client can hold: 48 on 64-bit systems (more only on explicit demand, which is never made).
const ADDRESS_BITS: u32 = if usize::BITS >= 64 { 48 } else { usize::BITS };
const PAGE_BITS: u32 = ADDRESS_BITS - GRANULE.ilog2();
const LEAF_BITS: u32 = PAGE_BITS / 2;
const LEAVES: usize = 1 << (PAGE_BITS - LEAF_BITS);
const ENTRIES: usize = 1 << LEAF_BITS;

type Leaf<T> = [AtomicPtr<T>; ENTRIES];

/// The map.
///
/// # Invariants
///
/// - **M0** All zero is an empty map.
/// - **M1** `root` is null or a mapping of `LEAVES` pointers; each of them null or a mapping of a [`Leaf`]. Once set
///   they do not change until `release`.
/// - **M2** Every leaf's index is below `end`, and at least `LEAVES - below`: the rest of the root was never touched.
pub(crate) struct AddressMap<T> {
    root: AtomicPtr<AtomicPtr<Leaf<T>>>,
    end: AtomicUsize,
    below: AtomicUsize,
}

impl<T> AddressMap<T> {
    pub(crate) const fn new() -> Self {
        Self { root: AtomicPtr::new(ptr::null_mut()), end: AtomicUsize::new(0), below: AtomicUsize::new(0) }
    }

    /// The record that `addr` was last set to; null for none.
    #[inline]
    pub(crate) fn get(&self, addr: usize) -> *const T {
        // Acquire pairs with the release in `set`: the record is written, then published.
        self.entry(addr).map_or(ptr::null(), |entry| entry.load(Ordering::Acquire))
    }

    /// Where the record of `addr` stands, now and later; `None` while nothing near it was ever set.
    #[inline]
    pub(crate) fn entry(&self, addr: usize) -> Option<&AtomicPtr<T>> {
        let page = addr / GRANULE;
        if page >> PAGE_BITS != 0 {
            return None;
        }
        // Acquire in both loads pairs with the release in `leaf` and `table`: the tables are zero, then published.
        let root = self.root.load(Ordering::Acquire);
        if root.is_null() {
            return None;
        }
        // SAFETY: M1, and the index is below `LEAVES`.
        let leaf = unsafe { &*root.add(page >> LEAF_BITS) }.load(Ordering::Acquire);
        if leaf.is_null() {
            return None;
        }
        // SAFETY: M1.
        let leaf = unsafe { &*leaf };
        Some(&leaf[page & (ENTRIES - 1)])
    }

    /// Sets the granules of `[addr, addr + len)` to a record. `None`: no memory for the tables, nothing has changed.
    pub(crate) fn set(&self, addr: usize, len: usize, record: *const T) -> Option<()> {
        let (first, end) = (addr / GRANULE, addr.checked_add(len)?.div_ceil(GRANULE));
        if end > 1 << PAGE_BITS {
            return None;
        }
        for index in first >> LEAF_BITS..=(end - 1) >> LEAF_BITS {
            self.leaf(index)?;
        }
        for page in first..end {
            let leaf = self.leaf(page >> LEAF_BITS)?;
            // Release pairs with the acquire in `get`.
            leaf[page & (ENTRIES - 1)].store(record.cast_mut(), Ordering::Release);
        }
        Some(())
    }

    /// Forgets a record wherever it still stands in the range.
    pub(crate) fn clear(&self, addr: usize, len: usize, record: *const T) {
        // Addresses beyond the map were never set.
        let end = addr.saturating_add(len).div_ceil(GRANULE).min(1 << PAGE_BITS);
        for page in addr / GRANULE..end {
            if let Some(leaf) = self.leaf(page >> LEAF_BITS) {
                let entry = &leaf[page & (ENTRIES - 1)];
                // Fails where another record took the granule over, which is right. Nothing is ordered by a null.
                let _ = entry.compare_exchange(
                    record.cast_mut(),
                    ptr::null_mut(),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
            }
        }
    }

    fn leaf(&self, index: usize) -> Option<&Leaf<T>> {
        let root = table(&self.root, LEAVES * size_of::<AtomicPtr<Leaf<T>>>())?;
        // SAFETY: M1; callers' pages are below `1 << PAGE_BITS`.
        let entry = unsafe { root.add(index).as_ref() };
        if entry.load(Ordering::Relaxed).is_null() {
            // Relaxed: read by `release` only, when no other thread uses the map. Establishes M2.
            self.end.fetch_max(index + 1, Ordering::Relaxed);
            self.below.fetch_max(LEAVES - index, Ordering::Relaxed);
        }
        let leaf = table(entry, size_of::<Leaf<T>>())?;
        // SAFETY: M1: mapped, zero is a null pointer in each entry, and shared access is atomic.
        Some(unsafe { leaf.as_ref() })
    }

    /// Gives the tables back.
    ///
    /// # Safety
    ///
    /// No other thread uses the map any more.
    pub(crate) unsafe fn release(&self) {
        let Some(root) = NonNull::new(self.root.swap(ptr::null_mut(), Ordering::Relaxed)) else { return };
        // M2
        for index in LEAVES - self.below.load(Ordering::Relaxed)..self.end.load(Ordering::Relaxed) {
            // SAFETY: M1.
            let leaf = unsafe { root.add(index).as_ref() }.load(Ordering::Relaxed);
            if let Some(leaf) = NonNull::new(leaf) {
                // SAFETY: M1: a whole mapping that nobody uses (caller). A refusal leaks it.
                let _ = unsafe { pages::unmap(leaf.cast(), round(size_of::<Leaf<T>>())) };
            }
        }
        // SAFETY: as above.
        let _ = unsafe { pages::unmap(root.cast(), round(LEAVES * size_of::<usize>())) };
    }
}

/// The table behind `entry`, made if it is not there yet.
fn table<U>(entry: &AtomicPtr<U>, len: usize) -> Option<NonNull<U>> {
    // Acquire pairs with the release below.
    if let Some(table) = NonNull::new(entry.load(Ordering::Acquire)) {
        return Some(table);
    }
    let fresh = pages::map(round(len)).ok()?;
    // Tables are sparse: a huge page for one entry would be most of the allocator's memory. Advice only.
    // SAFETY: just mapped, whole.
    let _ = unsafe { pages::advise_huge(fresh, round(len), HugePages::Off) };
    let fresh = fresh.cast::<U>();
    match entry.compare_exchange(ptr::null_mut(), fresh.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => Some(fresh),
        Err(winner) => {
            // SAFETY: whole, and never published: another thread was faster.
            let _ = unsafe { pages::unmap(fresh.cast(), round(len)) };
            NonNull::new(winner)
        }
    }
}

fn round(len: usize) -> usize {
    len.next_multiple_of(pages::page_size())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_granule_leads_to_its_record() {
        let map = AddressMap::<u8>::new();
        let (a, b) = (1_u8, 2_u8);
        let base = (3 << 30) - 2 * GRANULE;
        assert!(map.get(base).is_null() && map.get(usize::MAX).is_null());
        map.set(base, 4 * GRANULE, &raw const a).unwrap();
        map.set(base + 3 * GRANULE, GRANULE, &raw const b).unwrap();
        assert_eq!(map.get(base + 3 * GRANULE - 1), &raw const a);
        assert_eq!(map.get(base + 3 * GRANULE), &raw const b);
        map.clear(base, 4 * GRANULE, &raw const a);
        assert!(map.get(base).is_null());
        assert_eq!(map.get(base + 4 * GRANULE - 1), &raw const b);
        map.clear(usize::MAX - 2 * GRANULE, GRANULE, &raw const a);
        // The last addresses of 64 bits are nobody's; those of 32 bits may be a program's.
        let last = map.set(usize::MAX - 2 * GRANULE + 1, GRANULE, &raw const a);
        assert_eq!(last.is_none(), usize::BITS >= 64);
        // SAFETY: the map is used by this test alone.
        unsafe { map.release() };
    }
}
