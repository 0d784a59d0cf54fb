//! Where a block lies that comes home, and what to do with those that lie in another group's slabs.

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::central::Ground;
use crate::config::SEGMENT;
use crate::directory::{Directory, Owner};
use crate::segment::{Kind, PRIVATE, Segment, Span};
use crate::violation::{Violation, report};

/// Where a block lies. Neighbours in a chain often lie in one slab, or at least in one segment.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) segment: &'static Segment,
    pub(super) span: &'static Span,
    /// The address at which the span starts.
    pub(super) base: usize,
}

/// The slab of `class` and of the ground's group that `addr` lies in. Aborts if it does not lie in a slab of the class;
/// `None`: in one of another group.
#[inline(always)]
pub(super) fn locate(ground: Ground<'_>, class: usize, addr: usize, recent: Option<Place>) -> Option<Place> {
    let segment = match recent {
        Some(place) if place.base & !(SEGMENT - 1) == addr & !(SEGMENT - 1) => place.segment,
        _ => match ground.directory.owner_of(addr) {
            Some(Owner::Segment(segment)) => segment,
            _ => report(Violation::ForeignPointer, addr),
        },
    };
    let (span, offset) = segment.place_at(addr);
    if !span.is_slab_of(class, ground.group) {
        check_other_group(ground, class, addr, span);
        return None;
    }
    // The group says that it is a private heap's, but not whose.
    if ground.group == PRIVATE && span.tenant() != ground.tenant() {
        report(Violation::WrongHeap, addr)
    }
    Some(Place { segment, span, base: addr.wrapping_sub(offset) })
}

/// Aborts if the span is no slab of the class, or not of the ground's heap.
#[cold]
fn check_other_group(ground: Ground<'_>, class: usize, addr: usize, span: &Span) {
    if !span.is_slab_of(class, span.group()) {
        let foreign = span.kind() == Kind::None;
        report(if foreign { Violation::ForeignPointer } else { Violation::WrongLayout }, addr)
    }
    if ground.group == PRIVATE || span.group() == PRIVATE {
        report(Violation::WrongHeap, addr)
    }
}

/// Puts the blocks that lie in slabs of one group first, and returns that group: the one of the first block.
///
/// # Safety
///
/// The slice is initialised.
#[cold]
pub(crate) unsafe fn gather(directory: &Directory, blocks: &mut [MaybeUninit<NonNull<u8>>]) -> usize {
    let group_of = |block: MaybeUninit<NonNull<u8>>| {
        // SAFETY: the caller initialised the slice.
        let addr = unsafe { block.assume_init() }.addr().get();
        match directory.owner_of(addr) {
            Some(Owner::Segment(segment)) => segment.span_at(addr).map_or(0, Span::group),
            // What is wrong with it, its home will say.
            _ => 0,
        }
    };
    let Some(&first) = blocks.first() else { return 0 };
    let group = group_of(first);
    let mut gathered = 1;
    for at in 1..blocks.len() {
        if group_of(blocks[at]) == group {
            blocks.swap(at, gathered);
            gathered += 1;
        }
    }
    group
}
