//! What [`SmpAllocator`](crate::SmpAllocator) calls, with the feature `checked`: each block is looked up when it is given
//! back, instead of trusting the layout, and wiped; what is lent was drawn at random, and must still be as it was left.
//!
//! `fast.rs` beside this file is the same for the default build; the crate's root picks one.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::SizeClasses;

use crate::canary;
use crate::checked_cache as cache;
use crate::checked_large as large;
use crate::config::{SMALL_MAX, Settings, UNIT};
use crate::core_heap::CORE;
use crate::directory::Owner;
use crate::hardening::{self, Slot};
use crate::hints;
use crate::segment::Kind;
use crate::size::CLASS;
use crate::states::{Contents, Given};
use crate::violation::{Violation, report};

pub(crate) use crate::checked_cache::flush_this_thread;

/// The class of a layout, or `None` for one that no slab serves.
#[inline]
fn class_of(layout: Layout) -> Option<usize> {
    // The size rounded up to the alignment, less one. A size of zero wraps to the largest and is no slab's.
    let last = layout.size().wrapping_sub(1) | (layout.align() - 1);
    (last < SMALL_MAX && layout.align() <= UNIT).then(|| SizeClasses::class_of(last + 1))
}

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
            Some(block) => unsafe { lend(block, class, layout.size()) },
            None => ptr::null_mut(),
        },
        None => large::alloc(&CORE, layout, settings, false),
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
        large::alloc(&CORE, layout, settings, true)
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
        Some(class) => unsafe { free_small(block, class, layout.size()) },
        // SAFETY: the caller's promise is the same.
        None => unsafe { large::free(&CORE, block, layout) },
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
        (Some(a), Some(b)) => {
            let slot = checked_slot(block, a);
            let slack = slack(a, old.size());
            judge(slot.state.is_lent(slack), block);
            // SAFETY: the slot is the block's, and that long.
            unsafe {
                check_canary(block, old.size(), slack);
                (a == b).then(|| relend(slot, block, a, new.size()))
            }
        }
        // SAFETY: both layouts are large; the rest is the caller's promise.
        (None, None) => unsafe { large::resize(&CORE, block, old, new, may_move) },
        _ => None,
    }
}

/// Bytes of a slot behind a block.
#[inline]
fn slack(class: usize, size: usize) -> usize {
    CLASS[class].slot as usize - size
}

/// Makes a free slot a client's: checks what it holds, and marks its end.
///
/// # Safety
///
/// `block` is a free slot of the class, owned by the caller.
#[inline]
unsafe fn lend(block: NonNull<u8>, class: usize, size: usize) -> *mut u8 {
    let len = CLASS[class].slot as usize;
    let slot = checked_slot(block, class);
    hints::lent(block, len);
    match slot.state.contents() {
        Contents::Fresh => {}
        // SAFETY: the slot is ours and that long; it is initialised, because it was wiped.
        Contents::Wiped => unsafe {
            if !is_zero(block, len) {
                report(Violation::WriteAfterFree, block.addr().get())
            }
        },
        // SAFETY: the slot is ours and that long.
        Contents::Unknown => unsafe { block.write_bytes(0, len) },
        Contents::Lent => report(Violation::DoubleFree, block.addr().get()),
    }
    // SAFETY: the slot is ours and of that class.
    unsafe { relend(slot, block, class, size) }.as_ptr()
}

/// Marks the end of a block of `size` bytes in a slot of ours.
///
/// # Safety
///
/// `block` is the slot, of the class, and owned by the caller or by the client that asks.
#[inline]
unsafe fn relend(slot: Slot, block: NonNull<u8>, class: usize, size: usize) -> NonNull<u8> {
    let slack = slack(class, size);
    // SAFETY: the slot is as long as both together.
    unsafe {
        hints::lent(block, size + slack);
        canary::write(block.as_ptr(), size, slack);
        hints::returned(block.add(size), slack);
    }
    slot.state.lend(slack);
    block
}

#[inline]
unsafe fn free_small(block: NonNull<u8>, class: usize, size: usize) {
    let slack = slack(class, size);
    let slot = checked_slot(block, class);
    judge(slot.state.give(slack), block);
    // SAFETY: Q1: the slot was lent with this size, so it is ours again, of the class, and its canary was written.
    unsafe {
        check_canary(block, size, slack);
        block.write_bytes(0, size + slack);
        hints::returned(block, size + slack);
        cache::put(class, block);
    }
}

/// # Safety
///
/// `size + slack` bytes at `block` may be read, and the canary was written for these.
#[inline]
unsafe fn check_canary(block: NonNull<u8>, size: usize, slack: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        hints::lent(block, size + slack);
        if !canary::is_whole(block.as_ptr(), size, slack) {
            report(Violation::Overflow, block.addr().get())
        }
    }
}

#[inline]
fn judge(given: Given, block: NonNull<u8>) {
    match given {
        Given::Right => {}
        Given::Twice => report(Violation::DoubleFree, block.addr().get()),
        Given::WrongSize => report(Violation::WrongLayout, block.addr().get()),
    }
}

/// The slot of the class that starts at `block`. Ends the process if there is none.
#[inline]
fn checked_slot(block: NonNull<u8>, class: usize) -> Slot {
    match hardening::slot_at(&CORE.directory, block.addr().get()) {
        Some(slot) if slot.span.class() == class && slot.span.tenant() == 0 => slot,
        _ => misplaced(block.addr().get()),
    }
}

/// Reports what is wrong with an address at which no slot of the class expected starts.
#[cold]
#[inline(never)]
fn misplaced(addr: usize) -> ! {
    let violation = match CORE.directory.owner_of(addr) {
        None => Violation::ForeignPointer,
        Some(Owner::Huge(_)) => Violation::WrongLayout,
        Some(Owner::Segment(segment)) => match (segment.span_at(addr), hardening::slot_in(segment, addr)) {
            (_, Some(slot)) if slot.span.tenant() != 0 => Violation::WrongHeap,
            // A slot of another class: free, or lent with another layout.
            (_, Some(slot)) if slot.state.contents() == Contents::Lent => Violation::WrongLayout,
            (_, Some(_)) => Violation::DoubleFree,
            (Some(span), None) if span.kind() == Kind::Run && span.base().addr() == addr => {
                Violation::WrongLayout
            }
            (Some(_), None) => Violation::InteriorPointer,
            (None, None) if segment.run_around(addr).is_some() => Violation::InteriorPointer,
            (None, None) => Violation::DoubleFree,
        },
    };
    report(violation, addr)
}

/// Whether so many bytes, a multiple of eight, are all zero.
///
/// # Safety
///
/// They may be read, are initialised and aligned to eight.
#[inline]
unsafe fn is_zero(block: NonNull<u8>, len: usize) -> bool {
    // SAFETY: the caller's promise.
    let words = unsafe { core::slice::from_raw_parts(block.as_ptr().cast::<u64>(), len / size_of::<u64>()) };
    let (pieces, rest) = words.as_chunks::<8>();
    let any = |words: &[u64]| words.iter().fold(0, |all, word| all | word);
    pieces.iter().all(|piece| any(piece) == 0) && any(rest) == 0
}
