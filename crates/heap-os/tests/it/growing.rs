//! A mock of memory that grows, for the tests of [`BreakAllocator`].

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use heap_core::Allocator;
use heap_os::{Break, BreakAllocator, Reservation};

/// 64 KiB: the unit in which the memory grows.
pub(crate) const PAGE: usize = 64 * 1024;

/// Memory that grows in a reservation, one page at a time, up to a limit, and can jump as if somebody else took some.
pub(crate) struct Mock {
    space: Reservation,
    end: AtomicUsize,
    pub(crate) limit: AtomicUsize,
}

impl Mock {
    pub(crate) fn new() -> Self {
        const MOST: usize = 1 << 30;
        let space = Reservation::aligned(MOST, PAGE).unwrap();
        Self { space, end: AtomicUsize::new(0), limit: AtomicUsize::new(MOST) }
    }

    pub(crate) fn taken(&self) -> usize {
        self.end.load(Relaxed)
    }

    /// Somebody else takes memory.
    pub(crate) fn jump(&self, len: usize) {
        self.end.fetch_add(len, Relaxed);
    }
}

// SAFETY: parts of a reservation that lives as long, each once, in ascending order and whole pages.
unsafe impl Break for Mock {
    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
        let len = len.next_multiple_of(PAGE);
        let fits = |end: usize| Some(end + len).filter(|&new| new <= self.limit.load(Relaxed));
        let start = self.end.fetch_update(Relaxed, Relaxed, fits).ok()?;
        self.space.commit(start..start + len).ok()?;
        // SAFETY: in the reservation.
        Some((unsafe { self.space.ptr().add(start) }, len))
    }
}

pub(crate) fn new() -> BreakAllocator<Mock> {
    BreakAllocator::over(Mock::new())
}

pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Allocates `size` bytes and numbers them.
pub(crate) fn numbered(alloc: &impl Allocator, size: usize) -> NonNull<u8> {
    let block = alloc.alloc(layout(size, 1)).unwrap().cast::<u8>();
    for index in 0..size {
        // SAFETY: in the block.
        unsafe { block.add(index).write(index as u8) };
    }
    block
}

/// # Safety
/// `len` bytes at `block` are readable.
pub(crate) unsafe fn assert_numbered(block: NonNull<u8>, len: usize) {
    for index in 0..len {
        // SAFETY: says the caller.
        assert_eq!(unsafe { block.add(index).read() }, index as u8, "byte {index}");
    }
}
