//! Blocks above the slabs' sizes, for the feature `checked`: a canary behind the block up to the end of its unit, and a unit
//! behind that, which nobody can touch while the block is there.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_os::pages;

use crate::canary;
use crate::config::{Settings, UNIT};
use crate::core_heap::CoreHeap;
use crate::directory::Owner;
use crate::hardening::{self, GUARDED};
use crate::hints;
use crate::large;
use crate::lock::Lock;
use crate::segment::{Kind, Segment, Span};
use crate::sync::{AtomicBool, Ordering};
use crate::violation::{Violation, report};

/// Runs of at least so many bytes are wiped by giving their pages back: what the client never touched stays untouched. Below, to
/// write zeros is cheaper than the faults of whoever has the run next.
const DROPPED_FROM: usize = 2 << 20;

/// The layout of a block with its guard unit, or `None` for one that is too long.
fn padded(layout: Layout) -> Option<Layout> {
    let size = layout.size().checked_next_multiple_of(UNIT)?.checked_add(UNIT)?;
    Layout::from_size_align(size, layout.align()).ok()
}

/// Bytes between a block's end and its guard.
fn slack(size: usize) -> usize {
    size.next_multiple_of(UNIT) - size
}

/// A block for a layout that no slab serves; null when there is no memory. With `zeroed` it reads as zeros.
#[cold]
#[inline(never)]
pub(crate) fn alloc(core: &CoreHeap, layout: Layout, settings: &Settings, zeroed: bool) -> *mut u8 {
    if layout.size() == 0 {
        return layout.dangling_ptr().as_ptr();
    }
    let Some(whole) = padded(layout) else { return ptr::null_mut() };
    let Some(fresh) = large::fresh(core, whole, settings) else { return ptr::null_mut() };
    hints::lent(fresh.block, whole.size());
    if zeroed && !fresh.zeroed {
        // SAFETY: the block is ours and that long.
        unsafe { fresh.block.write_bytes(0, layout.size()) };
    }
    // SAFETY: the block is ours, of the padded layout.
    unsafe { close(core, fresh.block, layout.size()) };
    fresh.block.as_ptr()
}

/// Takes a large block back. Ends the process, with a message, if it is not one of this layout, or was written past its end.
///
/// # Safety
///
/// `block` came from [`alloc`] or [`resize`] with a layout of this size and alignment, and is not used again.
#[cold]
#[inline(never)]
pub(crate) unsafe fn free(core: &CoreHeap, block: NonNull<u8>, layout: Layout) {
    if layout.size() == 0 {
        return;
    }
    let Some(whole) = padded(layout) else { report(Violation::WrongLayout, block.addr().get()) };
    match place_of(core, block, whole) {
        Place::Run(segment, span) => {
            // SAFETY: a live block of ours of the padded layout.
            unsafe {
                check_canary(block, layout.size());
                if !open(span, guard_of(block, layout.size())) {
                    return park(core, block, whole);
                }
                give_run(core, segment, span, block, whole);
            }
            if ANY_PARKED.load(Ordering::Relaxed) {
                retry(core);
            }
            return;
        }
        // SAFETY: as above.
        Place::Huge => unsafe {
            check_canary(block, layout.size());
            hardening::unmapped();
        },
        Place::None => {}
    }
    // SAFETY: the caller's promise, for the padded layout; what has no place is reported there.
    unsafe { large::free(core, block, whole) }
}

/// Wipes a run and gives it back.
///
/// # Safety
///
/// The run is ours, nobody's, of the padded layout, and its guard is open.
unsafe fn give_run(
    core: &CoreHeap,
    segment: &'static Segment,
    span: &Span,
    block: NonNull<u8>,
    whole: Layout,
) {
    hints::lent(block, whole.size());
    // SAFETY: the caller's promise.
    let dropped = unsafe { wipe(block, whole.size()) };
    hints::returned(block, whole.size());
    if dropped {
        if !core.runs.give_clean(&mut core.spans.of(segment).lock(), segment, span, whole.size() / UNIT) {
            report(Violation::DoubleFree, block.addr().get())
        }
    } else {
        // SAFETY: as above.
        unsafe { large::free(core, block, whole) };
    }
}

/// Makes whole units at `block`, `len` bytes, zeros. Says whether they are not resident any more.
///
/// # Safety
///
/// They are ours to write.
unsafe fn wipe(block: NonNull<u8>, len: usize) -> bool {
    let dropped = len >= DROPPED_FROM
        && pages::DECOMMIT_KEEPS_ACCESS
        // SAFETY: the caller's promise.
        && unsafe { pages::decommit(block, len) }.is_ok();
    if !dropped {
        // SAFETY: as above.
        unsafe { block.write_bytes(0, len) };
    }
    dropped
}

/// Runs that were given back while the system refused to open their guards, by padded layout; beyond so many they are lost.
struct Parked([Option<(NonNull<u8>, Layout)>; 64]);

// SAFETY: the runs are nobody's; the holder of the lock alone reaches them.
unsafe impl Send for Parked {}

static PARKED: Lock<Parked> = Lock::new(Parked([None; 64]));
/// Whether there may be any.
static ANY_PARKED: AtomicBool = AtomicBool::new(false);

/// Keeps a run, of the padded layout, whose guard cannot be opened now.
#[cold]
fn park(_: &CoreHeap, block: NonNull<u8>, whole: Layout) {
    // A fork may have come while another thread had the lock: then it stays closed, and a run is lost.
    if let Some(mut parked) = PARKED.try_lock()
        && let Some(place) = parked.0.iter_mut().find(|place| place.is_none())
    {
        *place = Some((block, whole));
        ANY_PARKED.store(true, Ordering::Relaxed);
    }
}

/// Gives parked runs back whose guards can be opened now.
#[cold]
fn retry(core: &CoreHeap) {
    let Some(mut parked) = PARKED.try_lock() else { return };
    for place in &mut parked.0 {
        if let Some((block, whole)) = *place
            && let Place::Run(segment, span) = place_of(core, block, whole)
            // SAFETY: the run was given back to us; the guard is its last unit.
            && unsafe { open(span, block.add(whole.size() - UNIT)) }
        {
            *place = None;
            // SAFETY: as above. Nobody has the block.
            unsafe { give_run(core, segment, span, block, whole) }
        }
    }
    ANY_PARKED.store(parked.0.iter().any(Option::is_some), Ordering::Relaxed);
}

/// Changes a large block's size to another large one: in place, or, where `may_move`, by moving its pages. `None`:
/// nothing has changed.
///
/// # Safety
///
/// `block` is a live large block of `old`; `new` has the same alignment, and no slab serves it.
pub(crate) unsafe fn resize(
    core: &CoreHeap,
    block: NonNull<u8>,
    old: Layout,
    new: Layout,
    may_move: bool,
) -> Option<NonNull<u8>> {
    let (old_whole, new_whole) = (padded(old)?, padded(new)?);
    let place = place_of(core, block, old_whole);
    if matches!(place, Place::None) {
        misplaced(core, block, old_whole)
    }
    // SAFETY: a live block of ours of the padded layout.
    unsafe {
        let guard = guard_of(block, old.size());
        check_canary(block, old.size());
        let opened = match place {
            Place::Run(_, span) => open(span, guard),
            Place::Huge => hardening::open(guard),
            Place::None => false,
        };
        if !opened {
            return None;
        }
        if matches!(place, Place::Run(..)) && new.size() < old.size() {
            // A run always becomes shorter where it is. What is cut off is free then.
            wipe_end(block, new.size(), old.size());
        }
        let is_run = matches!(place, Place::Run(..));
        if is_run {
            // What it leaves, or what is cut off, may be another thread's before the call is back.
            hints::returned(block, old_whole.size());
        }
        let moved = large::resize(core, block, old_whole, new_whole.size(), may_move);
        match moved {
            Some(moved) => {
                hints::lent(moved, new_whole.size());
                close(core, moved, new.size());
            }
            None => {
                if is_run {
                    hints::lent(block, old_whole.size());
                }
                close(core, block, old.size());
            }
        }
        moved
    }
}

/// Wipes a block from byte `from` to byte `to`, which lies in its last unit.
///
/// # Safety
///
/// The block is that long and ours to write.
unsafe fn wipe_end(block: NonNull<u8>, from: usize, to: usize) {
    let (first, last) = (from.next_multiple_of(UNIT), to.next_multiple_of(UNIT));
    // SAFETY: the caller's promise; a block ends with whole units.
    unsafe {
        block.add(from).write_bytes(0, first.min(to) - from);
        if first < last {
            wipe(block.add(first), last - first);
        }
    }
}

/// Where a large block lies.
enum Place {
    Run(&'static Segment, &'static Span),
    Huge,
    /// Nowhere, or not with this length.
    None,
}

/// Where the block lies, if it is one of so many bytes, and of the process's heap.
fn place_of(core: &CoreHeap, block: NonNull<u8>, whole: Layout) -> Place {
    let addr = block.addr().get();
    match core.directory.owner_of(addr) {
        Some(Owner::Segment(segment)) => match segment.span_at(addr) {
            Some(span)
                if span.kind() == Kind::Run
                    && !span.is_parked()
                    && span.tenant() == 0
                    && span.base().addr() == addr
                    && span.units() == whole.size() / UNIT =>
            {
                Place::Run(segment, span)
            }
            _ => Place::None,
        },
        // Relaxed: whoever has the block got it after its record was written.
        Some(Owner::Huge(record))
            if record.base.load(Ordering::Relaxed) == block.as_ptr()
                && record.len.load(Ordering::Relaxed) == whole.size() =>
        {
            Place::Huge
        }
        _ => Place::None,
    }
}

/// Reports what is wrong with a block that has no place.
#[cold]
fn misplaced(core: &CoreHeap, block: NonNull<u8>, whole: Layout) -> ! {
    // SAFETY: nothing is freed: for a block without a place the call does not return.
    unsafe { large::free(core, block, whole) };
    report(Violation::WrongLayout, block.addr().get())
}

/// The first byte of the guard behind a block of `size` bytes.
///
/// # Safety
///
/// The block is that long.
unsafe fn guard_of(block: NonNull<u8>, size: usize) -> NonNull<u8> {
    // SAFETY: the caller's promise: the padded layout has a unit more.
    unsafe { block.add(size.next_multiple_of(UNIT)) }
}

/// Marks the end of a block, and closes the unit behind it.
///
/// # Safety
///
/// The block is ours, of the padded layout.
unsafe fn close(core: &CoreHeap, block: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        canary::write(block.as_ptr(), size, slack(size));
        hints::returned(block.add(size), slack(size));
        let closed = hardening::close(guard_of(block, size));
        if let Some(Owner::Segment(segment)) = core.directory.owner_of(block.addr().get())
            && let Some(span) = segment.span_at(block.addr().get())
        {
            span.set_note(if closed { GUARDED } else { 0 });
        }
    }
}

/// Opens the guard of a run, if it has one. `false`: the system refuses, and it stays closed.
///
/// # Safety
///
/// The run is ours.
unsafe fn open(span: &Span, guard: NonNull<u8>) -> bool {
    if span.note() != GUARDED {
        return true;
    }
    // SAFETY: the caller's promise.
    let opened = unsafe { hardening::open(guard) };
    if opened {
        span.set_note(0);
    }
    opened
}

/// # Safety
///
/// A live block of that size.
unsafe fn check_canary(block: NonNull<u8>, size: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        hints::lent(block.add(size), slack(size));
        if !canary::is_whole(block.as_ptr(), size, slack(size)) {
            report(Violation::Overflow, block.addr().get())
        }
    }
}
