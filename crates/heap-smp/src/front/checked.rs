//! What [`SmpAllocator`](crate::SmpAllocator) calls, with the feature `checked`: each block is looked up when it is given
//! back, instead of trusting the layout, and wiped; what is lent was drawn at random, and must still be as it was left.
//!
//! `fast.rs` beside this file is the same for the default build; the crate's root picks one.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use crate::checked_cache as cache;
use crate::config::Settings;
use crate::core_heap::CORE;
use crate::large_front;
use crate::lending::{self, class_of};

pub(crate) use crate::checked_cache::flush_this_thread;

/// The tenant of the process's spans.
const PROCESS: u32 = 0;

/// The bytes of a block of `layout` that a client may use: no more than it asked for.
#[inline]
pub(crate) fn usable_size(layout: Layout) -> usize {
    layout.size()
}

/// A block for `layout`; null when there is no memory.
#[inline]
pub(crate) fn alloc(layout: Layout, settings: &Settings) -> *mut u8 {
    match class_of(layout) {
        Some(class) => match cache::take(class, settings) {
            // SAFETY: the block is free, of the class, and ours.
            Some(block) => unsafe { lending::lend(block, class, layout.size(), PROCESS) },
            None => ptr::null_mut(),
        },
        None => large_front::alloc(&CORE, layout, settings, false),
    }
}

/// As [`alloc`]. That the client will fill the block at once is of no use here.
#[inline]
pub(crate) fn alloc_to_fill(layout: Layout, _len: usize, settings: &Settings) -> *mut u8 {
    alloc(layout, settings)
}

/// A block that reads as zeros, or null. What slabs lend does anyway.
#[inline]
pub(crate) fn zeroed(layout: Layout, settings: &Settings) -> *mut u8 {
    if class_of(layout).is_some() {
        alloc(layout, settings)
    } else {
        large_front::alloc(&CORE, layout, settings, true)
    }
}

/// Takes a block back. Ends the process, with a message, if it is not one of this layout, was given back before, or was
/// written past its end.
///
/// # Safety
///
/// `block` came from [`alloc`] with a layout of this size, is not free, and is not used again; but where a client
/// breaks this promise as said above, nothing worse happens than that the process ends.
#[inline]
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout) {
    match class_of(layout) {
        // SAFETY: the caller's promise is the same.
        Some(class) => unsafe {
            lending::take_back(block, class, layout.size(), PROCESS);
            cache::put(class, block);
        },
        // SAFETY: the caller's promise is the same.
        None => unsafe { large_front::free(&CORE, block, layout) },
    }
}

/// Makes the block serve `new` where it is or, with `may_move`, elsewhere at little cost. `None`: nothing has changed.
///
/// # Safety
///
/// `block` is a live block of `old`; neither size is zero, and the alignments are the same.
pub(crate) unsafe fn resize(
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    may_move: bool,
) -> Option<NonNull<u8>> {
    match (class_of(old), class_of(new)) {
        // SAFETY: the caller's promise is the same.
        (Some(a), Some(b)) => unsafe { lending::resize(block, (a, old.size()), (b, new.size()), PROCESS) },
        // SAFETY: both layouts are large; the rest is the caller's promise.
        (None, None) => unsafe { large_front::resize(&CORE, block, old, new, may_move) },
        _ => None,
    }
}
