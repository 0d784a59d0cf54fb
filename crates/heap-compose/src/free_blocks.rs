//! [`FreeBlocks`]: free blocks linked through themselves.

use core::cell::Cell;
use core::ptr::NonNull;

/// A list of free blocks, last in, first out, that needs no memory but theirs.
///
/// # Invariants
///
/// - **F1** Every block on the list holds a [`Link`], aligned, and belongs to the list alone.
/// - **F2** The link of a block leads to the block that was pushed before it.
#[derive(Debug)]
pub(crate) struct FreeBlocks {
    head: Cell<Option<NonNull<Link>>>,
}

/// What is written at the start of a free block.
#[derive(Debug)]
struct Link {
    next: Option<NonNull<Link>>,
}

const _: () = assert!(size_of::<Link>() == size_of::<usize>() && align_of::<Link>() == align_of::<usize>());

impl FreeBlocks {
    pub(crate) const fn new() -> Self {
        Self { head: Cell::new(None) }
    }

    /// Puts a block on the list.
    ///
    /// # Safety
    ///
    /// The caller gives `block` up; it is large and aligned enough for a `usize`.
    #[inline]
    pub(crate) unsafe fn push(&self, block: NonNull<u8>) {
        let link = block.cast::<Link>();
        // SAFETY: the caller's promise. Establishes F1 and F2.
        unsafe { link.write(Link { next: self.head.get() }) };
        self.head.set(Some(link));
    }

    /// Takes the last block that was put on the list; it is the caller's then.
    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<u8>> {
        let link = self.head.get()?;
        // SAFETY: F1.
        self.head.set(unsafe { link.read() }.next);
        Some(link.cast())
    }

    /// Forgets all blocks.
    pub(crate) fn clear(&mut self) {
        self.head.set(None);
    }
}

// SAFETY: F1: nobody else reaches what the pointers lead to, so it may go to another thread with them.
unsafe impl Send for FreeBlocks {}
