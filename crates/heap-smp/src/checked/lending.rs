//! What becomes of a slot, with the feature `checked`, when it is lent to a client and given back: the same for the process's heap
//! and for private ones.
//!
//! Each block is looked up by its address, never by what the client says of it. A slot that is free reads as zeros, and is
//! marked as free; one that is lent has a canary behind the block.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::SizeClasses;

use crate::canary;
use crate::config::{SMALL_MAX, UNIT};
use crate::core_heap::CORE;
use crate::directory::Owner;
use crate::hardening;
use crate::hints;
use crate::segment::Kind;
use crate::size::CLASS;
use crate::states::{Contents, Given, State};
use crate::violation::{Violation, report};

/// The class of a layout, or `None` for one that no slab serves.
#[inline]
pub(crate) fn class_of(layout: Layout) -> Option<usize> {
    // The size rounded up to the alignment, less one. A size of zero wraps to the largest and is no slab's.
    let last = layout.size().wrapping_sub(1) | (layout.align() - 1);
    (last < SMALL_MAX && layout.align() <= UNIT).then(|| SizeClasses::class_of(last + 1))
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
/// `block` is a free slot of the class, of the heap whose spans have this tenant, owned by the caller.
#[inline]
pub(crate) unsafe fn lend(block: NonNull<u8>, class: usize, size: usize, tenant: u32) -> *mut u8 {
    let len = CLASS[class].slot as usize;
    let state = checked_slot(block, class, tenant);
    hints::lent(block, len);
    match state.contents() {
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
    unsafe { relend(state, block, class, size) }.as_ptr()
}

/// Marks the end of a block of `size` bytes in a slot of ours.
///
/// # Safety
///
/// `block` is the slot, of the class, and owned by the caller or by the client that asks.
#[inline]
unsafe fn relend(state: &State, block: NonNull<u8>, class: usize, size: usize) -> NonNull<u8> {
    let slack = slack(class, size);
    // SAFETY: the slot is as long as both together.
    unsafe {
        hints::lent(block, size + slack);
        canary::write(block.as_ptr(), size, slack);
        hints::returned(block.add(size), slack);
    }
    state.lend(slack);
    block
}

/// Takes a slot back from a client, and wipes it: it is the caller's. Ends the process, with a message, if it is not a block
/// of this size and of the heap whose spans have this tenant, is free already, or was written past its end.
///
/// # Safety
///
/// The client gives the block up; and where it breaks its promise as said above, nothing worse happens than that the process
/// ends.
#[inline]
pub(crate) unsafe fn take_back(block: NonNull<u8>, class: usize, size: usize, tenant: u32) {
    let slack = slack(class, size);
    let state = checked_slot(block, class, tenant);
    judge(state.give(slack), block);
    // SAFETY: Q1: the slot was lent with this size, so it is ours again, of the class, and its canary was written.
    unsafe {
        check_canary(block, size, slack);
        block.write_bytes(0, size + slack);
    }
    hints::returned(block, size + slack);
}

/// Makes a block in a slot of class `a` serve `new` where it is, if that is of the same class. Ends the process as
/// [`take_back`] does.
///
/// # Safety
///
/// `block` is a live block of `old`, and the caller's.
pub(crate) unsafe fn resize(
    block: NonNull<u8>,
    (a, old): (usize, usize),
    (b, new): (usize, usize),
    tenant: u32,
) -> Option<NonNull<u8>> {
    let slack = slack(a, old);
    let state = checked_slot(block, a, tenant);
    judge(state.is_lent(slack), block);
    // SAFETY: the slot is the block's, and that long.
    unsafe {
        check_canary(block, old, slack);
        if a == b {
            return Some(relend(state, block, a, new));
        }
        hints::returned(block.add(old), slack);
    }
    None
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

/// The state of the slot of the class and of the heap that starts at `block`. Ends the process if there is none.
#[inline]
fn checked_slot(block: NonNull<u8>, class: usize, tenant: u32) -> &'static State {
    let addr = block.addr().get();
    hardening::state_of(&CORE.directory, addr, class, tenant).unwrap_or_else(|| misplaced(addr, tenant))
}

/// Reports what is wrong with an address at which no slot of the class expected starts.
#[cold]
#[inline(never)]
fn misplaced(addr: usize, tenant: u32) -> ! {
    let violation = match CORE.directory.owner_of(addr) {
        None => Violation::ForeignPointer,
        Some(Owner::Huge(_)) => Violation::WrongLayout,
        Some(Owner::Segment(segment)) => match (segment.span_at(addr), hardening::slot_in(segment, addr)) {
            (_, Some(slot)) if slot.span.tenant() != tenant => Violation::WrongHeap,
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
