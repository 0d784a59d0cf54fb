//! Memory that loom watches: each granule of bytes has a cell, touched by whoever owns the bytes.
#![cfg(test)]

use core::alloc::Layout;
use core::ptr::NonNull;
use std::boxed::Box;
use std::sync::Mutex;
use std::vec::Vec;

use heap_core::{AllocError, Allocator};
use loom::cell::UnsafeCell;

/// Bytes to a cell. Blocks in the models are whole granules.
pub(super) const GRANULE: usize = 64;

/// Bytes of a memory.
const LEN: usize = 4096;

#[repr(align(64))]
struct Bytes(#[expect(dead_code, reason = "used by address")] [u8; LEN]);

/// A child that never gives the same bytes twice, and has no ordering of its own: what one thread's block holds is
/// known to another only if the arena's atomics say so.
pub(super) struct Memory {
    bytes: NonNull<Bytes>,
    cells: Vec<UnsafeCell<()>>,
    books: Mutex<Books>,
    /// Whether the newest block can grow in place.
    in_place: bool,
}

#[derive(Default)]
struct Books {
    taken: usize,
    live: Vec<(usize, usize)>,
}

// SAFETY: the bytes are used by their owners only, and loom checks that through the cells.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    pub(super) fn new(in_place: bool) -> Self {
        let bytes = NonNull::from(Box::leak(Box::new(Bytes([0; LEN]))));
        let cells = (0..LEN / GRANULE).map(|_| UnsafeCell::new(())).collect();
        Self { bytes, cells, books: Mutex::default(), in_place }
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.bytes.cast()
    }

    /// What an owner does with its block: loom reports a race if somebody else's touch is not ordered.
    pub(super) fn touch(&self, block: NonNull<[u8]>) {
        let from = block.addr().get() - self.start().addr().get();
        self.touch_range(from, from + block.len());
    }

    fn touch_range(&self, from: usize, to: usize) {
        self.cells[from / GRANULE..to.div_ceil(GRANULE)].iter().for_each(|cell| cell.with_mut(|_| ()));
    }

    pub(super) fn live_bytes(&self) -> usize {
        self.books.lock().unwrap().live.iter().map(|(_, size)| size).sum()
    }

    pub(super) fn live_blocks(&self) -> usize {
        self.books.lock().unwrap().live.len()
    }

    fn offset(&self, block: NonNull<u8>) -> usize {
        block.addr().get() - self.start().addr().get()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: leaked by `new`, and nobody uses it any more.
        drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
    }
}

// SAFETY: disjoint pieces of the bytes, none of them twice.
unsafe impl Allocator for Memory {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let mut books = self.books.lock().unwrap();
        let at = books.taken.next_multiple_of(GRANULE);
        if at + layout.size() > LEN {
            return Err(AllocError);
        }
        books.taken = at + layout.size();
        books.live.push((at, layout.size()));
        drop(books);
        self.touch_range(at, at + layout.size());
        // SAFETY: within the bytes.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.start().add(at) }, layout.size()))
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let at = self.offset(block);
        let mut books = self.books.lock().unwrap();
        let newest = books.taken == at + layout.size();
        if !self.in_place || !newest || new_size < layout.size() || at + new_size > LEN {
            return false;
        }
        books.taken = at + new_size;
        let entry = books.live.iter_mut().find(|entry| **entry == (at, layout.size()));
        entry.expect("resized what is not live").1 = new_size;
        drop(books);
        self.touch_range(at + layout.size(), at + new_size);
        true
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        let at = self.offset(block);
        let mut books = self.books.lock().unwrap();
        let entry = books.live.iter().position(|entry| *entry == (at, layout.size()));
        books.live.swap_remove(entry.expect("freed what is not live"));
    }
}
