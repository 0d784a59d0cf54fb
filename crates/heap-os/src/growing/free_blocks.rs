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
/// The first lists are of one size each. There the last freed is the first that is taken: it is in the processor's cache.
const EXACT: usize = 8;
/// From this list on, which begins with 32 grains, blocks are compared.
const SMALL: usize = 16;

/// A free block starts with these, or, if it has more than one grain, with its size, its lowest bit set, then these; and
/// it ends with the same size. A link's lowest bit is clear.
struct Links {
    /// Null for the last.
    next: *mut Links,
    /// For the first, the last.
    previous: *mut Links,
}

/// How much memory a byte of the map is for.
const REACH: usize = 8 * GRAIN;

/// Bytes of a map for all edges of memory of so many bytes.
fn map_bytes(len: usize) -> usize {
    len / (REACH * GRAIN) * GRAIN + GRAIN
}

/// Free blocks of one stretch of memory.
///
/// # Invariants
/// - **F1** The bytes of a block that is listed are ours alone.
/// - **F2** A block of `n` grains is in list `list_of(n)`, and bit `list_of(n)` of `filled` is set if and only if that list is
///   not empty. The first of a list knows its last.
/// - **F3** The map's bit for an address is set if and only if free memory begins or ends there.
/// - **F4** Listed blocks do not touch.
/// - **F5** The map covers `covered` grains from `base` on, a multiple of `REACH` (more, in bytes, than 32 bits may have), and listed blocks end
///   before that. It is the end of the memory.
#[derive(Debug)]
pub(super) struct FreeBlocks {
    lists: [*mut Links; LISTS],
    filled: u64,
    base: usize,
    covered: usize,
    map: *mut u8,
    /// Where the map would begin if it began with address zero.
    edges: *mut u8,
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
        Self {
            lists: [null_mut(); LISTS],
            filled: 0,
            base: 0,
            covered: 0,
            map: null_mut(),
            edges: null_mut(),
        }
    }

    /// The byte and the bit of the map for `addr`, which is covered.
    fn bit(&self, addr: usize) -> (*mut u8, u8) {
        (self.edges.wrapping_add(addr / REACH), 1 << (addr / GRAIN % 8))
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

    /// Lists a block: as the first, if it lies lower than the first or their size is all that counts; else as the last. So a
    /// low block comes first, which packs memory densest, and the others have time to become one with their neighbours.
    ///
    /// # Safety
    /// F1, F4 and F5 hold for it.
    unsafe fn list(&mut self, start: *mut u8, size: usize) {
        let index = list_of(size / GRAIN);
        let first = self.lists[index];
        // SAFETY: F1: the block's own bytes, and those of listed ones.
        unsafe {
            let mut links = start.cast::<usize>();
            if size != GRAIN {
                links.write(size | 1);
                start.add(size - WORD).cast::<usize>().write(size | 1);
                links = links.add(1);
            }
            let links = links.cast::<Links>();
            self.filled |= 1 << index;
            let mut previous = links;
            if !first.is_null() {
                previous = (*first).previous;
                (*first).previous = links;
            }
            // All is below null less one.
            let in_front = index < EXACT || links <= first.wrapping_sub(1);
            let place = if in_front { &raw mut self.lists[index] } else { &raw mut (*previous).next };
            links.write(Links { next: if in_front { first } else { null_mut() }, previous });
            *place = links;
        }
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
            let first = self.lists[index];
            let place = if first == links { &raw mut self.lists[index] } else { &raw mut (*previous).next };
            *place = next;
            // The last is known to the first. (If both are this block, it does not matter what is written to it.)
            let behind = if next.is_null() { first } else { next };
            (*behind).previous = previous;
            if self.lists[index].is_null() {
                self.filled &= !(1 << index);
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

    /// Takes `size` bytes, a multiple of `GRAIN` and not zero, from a block that is hardly larger: if small from the first of
    /// them, else from the lowest of some.
    pub(super) fn take(&mut self, size: usize) -> Option<NonNull<u8>> {
        let mut lists = self.filled & (u64::MAX << list_of(size / GRAIN));
        while lists != 0 {
            let index = lists.trailing_zeros() as usize;
            let mut looks = if index < SMALL { 1 } else { 9 };
            // None is at the highest address.
            let none = null_mut::<u8>().wrapping_sub(1);
            let mut lowest = none;
            let mut links = self.lists[index];
            while !links.is_null() && looks != 0 {
                let start = if index == 1 { links.cast() } else { links.cast::<u8>().wrapping_sub(WORD) };
                // SAFETY: F1, F2: the first word of a listed block.
                if unsafe { size_at(start.cast()) } >= size {
                    looks -= 1;
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

    /// Takes all of the free block that ends at `end`, where a block in use begins, if it has `least` bytes. Its size; 0 if it
    /// was not taken.
    pub(super) fn take_before(&mut self, end: *mut u8, least: usize) -> usize {
        let size = self.size_before(end);
        if size < least {
            return 0;
        }
        // SAFETY: listed, says the map.
        unsafe { self.cut(end.sub(size), size, size) };
        size
    }

    /// The size of the free block that ends at `end`, where no free one begins, or which is null; 0 if there is none.
    #[inline(never)]
    fn size_before(&self, end: *mut u8) -> usize {
        if self.covered == 0 || !self.is_edge(end.addr()) {
            return 0;
        }
        // SAFETY: F3, F4: a listed block ends here, since nothing begins here.
        unsafe { size_at(end.cast::<usize>().sub(1)) }
    }

    /// Bytes to ask for behind the end of the memory, so that a block of `size` can be had, if what comes may be longer by
    /// less than `step`. `None` where there are not so many addresses: what might come could not even hold the map.
    pub(super) fn missing(&self, end: usize, size: usize, step: usize) -> Option<usize> {
        let reach = end.wrapping_sub(self.base).checked_add(size + step)?;
        // The old map becomes free memory between the last free block and what comes.
        let free = self.size_before(self.map) + self.covered / 8;
        // Does not overflow: `size` is at most half of all addresses and a grain, a map's share 1/64.
        Some(size.saturating_sub(free) + map_bytes(reach))
    }

    /// Adds fresh memory, and moves the map to its end. Where it lies so far off that it has no room for a map of all, it is
    /// lost.
    ///
    /// # Safety
    /// The caller gives the `size` bytes at `start` up, in whole grains. They lie behind all that was added before.
    pub(super) unsafe fn add(&mut self, start: *mut u8, size: usize) {
        if self.covered == 0 {
            self.base = start.addr() & !(REACH - 1);
        }
        let bytes = map_bytes(start.addr() - self.base + size);
        if bytes >= size {
            return;
        }
        let (old, old_bytes) = (self.map, self.covered / 8);
        // SAFETY: the end of the fresh memory becomes the map; the old map becomes free memory, and the rest, too.
        unsafe {
            self.map = start.add(size - bytes);
            self.edges = self.map.wrapping_sub(self.base / REACH);
            self.covered = bytes * 8;
            self.map.write_bytes(0, bytes);
            self.map.copy_from_nonoverlapping(old, old_bytes);
            if old_bytes != 0 {
                self.give(old, old_bytes);
            }
            self.give(start, size - bytes);
        }
    }
}

#[cfg(test)]
mod tests;
