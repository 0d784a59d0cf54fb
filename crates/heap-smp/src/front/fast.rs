//! What [`SmpAllocator`](crate::SmpAllocator) calls, in the default build: the thread's cache and the large blocks, and
//! nothing around them. `checked.rs` beside this file is the same for the feature `checked`; the crate's root picks one.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::config::Settings;
use crate::core_heap::CORE;
use crate::large_front;
use crate::thread_cache;

pub(crate) use crate::thread_cache::{alloc, alloc_to_fill, flush_this_thread, free};

/// The bytes of a block of `layout` that a client may use.
#[inline]
pub(crate) fn usable_size(layout: Layout) -> usize {
    thread_cache::slot_size(layout).unwrap_or(layout.size())
}

/// A block that reads as zeros, or null. Fresh memory from the system is not cleared again.
#[inline]
pub(crate) fn zeroed(layout: Layout, settings: &Settings) -> *mut u8 {
    if thread_cache::slot_size(layout).is_some() {
        let block = thread_cache::alloc(layout, settings);
        if !block.is_null() {
            // SAFETY: the block is ours and that long.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        return block;
    }
    large_front::alloc(&CORE, layout, settings, true)
}

/// Makes the block serve `new` where it is or, with `may_move`, elsewhere at little cost. `None`: nothing has changed.
///
/// # Safety
///
/// `block` is a live block of `old`; neither size is zero, and the alignments are the same.
#[inline]
pub(crate) unsafe fn resize(
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    may_move: bool,
) -> Option<NonNull<u8>> {
    match (thread_cache::slot_size(old), thread_cache::slot_size(new)) {
        (Some(a), Some(b)) => (a == b).then_some(block),
        // SAFETY: both layouts are large; the rest is the caller's promise.
        (None, None) => unsafe { large_front::resize(&CORE, block, old, new, may_move) },
        _ => None,
    }
}
