//! The list of a span heap's segments, with what is known of each.
//!
//! It lies behind the books of the heap's first segment, in the same mapping: a heap that is not used costs a few words, and
//! of the list only the pages that say something are touched.

use core::ptr::{self, NonNull};
use core::slice;

use crate::config::UNIT;
use crate::segment::Segment;

/// Segments at the most: one TiB where a segment is 32 MiB. Larger blocks have mappings of their own and do not count.
pub(crate) const SEGMENTS: usize = if usize::BITS >= 64 { 32 << 10 } else { 1 << 10 };

/// What a search needs to know of a segment before it looks at its maps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) free: u16,
    pub(crate) dirty: u16,
    /// No run of free units is longer.
    pub(crate) longest: u16,
    /// No run of free and dirty units is longer.
    pub(crate) longest_dirty: u16,
}

/// A segment, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) segment: &'static Segment,
    pub(crate) summary: Summary,
}

/// Bytes of the list.
pub(super) const TABLE: usize = (SEGMENTS * size_of::<Entry>()).next_multiple_of(UNIT);

/// The list.
///
/// # Invariants
///
/// - **E1** `first` is null, and `count` zero; or `first` points to room for [`SEGMENTS`] entries that is this list's alone and stays
///   mapped, and the first `count` of them are written.
#[derive(Debug)]
pub(super) struct Table {
    first: *mut Entry,
    count: usize,
}

// SAFETY: E1: the entries are the list's alone, whoever has it.
unsafe impl Send for Table {}

impl Table {
    /// An empty list without room.
    pub(super) const fn new() -> Self {
        Self { first: ptr::null_mut(), count: 0 }
    }

    /// Whether there is room for entries.
    pub(super) fn has_room(&self) -> bool {
        !self.first.is_null() && self.count < SEGMENTS
    }

    /// Whether the list never had room.
    pub(super) fn is_new(&self) -> bool {
        self.first.is_null()
    }

    /// Gives a new list its room.
    ///
    /// # Safety
    ///
    /// `at` is aligned as an entry, [`TABLE`] bytes from there are writable, the list's alone from now on, and never unmapped.
    pub(super) unsafe fn settle(&mut self, at: NonNull<Entry>) {
        self.first = at.as_ptr();
    }

    /// Adds a segment without free units. The list [has room](Self::has_room).
    pub(super) fn push(&mut self, segment: &'static Segment) {
        debug_assert!(self.has_room());
        let summary = Summary { free: 0, dirty: 0, longest: 0, longest_dirty: 0 };
        // SAFETY: E1: there is room for another entry.
        unsafe { self.first.add(self.count).write(Entry { segment, summary }) };
        self.count += 1;
    }

    /// Segments.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn entries(&self) -> &[Entry] {
        if self.first.is_null() {
            return &[];
        }
        // SAFETY: E1, and the borrow of the list.
        unsafe { slice::from_raw_parts(self.first, self.count) }
    }

    pub(super) fn entries_mut(&mut self) -> &mut [Entry] {
        if self.first.is_null() {
            return &mut [];
        }
        // SAFETY: E1, and the exclusive borrow of the list.
        unsafe { slice::from_raw_parts_mut(self.first, self.count) }
    }

    /// What is known of the `index`-th segment.
    #[inline]
    pub(super) fn summary(&mut self, index: usize) -> &mut Summary {
        assert!(index < self.count, "H1: every segment of the heap is listed");
        // SAFETY: E1: so many entries are written; the exclusive borrow of the list.
        unsafe { &mut (*self.first.add(index)).summary }
    }
}
