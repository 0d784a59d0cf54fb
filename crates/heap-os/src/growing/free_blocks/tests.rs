//! The lists and the map against a plain list of free ranges.

use std::boxed::Box;
use std::collections::BTreeMap;
use std::vec::Vec;

use super::*;

const GRAINS: usize = 1 << 16;

/// As large as a grain, on 32 bits too.
type Grain = [usize; 2];
const _: () = assert!(size_of::<Grain>() == GRAIN);

/// The blocks, their memory, and the books: free ranges by address, in grains.
struct Books {
    memory: Box<[Grain]>,
    blocks: FreeBlocks,
    free: BTreeMap<usize, usize>,
    added: usize,
}

impl Books {
    fn new() -> Self {
        let memory = std::vec![Grain::default(); GRAINS].into_boxed_slice();
        Self { memory, blocks: FreeBlocks::new(), free: BTreeMap::new(), added: 0 }
    }

    fn at(&mut self, grain: usize) -> *mut u8 {
        self.memory.as_mut_ptr().wrapping_add(grain).cast()
    }

    fn grain_of(&mut self, ptr: *mut u8) -> usize {
        (ptr.addr() - self.memory.as_ptr().addr()) / GRAIN
    }

    fn note_free(&mut self, at: usize, len: usize) {
        let (mut start, mut end) = (at, at + len);
        if let Some((&low, _)) = self.free.range(..at).next_back().filter(|&(&low, &size)| low + size == at) {
            start = low;
        }
        if let Some(size) = self.free.remove(&end) {
            end += size;
        }
        self.free.insert(start, end - start);
    }

    /// Adds so many grains of fresh memory.
    fn add(&mut self, len: usize) {
        let start = self.at(self.added);
        let (old, old_bytes) = (self.blocks.map, self.blocks.covered / 8);
        // SAFETY: in the memory, which is used through the blocks alone, and each grain is added once.
        unsafe { self.blocks.add(start, len * GRAIN) };
        let map = self.blocks.map;
        let map_grains = self.blocks.covered / 8 / GRAIN;
        assert_eq!(self.grain_of(map), self.added + len - map_grains, "F5");
        if !old.is_null() {
            let at = self.grain_of(old);
            self.note_free(at, old_bytes / GRAIN);
        }
        self.note_free(self.added, len - map_grains);
        self.added += len;
    }

    fn give(&mut self, at: usize, len: usize) {
        let start = self.at(at);
        // SAFETY: taken before.
        unsafe { self.blocks.give(start, len * GRAIN) };
        self.note_free(at, len);
    }

    fn note_taken(&mut self, at: usize, len: usize) {
        let size = self.free.remove(&at).unwrap();
        assert!(size >= len);
        if size > len {
            self.free.insert(at + len, size - len);
        }
    }

    fn take(&mut self, len: usize) -> Option<usize> {
        let taken = self.blocks.take(len * GRAIN).map(|ptr| self.grain_of(ptr.as_ptr()));
        assert_eq!(taken.is_some(), self.free.values().any(|&size| size >= len), "what fits is found");
        if let Some(at) = taken {
            self.note_taken(at, len);
        }
        taken
    }

    /// Where the free block before `at` began, if it was taken.
    fn take_before(&mut self, at: usize, least: usize) -> Option<usize> {
        let end = self.at(at);
        let size = self.blocks.take_before(end, least * GRAIN) / GRAIN;
        let before = self.free.range(..at).next_back().filter(|&(&low, &size)| low + size == at);
        let expected = before.map_or(0, |(_, &size)| size);
        assert_eq!(size, if expected < least { 0 } else { expected });
        let at = at - size;
        (size != 0).then(|| {
            self.note_taken(at, size);
            at
        })
    }

    fn take_at(&mut self, at: usize, len: usize) -> bool {
        let start = self.at(at);
        let taken = self.blocks.take_at(start, len * GRAIN);
        assert_eq!(taken, self.free.get(&at).is_some_and(|&size| size >= len));
        if taken {
            self.note_taken(at, len);
        }
        taken
    }

    /// F1 to F4, and that the books agree.
    fn validate(&mut self) {
        let mut found = BTreeMap::new();
        for (index, &first) in self.blocks.lists.iter().enumerate() {
            assert_eq!(self.blocks.filled >> index & 1 != 0, !first.is_null(), "F2");
            // SAFETY: F1, F2.
            let last = if first.is_null() { first } else { unsafe { (*first).previous } };
            let (mut links, mut previous) = (first, last);
            while !links.is_null() {
                let start = if index == 1 { links.cast() } else { links.cast::<u8>().wrapping_sub(WORD) };
                // SAFETY: F1.
                let size = unsafe { size_at(start.cast()) };
                assert_eq!(list_of(size / GRAIN), index, "F2");
                // SAFETY: F1.
                unsafe {
                    assert_eq!(size_at(start.add(size - WORD).cast()), size);
                    assert_eq!((*links).previous, previous);
                    previous = links;
                    links = (*links).next;
                }
                found.insert((start.addr() - self.memory.as_ptr().addr()) / GRAIN, size / GRAIN);
            }
            assert_eq!(previous, last, "F2");
        }
        assert_eq!(found, self.free, "F4: as large as can be");
        let edges: Vec<usize> = (0..=self.added)
            .filter(|&grain| self.blocks.is_edge(self.memory.as_ptr().addr() + grain * GRAIN))
            .collect();
        let expected: Vec<usize> = self.free.iter().flat_map(|(&at, &len)| [at, at + len]).collect();
        assert_eq!(edges, expected, "F3");
    }
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn random_takes_and_gives_agree_with_a_plain_list() {
    let mut rng = Rng(0x2545_f491_4f6c_dd1d);
    for _ in 0..10 {
        let mut books = Books::new();
        let mut used: Vec<(usize, usize)> = Vec::new();
        books.add(8192);
        let steps = if cfg!(miri) { 60 } else { 2000 };
        for step in 0..steps {
            match rng.below(5) {
                0 | 1 => {
                    let doubling = rng.below(10);
                    let len = 1 + rng.below(1 << doubling);
                    match books.take(len) {
                        Some(at) => used.push((at, len)),
                        None if books.added + 8192 <= GRAINS => books.add(1024 + rng.below(4096)),
                        None => {}
                    }
                }
                2 if !used.is_empty() => {
                    let index = rng.below(used.len());
                    let (at, len) = used[index];
                    let more = 1 + rng.below(20);
                    if books.take_at(at + len, more) {
                        used[index].1 += more;
                    } else if let Some(start) = books.take_before(at, more) {
                        used[index] = (start, at - start + len);
                    }
                }
                _ if !used.is_empty() && rng.below(3) < 2 => {
                    let (at, len) = used.swap_remove(rng.below(used.len()));
                    books.give(at, len);
                }
                _ => {}
            }
            if step % 16 == 0 {
                books.validate();
            }
        }
        for (at, len) in used {
            books.give(at, len);
        }
        books.validate();
    }
}

#[test]
fn lists_ascend_with_the_size_and_are_exact_for_small_ones() {
    for grains in 1..8 {
        assert_eq!(list_of(grains), grains);
    }
    for grains in 1..1 << 20 {
        let (here, next) = (list_of(grains), list_of(grains + 1));
        assert!(next == here || next == here + 1, "{grains}");
        assert!(next < LISTS);
    }
}

/// There, more memory could not come.
#[test]
fn beyond_the_last_address_nothing_is_asked_for() {
    let blocks = FreeBlocks::new();
    let step = 4096;
    for size in [GRAIN, 1 << 16, isize::MAX as usize] {
        assert!(blocks.missing(1 << 16, size, step).is_some_and(|missing| missing > size));
        for end in [usize::MAX - step - size + 1, usize::MAX - step, usize::MAX] {
            assert_eq!(blocks.missing(end, size, step), None, "{size} bytes at {end:#x}");
        }
    }
}
