//! Large blocks of a private heap: those of the process's heap, and on the private heap's rolls while they live.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::config::Settings;
use crate::core_heap::CORE;
use crate::directory::Owner;
use crate::large_front;
use crate::private::State;
use crate::segment::{Kind, Segment};
use crate::violation::{Violation, report};

/// A block for a layout that no slab serves, of at least one byte; null when there is no memory. With `zeroed` it reads as zeros.
#[cold]
#[inline(never)]
pub(crate) fn alloc(state: &State, layout: Layout, zeroed: bool) -> *mut u8 {
    let block = large_front::alloc(&CORE, layout, &Settings::DEFAULT, zeroed);
    if let Some(block) = NonNull::new(block) {
        enroll(state, block);
    }
    block
}

/// Takes a large block back. Aborts if it is not one of this heap.
///
/// # Safety
///
/// `block` is a live large block of this heap, of that layout, and not used again.
#[cold]
#[inline(never)]
pub(crate) unsafe fn free(state: &State, block: NonNull<u8>, layout: Layout) {
    if layout.size() > 0 {
        strike(state, block);
        // SAFETY: the caller's promise is the same; the block is the process's heap's now.
        unsafe { large_front::free(&CORE, block, layout) };
    }
}

/// As [`large_front::resize`]: for the time of the change the block is the process's heap's.
///
/// # Safety
///
/// As for [`large_front::resize`]; `block` is of this heap.
pub(crate) unsafe fn resize(
    state: &State,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    may_move: bool,
) -> Option<NonNull<u8>> {
    strike(state, block);
    // SAFETY: the caller's promise is the same.
    let moved = unsafe { large_front::resize(&CORE, block, old, new, may_move) };
    enroll(state, moved.unwrap_or(block));
    moved
}

/// Whether `addr` lies in a span or a mapping of this heap.
pub(crate) fn owns(state: &State, addr: usize) -> bool {
    let span = match CORE.directory.owner_of(addr) {
        Some(Owner::Segment(segment)) => segment.span_at(addr).or_else(|| segment.run_around(addr)),
        Some(Owner::Huge(_)) | None => None,
    };
    match span {
        Some(span) => span.kind() != Kind::None && span.tenant() == state.roll.tenant(),
        // The directory knows the beginning of a huge block only.
        None => state.huge.count() > 0 && state.huge.contains(&mut CORE.huge.state.lock(), addr),
    }
}

fn enroll(state: &State, block: NonNull<u8>) {
    let addr = block.addr().get();
    match CORE.directory.owner_of(addr) {
        Some(Owner::Segment(segment)) => {
            let mut heap = CORE.spans.of(segment).lock();
            if let Some(span) = segment.span_at(addr) {
                state.roll.enroll(&mut heap, segment, span);
            }
        }
        Some(Owner::Huge(record)) => {
            state.huge.enroll(&mut CORE.huge.state.lock(), state.roll.tenant(), record);
        }
        // A block that was just made lies somewhere.
        None => {}
    }
}

/// Takes a block off its roll. Aborts if it is on none of this heap's.
fn strike(state: &State, block: NonNull<u8>) {
    let addr = block.addr().get();
    match CORE.directory.owner_of(addr) {
        Some(Owner::Segment(segment)) => strike_run(state, segment, addr),
        Some(Owner::Huge(record)) => {
            let mut huge = CORE.huge.state.lock();
            state.huge.strike(&mut huge, state.roll.tenant(), record, block);
        }
        None => report(Violation::ForeignPointer, addr),
    }
}

fn strike_run(state: &State, segment: &'static Segment, addr: usize) {
    let mut heap = CORE.spans.of(segment).lock();
    // Free, or inside a run: the process's heap says which, when it finds the same.
    let Some(span) = segment.span_at(addr) else { return };
    if span.kind() == Kind::Run && span.base().addr() == addr && !span.is_parked() {
        if span.tenant() != state.roll.tenant() {
            report(Violation::WrongHeap, addr)
        }
        state.roll.strike(&mut heap, span);
    }
}
