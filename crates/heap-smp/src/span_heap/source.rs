//! Where units come from: whole segments from the system, or, where it refuses so much, pieces of one.

use core::num::NonZero;
use core::ptr::NonNull;

use heap_os::pages;

use super::{SEGMENTS, SpanHeap, Summary};
use crate::bits;
use crate::config::{SEGMENT, UNIT};
use crate::directory::{Directory, Owner};
use crate::segment::Segment;

/// Bytes of a segment's books.
const BOOKS: usize = size_of::<Segment>().next_multiple_of(UNIT);
/// What is asked for when the system refuses a whole segment, in this order.
const PIECES: [usize; 3] = [SEGMENT / 8, SEGMENT / 32, 8 * UNIT];

impl SpanHeap {
    /// Gets more units from the system: a segment, or, where it refuses so much, a small piece of one, but no smaller
    /// than `units`.
    pub(super) fn grow(&mut self, directory: &Directory, units: usize) -> Option<()> {
        if let Ok(base) = pages::map_aligned(SEGMENT, SEGMENT) {
            if self.adopt(directory, base, SEGMENT) {
                return Some(());
            }
            // SAFETY: mapped just above with this length, and unused. If it stays mapped, it was never touched.
            let _ = unsafe { pages::unmap(base, SEGMENT) };
        }
        // A piece too small for the request would be taken from others for nothing. Its first unit may not be whole.
        PIECES.iter().find_map(|&len| (len / UNIT > units && self.grow_piece(directory, len)).then_some(()))
    }

    #[cold]
    fn grow_piece(&mut self, directory: &Directory, len: usize) -> bool {
        let Ok(base) = pages::map(len) else { return false };
        let first = base.addr().get().next_multiple_of(UNIT);
        // Only the part in the first stretch, in whole units.
        let rest = (len - (first - base.addr().get())).min(SEGMENT - first % SEGMENT) & !(UNIT - 1);
        if rest > 0 {
            let start = base.with_addr(NonZero::new(first).unwrap_or(base.addr()));
            if self.adopt(directory, start, rest) {
                Self::give_back_ends(base, len, first - base.addr().get(), rest);
                return true;
            }
        }
        // SAFETY: mapped just above with this length, and unused. If it stays mapped, it was never touched.
        let _ = unsafe { pages::unmap(base, len) };
        false
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

    /// Adds `len` bytes of fresh memory at `base`, in whole units of one stretch, to that stretch's segment.
    fn adopt(&mut self, directory: &Directory, base: NonNull<u8>, len: usize) -> bool {
        let addr = base.addr().get();
        let segment = match directory.owner_of(addr) {
            Some(Owner::Segment(segment)) => segment,
            Some(Owner::Huge(_)) => return false,
            None => match self.open(directory, base) {
                Some(segment) => segment,
                None => return false,
            },
        };
        let (unit, units) = ((addr & (SEGMENT - 1)) / UNIT, len / UNIT);
        // SAFETY: G3: `&mut self` is the lock's guard.
        let maps = unsafe { segment.maps() };
        bits::set(&mut maps.free, unit, units);
        maps.starts.forget();
        let summary = &mut self.summary[segment.index()];
        summary.free += units as u16;
        summary.longest = summary.free;
        self.counts.total += units;
        true
    }

    /// Opens the books for the stretch that `base` lies in, without any free unit.
    fn open(&mut self, directory: &Directory, base: NonNull<u8>) -> Option<&'static Segment> {
        if self.count == SEGMENTS {
            return None;
        }
        let books = pages::map(BOOKS).ok()?;
        let stretch = base.as_ptr().map_addr(|addr| addr & !(SEGMENT - 1));
        // SAFETY: fresh zeroed memory, long enough and page-aligned; `stretch` is aligned to `SEGMENT` (G1).
        let segment: &'static Segment = unsafe { Segment::open(books.cast(), stretch, self.count) };
        if !directory.claim(stretch.addr(), Owner::Segment(segment)) {
            // SAFETY: mapped just above, and nobody else's. If it stays mapped, a little is lost.
            let _ = unsafe { pages::unmap(books, BOOKS) };
            return None;
        }
        self.segments[self.count] = Some(segment);
        self.summary[self.count] = Summary { free: 0, dirty: 0, longest: 0, longest_dirty: 0 };
        self.count += 1;
        Some(segment)
    }
}
