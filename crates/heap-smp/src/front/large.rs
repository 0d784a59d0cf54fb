//! Large blocks as clients get them, in the default build: as they are. `checked/large.rs` is the same for the feature
//! `checked`; the crate's root picks one.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use crate::config::Settings;
use crate::core_heap::CoreHeap;
use crate::large;

pub(crate) use crate::large::free;

/// A block for a layout that no slab serves; null when there is no memory. With `zeroed` it reads as zeros: fresh memory
/// from the system is not cleared again.
#[cold]
#[inline(never)]
pub(crate) fn alloc(core: &CoreHeap, layout: Layout, settings: &Settings, zeroed: bool) -> *mut u8 {
    let Some(fresh) = large::fresh(core, layout, settings) else { return ptr::null_mut() };
    if zeroed && !fresh.zeroed {
        // SAFETY: the block is ours and that long.
        unsafe { fresh.block.write_bytes(0, layout.size()) };
    }
    fresh.block.as_ptr()
}

/// As [`large::resize`].
///
/// # Safety
///
/// As for [`large::resize`]; `new` has the alignment of `old`.
pub(crate) unsafe fn resize(
    core: &CoreHeap,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    may_move: bool,
) -> Option<NonNull<u8>> {
    // SAFETY: the caller's promise is the same.
    unsafe { large::resize(core, block, old, new.size(), may_move) }
}
