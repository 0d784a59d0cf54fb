//! What [`Heap`](crate::Heap) calls for blocks of slabs, in the default build: its owner's bins, or its homes, and nothing around
//! them. `private_checked.rs` beside this file is the same for the feature `checked`; the crate's root picks one.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use crate::private::State;
use crate::registry;
use crate::thread_cache::{class_of_bin, slot_size};

/// What a layout asks for: the bin.
pub(crate) type Small = usize;

/// `None`: no slab serves it.
pub(crate) use crate::thread_cache::bin_of as small;

/// The bytes of a block of `layout` that a client may use.
#[inline]
pub(crate) fn usable_size(layout: Layout) -> usize {
    slot_size(layout).unwrap_or(layout.size())
}

/// A block that the calling thread has at hand, as the heap's owner, or null.
#[inline(always)]
pub(crate) fn take(state: &State, bin: usize) -> *mut u8 {
    // O2: this thread is the owner.
    if state.is_mine() { state.bins.pop(bin) } else { ptr::null_mut() }
}

/// A block of a heap that was opened; null when there is no memory.
pub(crate) fn take_slow(state: &State, bin: usize) -> *mut u8 {
    if !state.is_mine() && !registry::claim(state) {
        return state.take_one(class_of_bin(bin));
    }
    // O2. Once more: to become the owner may have allocated.
    match state.bins.pop(bin) {
        block if block.is_null() => state.bins.pop_slow(state, bin),
        block => block,
    }
}

/// Makes a block that was just taken read as zeros.
///
/// # Safety
///
/// The block is the caller's, of that layout.
#[inline]
pub(crate) unsafe fn zero(block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { block.write_bytes(0, layout.size()) };
}

/// Takes a block back if the calling thread has room for it, as the heap's owner, and says whether it had.
///
/// # Safety
///
/// The block is one of the heap and the bin, and the caller gives it up, if it is taken.
#[inline(always)]
pub(crate) unsafe fn give(state: &State, bin: usize, block: NonNull<u8>) -> bool {
    // SAFETY: the caller's promise is the same; O2: this thread is the owner.
    state.is_mine() && unsafe { state.bins.push(bin, block) }
}

/// Takes a block back into a heap that was opened.
///
/// # Safety
///
/// The block is one of the heap and the bin, and the caller gives it up.
pub(crate) unsafe fn give_slow(state: &State, bin: usize, block: NonNull<u8>) {
    // SAFETY: the caller's promise is the same; O2 where this thread is the owner.
    unsafe {
        if state.is_mine() {
            state.bins.push_slow(state, bin, block);
        } else {
            state.give_one(class_of_bin(bin), block);
        }
    }
}

/// Makes a block of bin `a` serve what `b` is the bin of, where it is. `None`: it cannot.
///
/// # Safety
///
/// The block is a live one of the heap and of bin `a`.
#[inline]
pub(crate) unsafe fn resize(_: &State, block: NonNull<u8>, a: usize, b: usize) -> Option<NonNull<u8>> {
    (class_of_bin(a) == class_of_bin(b)).then_some(block)
}
