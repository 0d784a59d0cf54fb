//! Free memory in lists by size, kept in the free memory itself, and a map of where free memory begins and ends.
//!
//! The map (one bit a grain, out of line) tells a freed block whether its neighbours are free, so blocks in use need no
//! header: their owners know their sizes.

use core::ptr::{NonNull, null_mut};

/// The unit of memory in bytes: addresses and sizes are multiples. The smallest block holds its two links.
pub(super) const GRAIN: usize = size_of::<Links>();

const WORD: usize = size_of::<usize>();
/// Four for each doubling of the size, and one for all above 2^17 grains.
const LISTS: usize = 64;
/// Bytes that a new map covers beyond a quarter more than what there is.
const SPARE: usize = 128 * 1024;

/// A free block starts with these, or, if it has more than one grain, with its size, its lowest bit set, then these; and
/// it ends with the same size. A link's lowest bit is clear.
struct Links {
    next: *mut Links,
    /// Null for the first.
    previous: *mut Links,
}

/// Free blocks of one stretch of memory.
///
/// # Invariants
/// - **F1** The bytes of a block that is listed are ours alone.
/// - **F2** A block of `n` grains is in list `list_of(n)`, and bit `list_of(n)` of `filled` is set if and only if that list is
///   not empty.
/// - **F3** The map's bit for an address is set if and only if free memory begins or ends there.
/// - **F4** Listed blocks do not touch.
/// - **F5** The map covers `covered` grains from `base` on (more, in bytes, than 32 bits may have), and listed blocks end
///   before that.
#[derive(Debug)]
pub(super) struct FreeBlocks {
    lists: [*mut Links; LISTS],
    filled: u64,
    base: usize,
    covered: usize,
    map: *mut u8,
}

// SAFETY: F1: it owns what it points to.
unsafe impl Send for FreeBlocks {}

/// The list for blocks of `grains` grains: by the highest three bits.
fn list_of(grains: usize) -> usize {
    let low = (grains | 4).ilog2() as usize - 2;
    (4 * low + (grains >> low)).min(LISTS - 1)
}

/// The size that stands at an end of a free block: in its first word or in its last.
///
/// # Safety
/// `end` is such a word.
unsafe fn size_at(end: *mut usize) -> usize {
    // SAFETY: readable, says the caller. In a block of one grain it is a link, with its lowest bit clear.
    let word = unsafe { end.read() };
    if word & 1 == 0 { GRAIN } else { word - 1 }
}

impl FreeBlocks {
    pub(super) const fn new() -> Self {
        Self { lists: [null_mut(); LISTS], filled: 0, base: 0, covered: 0, map: null_mut() }
    }

    /// The byte and the bit of the map for `addr`, which is covered.
    fn bit(&self, addr: usize) -> (*mut u8, u8) {
        let grain = addr.wrapping_sub(self.base) / GRAIN;
        (self.map.wrapping_add(grain / 8), 1 << (grain % 8))
    }

    /// Whether free memory begins or ends at `addr`.
    fn is_edge(&self, addr: usize) -> bool {
        let (byte, bit) = self.bit(addr);
        // SAFETY: F5: in the map.
        unsafe { byte.read() & bit != 0 }
    }

    /// Makes `addr` an edge if it is none, and none if it is one. Whether it was.
    fn flip(&mut self, addr: usize) -> bool {
        let (byte, bit) = self.bit(addr);
        // SAFETY: F5: in the map, which is ours.
        unsafe {
            let old = byte.read();
            byte.write(old ^ bit);
            old & bit != 0
        }
    }

    /// Lists a block.
    ///
    /// # Safety
    /// F1, F4 and F5 hold for it.
    unsafe fn list(&mut self, start: *mut u8, size: usize) {
        let index = list_of(size / GRAIN);
        let next = self.lists[index];
        // SAFETY: F1: the block's own bytes, and those of a listed one.
        unsafe {
            let mut links = start.cast::<usize>();
            if size != GRAIN {
                links.write(size | 1);
                start.add(size - WORD).cast::<usize>().write(size | 1);
                links = links.add(1);
            }
            let links = links.cast::<Links>();
            links.write(Links { next, previous: null_mut() });
            if !next.is_null() {
                (*next).previous = links;
            }
            self.lists[index] = links;
        }
        self.filled |= 1 << index;
    }

    /// Takes a block off its list.
    ///
    /// # Safety
    /// It is listed.
    unsafe fn take_out(&mut self, start: *mut u8, size: usize) {
        let index = list_of(size / GRAIN);
        // SAFETY: F1, F2: the block's own links, and those of its neighbours on the list.
        unsafe {
            let links = start.cast::<usize>().add(usize::from(size != GRAIN)).cast::<Links>();
            let Links { next, previous } = links.read();
            if !next.is_null() {
                (*next).previous = previous;
            }
            if previous.is_null() {
                self.lists[index] = next;
                if next.is_null() {
                    self.filled &= !(1 << index);
                }
            } else {
                (*previous).next = next;
            }
        }
    }

    /// Adds a block, and makes it one with its neighbours.
    ///
    /// # Safety
    /// The caller gives the `size` bytes at `start` up, which came from [`take`](Self::take) and the like.
    pub(super) unsafe fn give(&mut self, mut start: *mut u8, mut size: usize) {
        // SAFETY: F3, F4: what the map says is free is listed, and ends or begins here.
        unsafe {
            let end = start.add(size);
            if self.flip(start.addr()) {
                let before = size_at(start.cast::<usize>().sub(1));
                start = start.sub(before);
                self.take_out(start, before);
                size += before;
            }
            if self.flip(end.addr()) {
                let behind = size_at(end.cast());
                self.take_out(end, behind);
                size += behind;
            }
            self.list(start, size);
        }
    }

    /// Takes the first `size` bytes of a listed block of `have`.
    ///
    /// # Safety
    /// It is listed, and has as many.
    unsafe fn cut(&mut self, start: *mut u8, have: usize, size: usize) {
        // SAFETY: the caller's promise; the rest is ours as the whole was.
        unsafe {
            self.take_out(start, have);
            self.flip(start.addr());
            self.flip(start.addr() + size);
            if have != size {
                self.list(start.add(size), have - size);
            }
        }
    }

    /// Takes `size` bytes, a multiple of `GRAIN` and not zero, from a block that is hardly larger, and of those from a low
    /// one.
    pub(super) fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
        let mut lists = self.filled & (u64::MAX << list_of(size / GRAIN));
        while lists != 0 {
            let index = lists.trailing_zeros() as usize;
            // How many blocks are compared, for the one at the lowest address, which packs memory densest: more where blocks
            // are larger. In the first lists all are of one size, and the last freed is the one in the processor's cache.
            let mut look_at = ((index & !7) / 2) | 1;
            // None is at the highest address.
            let none = null_mut::<u8>().wrapping_sub(1);
            let mut lowest = none;
            let mut links = self.lists[index];
            while !links.is_null() && look_at != 0 {
                let start = if index == 1 { links.cast() } else { links.cast::<u8>().wrapping_sub(WORD) };
                // SAFETY: F1, F2: the first word of a listed block.
                if unsafe { size_at(start.cast()) } >= size {
                    look_at -= 1;
                    lowest = lowest.min(start);
                }
                // SAFETY: F1: listed.
                links = unsafe { (*links).next };
            }
            if lowest != none {
                // SAFETY: found on a list, and large enough.
                unsafe { self.cut(lowest, size_at(lowest.cast()), size) };
                return NonNull::new(lowest);
            }
            lists &= lists - 1;
        }
        None
    }

    /// Takes the `size` bytes at `start`, if they are the beginning of a free block; `start` is the end of one in use.
    pub(super) fn take_at(&mut self, start: *mut u8, size: usize) -> bool {
        // SAFETY: F3: if it is an edge a listed block begins here, since what lies before is in use.
        unsafe {
            if !self.is_edge(start.addr()) {
                return false;
            }
            let have = size_at(start.cast());
            if have >= size {
                self.cut(start, have, size);
            }
            have >= size
        }
    }

    /// The size of the free block that ends at `end`, which is the end of the memory or null; 0 if there is none.
    pub(super) fn size_before(&self, end: *mut u8) -> usize {
        if self.covered == 0 || !self.is_edge(end.addr()) {
            return 0;
        }
        // SAFETY: F3, F4: a listed block ends here, since nothing begins here.
        unsafe { size_at(end.cast::<usize>().sub(1)) }
    }

    /// Whether the map covers all edges of memory that ends at `end`.
    fn covers(&self, end: usize) -> bool {
        end.wrapping_sub(self.base) / GRAIN < self.covered
    }

    /// Bytes to ask for beyond what is missing, if the memory is to end at `end`: for a larger map; 0 if this one will do.
    pub(super) fn room_for_map(&self, end: usize) -> usize {
        // More than the map will have: its bytes are some 1/51 of what it covers, or less.
        if self.covers(end) { 0 } else { (end - self.base) / 32 + SPARE / 32 }
    }

    /// Adds fresh memory. `false`: there is no room for a map of it; it is lost.
    ///
    /// # Safety
    /// The caller gives the `size` bytes at `start` up, in whole grains. They lie behind all that was added before.
    pub(super) unsafe fn add(&mut self, start: *mut u8, mut size: usize) -> bool {
        if self.covered == 0 {
            self.base = start.addr();
        }
        // SAFETY: the end of the fresh memory becomes the map, the old map becomes free memory, and the rest, too.
        unsafe {
            let reach = (start.addr() - self.base + size) / GRAIN;
            if reach >= self.covered {
                let bytes = (reach + reach / 4 + SPARE / GRAIN) / (8 * GRAIN) * GRAIN;
                size = match size.checked_sub(bytes) {
                    None | Some(0) => return false,
                    Some(rest) => rest,
                };
                let (old, old_bytes) = (self.map, self.covered / 8);
                let map = start.add(size);
                map.write_bytes(0, bytes);
                map.copy_from_nonoverlapping(old, old_bytes);
                self.map = map;
                self.covered = bytes * 8;
                if old_bytes != 0 {
                    self.give(old, old_bytes);
                }
            }
            self.give(start, size);
        }
        true
    }
}

#[cfg(test)]
mod tests;
