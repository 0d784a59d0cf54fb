//! What the homes and the large blocks do for the feature `checked`: states of fresh slabs, and guard units, which
//! nobody can touch.

use core::ptr::NonNull;

use heap_os::pages::{self, Access};

use crate::config::{SEGMENT, UNIT};
use crate::directory::{Directory, Owner};
use crate::hints;
use crate::secret::secret;
use crate::segment::{Kind, Segment, Span};
use crate::size::{CLASS, Class};
use crate::span_heap::SpanHeap;
use crate::states::State;
use crate::sync::{AtomicUsize, Ordering};

/// Guard units at the same time: each makes two more mappings, of which Linux allows a process 65,530 in all.
const GUARDS_MAX: usize = 16 << 10;
/// One slab in so many ends with a guard unit. Each keeps a huge page from forming: with one in eight, a parser had six times the
/// faults of the default build, and with one in 64 three times.
const SLABS_PER_GUARD: usize = 64;

/// A run's note: its last unit is closed.
pub(crate) const GUARDED: u8 = 1;

/// Guard units that are there.
static GUARDS: AtomicUsize = AtomicUsize::new(0);

/// The units to take for a slab: sometimes one more than it uses.
pub(crate) fn slab_units(class: &Class) -> usize {
    static OPENED: AtomicUsize = AtomicUsize::new(1);
    // A secret sequence that all threads share: Weyl's, its high bits decide.
    let step = secret() | 1;
    let number = OPENED.fetch_add(step, Ordering::Relaxed).wrapping_mul(step);
    let guarded = number >> (usize::BITS - SLABS_PER_GUARD.ilog2()) == 0;
    class.units as usize + usize::from(guarded)
}

/// A slab was opened: sets the states of its slots, and protects what is behind them.
pub(crate) fn opened(directory: &Directory, span: &Span, class: &Class, clean: bool) {
    if let Some(Owner::Segment(segment)) = directory.owner_of(span.base().addr()) {
        segment.states.open(segment.unit_of(span), span.class(), clean);
    }
    if let Some(guard) = guard_of(span, class) {
        // SAFETY: the slab's last unit, in which there is no slot.
        unsafe { close(guard) };
    }
}

/// Whether an empty slab may be closed: not if its guard unit cannot be opened.
pub(crate) fn may_close(span: &Span, class: &Class) -> bool {
    // SAFETY: the slab's last unit, if it is a guard.
    guard_of(span, class).is_none_or(|guard| unsafe { open(guard) })
}

/// Blocks go out to a cache that keeps no states: what they hold when they come back is not known.
pub(crate) fn lent(directory: &Directory, blocks: &[NonNull<u8>]) {
    for block in blocks {
        if let Some(slot) = slot_at(directory, block.addr().get()) {
            slot.state.distrust();
            hints::lent(*block, CLASS[slot.span.class()].slot as usize);
        }
    }
}

/// A run was taken for the heap's own use, or for a client without a canary.
#[inline]
pub(crate) fn lent_run(block: NonNull<u8>, len: usize) {
    hints::lent(block, len);
}

/// Gives a span of a private heap that goes back to the span heap, wiped, whatever is live there. Where the system refuses to
/// open its guard, that stays behind as a run of nobody's.
pub(crate) fn give(spans: &mut SpanHeap, segment: &'static Segment, span: &Span) {
    let (Some(base), len) = (NonNull::new(span.base()), span.units() * UNIT) else { return };
    let guard = match span.kind() {
        Kind::Slab => guard_of(span, &CLASS[span.class()]),
        _ if span.note() == GUARDED => NonNull::new(base.as_ptr().wrapping_add(len - UNIT)),
        _ => None,
    };
    // SAFETY: the span is the heap's, and nobody uses its blocks any more.
    unsafe {
        if guard.is_some_and(|guard| !open(guard)) {
            return spans.give_all_but_last(segment, span);
        }
        hints::lent(base, len);
        if pages::DECOMMIT_KEEPS_ACCESS && pages::decommit(base, len).is_ok() {
            spans.give_clean(segment, span);
        } else {
            base.write_bytes(0, len);
            spans.give(segment, span);
        }
        hints::returned(base, len);
    }
}

/// The unit of a slab behind those that its slots need.
fn guard_of(span: &Span, class: &Class) -> Option<NonNull<u8>> {
    let used = class.units as usize;
    (span.units() > used).then(|| NonNull::new(span.base().wrapping_add(used * UNIT)))?
}

/// Takes all access to a unit away, if the process has mappings enough. Says whether it did. What the unit held is lost.
///
/// # Safety
///
/// The unit is the caller's, and nobody uses it.
pub(crate) unsafe fn close(unit: NonNull<u8>) -> bool {
    // Relaxed: the number keeps the guards few, and orders nothing.
    if GUARDS.load(Ordering::Relaxed) >= GUARDS_MAX {
        return false;
    }
    // SAFETY: the caller's promise.
    let closed = unsafe { pages::protect(unit, UNIT, Access::None) }.is_ok();
    if closed {
        GUARDS.fetch_add(1, Ordering::Relaxed);
    }
    closed
}

/// Gives access to a unit back. Says whether it could; a unit that was not closed stays open.
///
/// # Safety
///
/// The unit is the caller's.
pub(crate) unsafe fn open(unit: NonNull<u8>) -> bool {
    // SAFETY: the caller's promise.
    let opened = unsafe { pages::protect(unit, UNIT, Access::ReadWrite) }.is_ok();
    if opened {
        // A slab's unit that could not be closed counts as one all the same, so the number may be too small, never too large.
        let _ = GUARDS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |guards| guards.checked_sub(1));
    }
    opened
}

/// A closed unit went away with its mapping.
pub(crate) fn unmapped() {
    let _ = GUARDS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |guards| guards.checked_sub(1));
}

/// A place in a slab.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) span: &'static Span,
    pub(crate) state: &'static State,
}

/// The slot that starts at `addr`, if `addr` lies in a slab and is the start of a slot.
#[inline]
pub(crate) fn slot_at(directory: &Directory, addr: usize) -> Option<Slot> {
    match directory.owner_of(addr)? {
        Owner::Segment(segment) => slot_in(segment, addr),
        Owner::Huge(_) => None,
    }
}

/// The state of the slot of the class that starts at `addr`, in a slab of this tenant.
#[inline]
pub(crate) fn state_of(
    directory: &Directory,
    addr: usize,
    class: usize,
    tenant: u32,
) -> Option<&'static State> {
    let Owner::Segment(segment) = directory.owner_of(addr)? else { return None };
    let (span, offset) = segment.place_at(addr);
    if !span.is_slab_of(class, span.group()) || span.tenant() != tenant {
        return None;
    }
    let slot = CLASS[class].slot_starting_at(offset)?;
    segment.states.of_slot(((addr - offset) & (SEGMENT - 1)) / UNIT, class, slot)
}

/// As [`slot_at`], for an address in this segment.
#[inline]
pub(crate) fn slot_in(segment: &'static Segment, addr: usize) -> Option<Slot> {
    let span = segment.span_at(addr).filter(|span| span.kind() == Kind::Slab)?;
    let slot = CLASS[span.class()].slot_starting_at(addr - span.base().addr())?;
    let state = segment.states.of_slot(segment.unit_of(span), span.class(), slot)?;
    Some(Slot { span, state })
}
