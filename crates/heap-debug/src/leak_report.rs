//! [`LeakReport`]: what is live, grouped by where it was allocated, largest first.

use core::fmt;
use core::ptr::NonNull;

use heap_os::pages;

use crate::span::Slot;
use crate::trace::Trace;

/// Kinds of blocks without a trace that are told apart, by size and alignment; the rest are one.
const UNTRACED: usize = 64;
/// Sites of a report's first piece of memory; it doubles from there.
const SITES: usize = 64;

/// Blocks that were allocated at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeakSite {
    /// Where. Blocks without a trace are grouped by their size and alignment.
    pub allocated: Trace,
    /// How many.
    pub blocks: usize,
    /// Their requested bytes in all.
    pub bytes: usize,
    /// Address of one of them,
    pub addr: usize,
    /// its requested size in bytes,
    pub size: usize,
    /// and its alignment in bytes.
    pub align: usize,
}

/// Live blocks by site. Its memory is pages of its own, so making one changes nothing in any allocator.
///
/// # Invariants
///
/// - **R1** `sites` is dangling, or a mapping with room for `capacity` sites; the first `len` are written.
pub struct LeakReport {
    sites: NonNull<LeakSite>,
    len: usize,
    capacity: usize,
    blocks: usize,
    bytes: usize,
}

// SAFETY: the report owns its mapping, of plain data.
unsafe impl Send for LeakReport {}
// SAFETY: as above; shared access only reads.
unsafe impl Sync for LeakReport {}

impl LeakReport {
    pub(crate) const fn new() -> Self {
        Self { sites: NonNull::dangling(), len: 0, capacity: 0, blocks: 0, bytes: 0 }
    }

    /// The sites, by bytes, largest first.
    #[must_use]
    pub fn sites(&self) -> &[LeakSite] {
        // SAFETY: R1.
        unsafe { core::slice::from_raw_parts(self.sites.as_ptr(), self.len) }
    }

    pub(crate) fn sites_mut(&mut self) -> &mut [LeakSite] {
        // SAFETY: R1.
        unsafe { core::slice::from_raw_parts_mut(self.sites.as_ptr(), self.len) }
    }

    /// How many blocks are live.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    /// Their requested bytes in all.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing is live.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.blocks == 0
    }

    fn bytes_for(capacity: usize) -> usize {
        (capacity * size_of::<LeakSite>()).next_multiple_of(pages::page_size())
    }

    /// A new site; `None` without memory for it.
    fn push(&mut self, site: LeakSite) -> Option<usize> {
        if self.len == self.capacity {
            let capacity = (2 * self.capacity).max(SITES);
            let fresh = pages::map(Self::bytes_for(capacity)).ok()?.cast::<LeakSite>();
            // SAFETY: R1, and the new mapping is larger.
            unsafe { fresh.copy_from_nonoverlapping(self.sites, self.len) };
            self.unmap();
            (self.sites, self.capacity) = (fresh, capacity);
        }
        // SAFETY: R1: `len < capacity`.
        unsafe { self.sites.add(self.len).write(site) };
        self.len += 1;
        Some(self.len - 1)
    }

    fn unmap(&mut self) {
        if self.capacity != 0 {
            // SAFETY: R1: a whole mapping. A refusal leaks it.
            let _ = unsafe { pages::unmap(self.sites.cast(), Self::bytes_for(self.capacity)) };
        }
    }

    /// Counts a live block. `index` finds the site of a trace: its place plus one.
    pub(crate) fn count(&mut self, slot: &Slot<'_>, index: &mut [u32]) {
        let (meta, place) = (slot.meta(), slot.place());
        let (size, align, allocated) = (place.size, meta.align(), meta.allocated);
        self.blocks += 1;
        self.bytes += size;
        let known = match index.get(allocated.id() as usize) {
            Some(&place) if !allocated.is_none() => (place != 0).then(|| place as usize - 1),
            _ => self.find_untraced(size, align),
        };
        let addr = place.addr();
        let site = LeakSite { allocated, blocks: 0, bytes: 0, addr, size, align };
        let Some(place) = known.or_else(|| self.push(site)) else { return };
        if let Some(entry) = index.get_mut(allocated.id() as usize) {
            *entry = place as u32 + 1;
        }
        let site = &mut self.sites_mut()[place];
        site.blocks += 1;
        site.bytes += size;
    }

    fn find_untraced(&self, size: usize, align: usize) -> Option<usize> {
        let untraced = || self.sites().iter().enumerate().filter(|(_, site)| site.allocated.is_none());
        let like = untraced().find(|(_, site)| site.size == size && site.align == align);
        let any = || if untraced().count() >= UNTRACED { untraced().next_back() } else { None };
        like.or_else(any).map(|(place, _)| place)
    }
}

impl Drop for LeakReport {
    fn drop(&mut self) {
        self.unmap();
    }
}

impl fmt::Debug for LeakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeakReport")
            .field("blocks", &self.blocks)
            .field("bytes", &self.bytes)
            .field("sites", &self.sites())
            .finish()
    }
}
