//! Memory for the allocator's own records: pages from the system, cut up in order, given back all at once.
//!
//! Records are recycled by their users (lists of like records) and stay mapped, so a stale pointer to one may be
//! read until the whole allocator ends. Never touches the backing allocator or the client's memory.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::Alignment;
use heap_os::pages;

/// Bytes asked of the system at a time: address space until touched.
const CHUNK: usize = 256 << 10;

/// Stands at the start of each chunk.
struct Header {
    next: *mut Header,
    len: usize,
}

/// A bump pointer over chunks of zero pages.
///
/// # Invariants
///
/// - **S1** `chunks` lists every chunk mapped and not unmapped; each starts with its header.
/// - **S2** `[cursor, end)` lies in the first chunk and was never handed out.
#[derive(Debug)]
pub(crate) struct Store {
    chunks: *mut Header,
    cursor: *mut u8,
    room: usize,
}

// SAFETY: the store owns its chunks; the pointers are its own.
unsafe impl Send for Store {}

impl Store {
    pub(crate) const fn new() -> Self {
        Self { chunks: ptr::null_mut(), cursor: ptr::null_mut(), room: 0 }
    }

    /// Zeroed memory for a record; `None` when the system refuses.
    pub(crate) fn take(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let align = Alignment::of_layout(layout);
        let padding = self.cursor.addr().wrapping_neg() & align.mask();
        if self.chunks.is_null() || padding.checked_add(layout.size())? > self.room {
            self.grow(layout)?;
            return self.take_fresh(layout);
        }
        // SAFETY: S2: `padding + size` bytes are left.
        self.cursor = unsafe { self.cursor.add(padding) };
        self.room -= padding;
        self.take_fresh(layout)
    }

    /// Takes from an aligned cursor with enough room.
    fn take_fresh(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let record = NonNull::new(self.cursor)?;
        // SAFETY: S2: `size` bytes are left.
        self.cursor = unsafe { self.cursor.add(layout.size()) };
        self.room -= layout.size();
        Some(record)
    }

    /// Maps a chunk with room for `layout` behind its header.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, layout: Layout) -> Option<()> {
        let start = Alignment::of_layout(layout).forward(size_of::<Header>())?;
        let page = Alignment::new(pages::page_size())?;
        let len = page.forward(start.checked_add(layout.size())?.max(CHUNK))?;
        let base = pages::map(len).ok()?;
        let header = base.cast::<Header>();
        // SAFETY: just mapped, page-aligned, at least `CHUNK` bytes; the write establishes S1.
        unsafe { header.write(Header { next: self.chunks, len }) };
        self.chunks = header.as_ptr();
        // SAFETY: `start < len`. Establishes S2.
        self.cursor = unsafe { base.add(start) }.as_ptr();
        self.room = len - start;
        Some(())
    }

    /// Gives everything back.
    ///
    /// # Safety
    ///
    /// No record is used again.
    pub(crate) unsafe fn release(&mut self) {
        while let Some(header) = NonNull::new(self.chunks) {
            // SAFETY: S1.
            let Header { next, len } = unsafe { header.read() };
            self.chunks = next;
            // SAFETY: S1: a whole mapping; the caller gives its content up. A refusal leaks it, which harms nobody.
            let _ = unsafe { pages::unmap(header.cast(), len) };
        }
        (self.cursor, self.room) = (ptr::null_mut(), 0);
    }
}
