//! Free blocks linked through themselves: the currency in which threads, depots and slabs trade.

use core::ptr::{self, NonNull};

/// The first word of a free block.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Link {
    /// The next free block, or null.
    pub(crate) next: *mut Link,
}

/// Links the blocks in order, the last to nothing, and returns the first (null for none).
///
/// # Safety
///
/// Each is a free block that the caller owns, aligned to a pointer and at least one pointer long; none occurs twice.
pub(crate) unsafe fn link(blocks: &[NonNull<u8>]) -> *mut Link {
    let mut next: *mut Link = ptr::null_mut();
    for block in blocks.iter().rev() {
        let link = block.as_ptr().cast::<Link>();
        // SAFETY: the caller owns the block, which holds a link.
        unsafe { link.write(Link { next }) };
        next = link;
    }
    next
}

/// Writes the blocks of a list into `out` and returns what is left of it after `out` is full.
///
/// # Safety
///
/// `head` is null or a list of free blocks that the caller owns.
pub(crate) unsafe fn unlink(
    mut head: *mut Link,
    out: &mut [core::mem::MaybeUninit<NonNull<u8>>],
) -> (usize, *mut Link) {
    let mut count = 0;
    while count < out.len() {
        let Some(block) = NonNull::new(head) else { break };
        out[count].write(block.cast());
        count += 1;
        // SAFETY: `block` is on the caller's list.
        head = unsafe { block.read().next };
    }
    (count, head)
}
