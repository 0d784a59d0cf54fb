//! A segment as stretches of units: what lies where, at one moment.
//!
//! It is copied to the caller's stack under the span heap's lock, and told of after the lock is open again: whoever listens may
//! allocate, from this heap too.

use crate::config::{UNIT, UNITS};
use crate::core_heap::CORE;
use crate::segment::{Kind, Segment};
use crate::size::CLASS;
use crate::span_heap::{Entry, SpanHeap};

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

/// The stretches of the `index`-th segment, of all span heaps one after the other, and its first address. `None`: there are no more.
pub(crate) fn look(mut index: usize, stretches: &mut [Stretch; UNITS]) -> Option<(usize, &[Stretch])> {
    for heap in CORE.spans.iter() {
        let heap = heap.lock();
        let Some(&Entry { segment, .. }) = heap.segments().get(index) else {
            index -= heap.segments().len();
            continue;
        };
        let count = look_at(&heap, segment, stretches);
        drop(heap);
        return Some((segment.base().addr(), &stretches[..count]));
    }
    None
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
            Some(last) if last.what == what && !is_span => last.units += units as u16,
            _ => {
                stretches[count] = Stretch { unit: unit as u16, units: units as u16, what, private };
                count += 1;
            }
        }
        unit += units.max(1);
    }
    count
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use super::*;
    use crate::config::Settings;
    use crate::core_heap::CoreHeap;
    use crate::large;

    #[test]
    fn runs_that_wait_beside_each_other_are_told_of_at_their_length() {
        static HEAP: CoreHeap = CoreHeap::new();
        const SETTINGS: Settings = Settings::new().background_thread(false).huge_pages_from(usize::MAX);
        HEAP.configure(&SETTINGS);
        let layout = Layout::from_size_align(5 * UNIT, 8).unwrap();
        let take = || NonNull::new(large::alloc(&HEAP, layout, &SETTINGS)).unwrap();
        let (a, b, c, last) = (take(), take(), take(), take());
        for block in [a, b, c] {
            // SAFETY: just allocated with this layout, and not used again.
            unsafe { large::free(&HEAP, block, layout) };
        }
        assert_eq!(HEAP.runs.held(), 15);
        let heap = HEAP.spans.here();
        let mut stretches = [Stretch::NONE; UNITS];
        let count = look_at(&heap, heap.segments()[0].segment, &mut stretches);
        let told: Vec<_> = stretches[..count].iter().map(|one| (one.what, one.units as usize)).collect();
        assert_eq!(told, [(What::Dirty, 15), (What::Run, 5), (What::Clean, UNITS - 20)], "{last:?}");
    }
}
