//! Where units come from: whole segments from the system, or, where it refuses so much, pieces of one.

use core::num::NonZero;
use core::ptr::NonNull;

use heap_os::pages;

use super::SpanHeap;
use super::table::TABLE;
use crate::bits;
use crate::config::{SEGMENT, UNIT};
use crate::directory::{Directory, Owner};
use crate::segment::Segment;

/// Bytes of a segment's books.
const BOOKS: usize = size_of::<Segment>().next_multiple_of(UNIT);
/// What is asked for when the system refuses a whole segment, in this order.
const PIECES: [usize; 3] = [SEGMENT / 8, SEGMENT / 32, 8 * UNIT];

/// What became of fresh memory.
#[derive(Debug)]
pub(crate) enum Grown {
    /// The heap has it.
    Here,
    /// It lies in the stretch of another heap's segment, which adopts it.
    Elsewhere(Piece),
}

/// Fresh memory, in whole units of one segment's stretch. Whoever has it sees to it that it is adopted.
#[derive(Debug)]
pub(crate) struct Piece {
    segment: &'static Segment,
    unit: usize,
    units: usize,
}

impl Piece {
    /// The heap that adopts it.
    pub(crate) fn heap(&self) -> usize {
        self.segment.heap()
    }
}

impl SpanHeap {
    /// Gets more units from the system: a segment, or, where it refuses so much, a small piece of one, but no smaller
    /// than `units`.
    pub(super) fn grow(&mut self, directory: &Directory, units: usize) -> Option<()> {
        if self.grow_whole(directory) {
            return Some(());
        }
        // H4: of a heap that is the only one all segments are.
        matches!(self.grow_piece(directory, units)?, Grown::Here).then_some(())
    }

    /// Gets a segment from the system.
    pub(crate) fn grow_whole(&mut self, directory: &Directory) -> bool {
        let Ok(base) = pages::map_aligned(SEGMENT, SEGMENT) else { return false };
        if matches!(self.adopt(directory, base, SEGMENT), Some(Grown::Here)) {
            return true;
        }
        // SAFETY: mapped just above with this length, and unused. If it stays mapped, it was never touched.
        let _ = unsafe { pages::unmap(base, SEGMENT) };
        false
    }

    /// Gets a piece of a segment from the system, no smaller than `units`.
    #[cold]
    pub(crate) fn grow_piece(&mut self, directory: &Directory, units: usize) -> Option<Grown> {
        // A piece too small for the request would be taken from others for nothing. Its first unit may not be whole.
        let large_enough = |len: &&usize| **len / UNIT > units;
        PIECES.iter().filter(large_enough).find_map(|&len| self.grow_by(directory, len))
    }

    fn grow_by(&mut self, directory: &Directory, len: usize) -> Option<Grown> {
        let base = pages::map(len).ok()?;
        let first = base.addr().get().next_multiple_of(UNIT);
        // Only the part in the first stretch, in whole units.
        let rest = (len - (first - base.addr().get())).min(SEGMENT - first % SEGMENT) & !(UNIT - 1);
        if rest > 0 {
            let start = base.with_addr(NonZero::new(first).unwrap_or(base.addr()));
            if let Some(grown) = self.adopt(directory, start, rest) {
                Self::give_back_ends(base, len, first - base.addr().get(), rest);
                return Some(grown);
            }
        }
        // SAFETY: mapped just above with this length, and unused. If it stays mapped, it was never touched.
        let _ = unsafe { pages::unmap(base, len) };
        None
    }

    /// Unmaps what lies before and behind the `rest` bytes at `offset` of a fresh mapping.
    fn give_back_ends(base: NonNull<u8>, len: usize, offset: usize, rest: usize) {
        for (from, to) in [(0, offset), (offset + rest, len)] {
            if pages::UNMAPS_PARTS && from < to {
                // SAFETY: inside the mapping, in whole pages, and unused. If it stays mapped, it was never touched.
                let _ = unsafe { pages::unmap(base.add(from), to - from) };
            }
        }
    }

    /// Adds `len` bytes of fresh memory at `base`, in whole units of one stretch, to that stretch's segment, if it is this heap's.
    /// `None`: the memory is still the caller's.
    fn adopt(&mut self, directory: &Directory, base: NonNull<u8>, len: usize) -> Option<Grown> {
        let addr = base.addr().get();
        let segment = match directory.owner_of(addr) {
            Some(Owner::Segment(segment)) => segment,
            Some(Owner::Huge(_)) => return None,
            None => match (self.open(directory, base), directory.owner_of(addr)) {
                (Some(segment), _) => segment,
                // Another heap, with a piece of the same stretch, was first.
                (None, Some(Owner::Segment(segment))) => segment,
                (None, _) => return None,
            },
        };
        let piece = Piece { segment, unit: (addr & (SEGMENT - 1)) / UNIT, units: len / UNIT };
        if piece.heap() != self.number {
            return Some(Grown::Elsewhere(piece));
        }
        self.add(piece);
        Some(Grown::Here)
    }

    /// Takes a piece of one of the heap's segments over.
    pub(crate) fn add(&mut self, Piece { segment, unit, units }: Piece) {
        debug_assert_eq!(segment.heap(), self.number, "H5");
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        bits::set(&mut maps.free, unit, units);
        maps.starts.forget();
        let summary = self.table.summary(segment.index());
        summary.free += units as u16;
        summary.longest = summary.free;
        self.counts.total += units;
    }

    /// Opens the books for the stretch that `base` lies in, without any free unit.
    fn open(&mut self, directory: &Directory, base: NonNull<u8>) -> Option<&'static Segment> {
        let is_first = self.table.is_new();
        if !is_first && !self.table.has_room() {
            return None;
        }
        let len = if is_first { BOOKS + TABLE } else { BOOKS };
        let books = pages::map(len).ok()?;
        let stretch = base.as_ptr().map_addr(|addr| addr & !(SEGMENT - 1));
        // SAFETY: fresh zeroed memory, long enough and page-aligned; `stretch` is aligned to `SEGMENT` (G1).
        let segment: &'static Segment =
            unsafe { Segment::open(books.cast(), stretch, self.number, self.table.count()) };
        if !directory.claim(stretch.addr(), Owner::Segment(segment)) {
            // SAFETY: mapped just above, and nobody else's. If it stays mapped, a little is lost.
            let _ = unsafe { pages::unmap(books, len) };
            return None;
        }
        if is_first {
            // SAFETY: behind the books, page-aligned, as long as the list, nobody else's and never unmapped.
            unsafe { self.table.settle(books.add(BOOKS).cast()) };
        }
        self.table.push(segment);
        Some(segment)
    }
}
