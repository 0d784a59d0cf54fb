//! What [`Heap`](crate::Heap) calls for blocks of slabs, with the feature `checked`: as `checked.rs` beside this file does for the
//! process's heap. The owner draws from what it has at hand; others take the lowest block that is home.
//!
//! `private_fast.rs` is the same for the default build; the crate's root picks one.

use core::alloc::Layout;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use crate::checked_cache::Homes;
use crate::lending::{self, class_of};
use crate::private::State;
use crate::registry;
use crate::violation::{Violation, report};

/// What a layout asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Small {
    class: usize,
    size: usize,
}

/// What a layout asks for. `None`: no slab serves it.
#[inline]
pub(crate) fn small(layout: Layout) -> Option<Small> {
    class_of(layout).map(|class| Small { class, size: layout.size() })
}

/// The bytes of a block of `layout` that a client may use: no more than it asked for.
#[inline]
pub(crate) fn usable_size(layout: Layout) -> usize {
    layout.size()
}

/// A block that the calling thread has at hand, as the heap's owner, or null.
#[inline]
pub(crate) fn take(state: &State, small: Small) -> *mut u8 {
    if !state.is_mine() {
        return ptr::null_mut();
    }
    // O2: this thread is the owner.
    lend(state, small, state.bins.pop(small.class))
}

/// A block of a heap that was opened; null when there is no memory.
pub(crate) fn take_slow(state: &State, small: Small) -> *mut u8 {
    let block = if state.is_mine() || registry::claim(state) {
        // O2.
        state.bins.pop_slow(state, small.class)
    } else {
        NonNull::new(state.take_one(small.class))
    };
    lend(state, small, block)
}

fn lend(state: &State, small: Small, block: Option<NonNull<u8>>) -> *mut u8 {
    let Some(block) = block else { return ptr::null_mut() };
    // SAFETY: the block is free, of the class, and of the heap.
    unsafe { lending::lend(block, small.class, small.size, state.roll.tenant()) }
}

/// Makes a block that was just taken read as zeros: it does.
///
/// # Safety
///
/// The block is the caller's, of that layout.
#[inline]
pub(crate) unsafe fn zero(_: NonNull<u8>, _: Layout) {}

/// Takes a block back. Ends the process, with a message, if it is not one of this heap and this size, was given back
/// before, or was written past its end. `false`: the heap was not opened.
///
/// # Safety
///
/// The caller gives the block up; and where it breaks that promise as said above, nothing worse happens than that the
/// process ends.
#[inline]
pub(crate) unsafe fn give(state: &State, small: Small, block: NonNull<u8>) -> bool {
    let tenant = state.roll.tenant();
    if tenant == NOBODYS {
        return false;
    }
    // SAFETY: the caller's promise is the same; what is taken back is a free block of the class.
    unsafe {
        lending::take_back(block, small.class, small.size, tenant);
        if state.is_mine() {
            // O2.
            state.bins.push(state, small.class, block);
        } else {
            state.give_one(small.class, block);
        }
    }
    true
}

/// As [`give`], for a heap that was opened.
///
/// # Safety
///
/// As for [`give`].
pub(crate) unsafe fn give_slow(state: &State, small: Small, block: NonNull<u8>) {
    // SAFETY: the caller's promise is the same.
    if !unsafe { give(state, small, block) } {
        report(Violation::WrongHeap, block.addr().get())
    }
}

/// The tenant of a heap that was not opened, and of the process's spans.
const NOBODYS: u32 = 0;

/// Makes a block of what `a` asked for serve `b`, where it is. `None`: it cannot. Ends the process as [`give`] does.
///
/// # Safety
///
/// The block is a live one of the heap, and the caller's.
#[inline]
pub(crate) unsafe fn resize(state: &State, block: NonNull<u8>, a: Small, b: Small) -> Option<NonNull<u8>> {
    let tenant = state.roll.tenant();
    if tenant == NOBODYS {
        report(Violation::WrongHeap, block.addr().get())
    }
    // SAFETY: the caller's promise is the same.
    unsafe { lending::resize(block, (a.class, a.size), (b.class, b.size), tenant) }
}

/// The homes of a private heap beneath what its owner has at hand.
impl Homes for State {
    fn take_blocks(&self, class: usize, out: &mut [MaybeUninit<NonNull<u8>>]) -> usize {
        self.home(class).take(self.ground(), class, out)
    }

    unsafe fn give_blocks(&self, class: usize, blocks: &mut [MaybeUninit<NonNull<u8>>]) {
        // SAFETY: the caller's promise is the same. None are left: it is the only home of the heap's class.
        unsafe { self.home(class).give(self.ground(), class, blocks) };
    }
}
