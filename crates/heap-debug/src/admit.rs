//! Is what the client gives back a live block of ours, as it says? If not: what is wrong.

use core::alloc::Layout;

use crate::findings::Findings;
use crate::inspect;
use crate::span::{Meta, Place, Slot, Span, State};
use crate::violation::{Operation, Violation, ViolationKind};

/// What a client brings.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) addr: usize,
    pub(crate) layout: Layout,
    pub(crate) operation: Operation,
    /// Whether the block is the client's no more when the call returns.
    pub(crate) gives_up: bool,
}

/// A live block.
#[derive(Clone, Copy)]
pub(crate) struct Admitted<'a> {
    pub(crate) slot: Slot<'a>,
    pub(crate) meta: Meta,
    pub(crate) place: Place,
}

/// The live block that starts at the claimed address; `None` when there is none. Whatever differs from the claim, or
/// was written around the block, is among the findings. Under the stripe's lock.
#[inline(always)]
pub(crate) fn admit<'a>(span: &'a Span, claim: &Claim, findings: &mut Findings) -> Option<Admitted<'a>> {
    if let Some(slot) = span.slot_of(claim.addr) {
        let meta = slot.meta();
        let place = slot.place_of(meta);
        if meta.state == State::Live
            && place.addr() == claim.addr
            && place.size == claim.layout.size()
            && meta.align() == claim.layout.align()
            && inspect::is_armed(&place)
        {
            return Some(Admitted { slot, meta, place });
        }
    }
    let slot = examine(span, claim, findings)?;
    Some(Admitted { slot, meta: slot.meta(), place: slot.place() })
}

#[cold]
#[inline(never)]
fn examine<'a>(span: &'a Span, claim: &Claim, findings: &mut Findings) -> Option<Slot<'a>> {
    let &Claim { addr, layout, operation, .. } = claim;
    let given = Some((layout.size(), layout.align()));
    let interior = Violation { given, ..Violation::new(ViolationKind::InteriorPointer, operation, addr) };
    // Behind the last slot, or in one that no client ever had.
    let Some(slot) = span.slot_of(addr).filter(|slot| slot.meta().state != State::Fresh) else {
        findings.push(interior);
        return None;
    };
    let place = slot.place();
    let facts = Some(inspect::facts(&slot));
    if addr != place.addr() {
        let distance = addr.wrapping_sub(place.addr());
        findings.push(Violation { block: facts, distance, ..interior });
        return None;
    }
    if slot.meta().state != State::Live {
        let freed = matches!(operation, Operation::Free);
        let kind = if freed { ViolationKind::DoubleFree } else { ViolationKind::UseAfterFree };
        findings.push(Violation { kind, block: facts, ..interior });
        return None;
    }
    if slot.meta().align() != layout.align() {
        findings.push(Violation { kind: ViolationKind::WrongAlignment, block: facts, ..interior });
    }
    if place.size != layout.size() {
        findings.push(Violation { kind: ViolationKind::WrongSize, block: facts, ..interior });
    }
    verify_canaries(&slot, operation, findings);
    Some(slot)
}

/// Looks for writes around a live block, and restores the canaries, so that they are told once.
pub(crate) fn verify_canaries(slot: &Slot<'_>, operation: Operation, findings: &mut Findings) {
    let place = slot.place();
    if inspect::is_armed(&place) {
        return;
    }
    inspect::canary_damage(slot, None, operation)
        .into_iter()
        .flatten()
        .for_each(|found| findings.push(found));
    inspect::arm(&place);
}
