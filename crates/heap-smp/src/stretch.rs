//! A segment as stretches of units: what lies where, at one moment.
//!
//! It is copied to the caller's stack under the span heap's lock, and told of after the lock is open again: whoever listens may
//! allocate, from this heap too.

use crate::config::{UNIT, UNITS};
use crate::core_heap::CORE;
use crate::segment::{Kind, Segment};
use crate::size::CLASS;
use crate::span_heap::SpanHeap;

/// What a stretch of a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Not this heap's memory: the system gave only a piece of the segment.
    Hole,
    /// Free, and not resident.
    Clean,
    /// Free, and may be resident.
    Dirty,
    /// A slab of a size class, and how many of its slots are out, in parts of 255.
    Slab { class: u8, fill: u8 },
    /// One large block.
    Run,
}

/// A stretch of units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub(crate) unit: u16,
    pub(crate) units: u16,
    pub(crate) what: What,
    /// It belongs to a private heap.
    pub(crate) private: bool,
}

impl Stretch {
    pub(crate) const NONE: Self = Self { unit: 0, units: 0, what: What::Hole, private: false };
}

/// The stretches of the `index`-th segment, and its first address. `None`: there are no more.
pub(crate) fn look(index: usize, stretches: &mut [Stretch; UNITS]) -> Option<(usize, &[Stretch])> {
    let spans = CORE.spans.lock();
    let segment = spans.segments.get(index).copied().flatten()?;
    let count = look_at(&spans, segment, stretches);
    drop(spans);
    Some((segment.base().addr(), &stretches[..count]))
}

fn look_at(_: &SpanHeap, segment: &Segment, stretches: &mut [Stretch; UNITS]) -> usize {
    // SAFETY: G3: the span heap's lock is held.
    let maps = unsafe { segment.maps() };
    let bit = |map: &[u64], unit: usize| map[unit / 64] >> (unit % 64) & 1 == 1;
    let (mut unit, mut count) = (0, 0usize);
    while unit < UNITS {
        let (what, units, private) = match segment.span_at(unit * UNIT) {
            Some(span) if span.kind() == Kind::Slab => {
                let slots = CLASS[span.class()].slots.max(1);
                // Rounded up: a slab with one block is not empty.
                let fill = ((slots.saturating_sub(span.free())) * 255).div_ceil(slots).min(255) as u8;
                (What::Slab { class: span.class() as u8, fill }, span.units(), span.tenant() != 0)
            }
            Some(span) if span.is_parked() => (What::Dirty, span.units(), false),
            Some(span) => (What::Run, span.units(), span.tenant() != 0),
            None if bit(&maps.free, unit) && bit(&maps.dirty, unit) => (What::Dirty, 1, false),
            None if bit(&maps.free, unit) => (What::Clean, 1, false),
            None => (What::Hole, 1, false),
        };
        let is_span = matches!(what, What::Slab { .. } | What::Run);
        match count.checked_sub(1).map(|last| &mut stretches[last]) {
            Some(last) if last.what == what && !is_span => last.units += 1,
            _ => {
                stretches[count] = Stretch { unit: unit as u16, units: units as u16, what, private };
                count += 1;
            }
        }
        unit += units.max(1);
    }
    count
}
