//! The spans of one private heap, in a list through the books, so that all of them can go at once.
//!
//! Spans name each other by number: four bytes where a pointer has eight, so that a span's books stay one cache line.

use crate::config::{HEAPS, UNIT, UNITS};
use crate::segment::{Segment, Span};
use crate::span_heap::{SEGMENTS, SpanHeap};
use crate::sync::{AtomicU32, AtomicUsize, Ordering};

/// Units that belong to private heaps, of all of them.
static PRIVATE_UNITS: AtomicUsize = AtomicUsize::new(0);

/// Units that belong to private heaps.
pub(crate) fn private_units() -> usize {
    PRIVATE_UNITS.load(Ordering::Relaxed)
}

/// Units that the segments of one span heap have at the most.
const HEAP_UNITS: usize = SEGMENTS * UNITS;
const _: () = assert!(HEAP_UNITS.is_power_of_two() && HEAPS <= u32::MAX as usize / HEAP_UNITS);

/// The number of a span: one more than how many units lie before it in all segments of its span heap, and as if those of the
/// heaps before it lay there. Unique among the spans that exist; never zero.
fn number_of(span: &Span, segment: &Segment) -> u32 {
    (segment.heap() * HEAP_UNITS + segment.index() * UNITS + segment.unit_of(span)) as u32 + 1
}

/// A heap's spans.
///
/// # Invariants
///
/// - **N1** The list that starts at `first[h]` has exactly the spans in segments of the span heap `h` whose `tenant` is this heap's, each once,
///   and `next` and `prev` of neighbours name each other. It is read and changed under the lock of that span heap, which is what
///   `spans` is below.
/// - **N2** `units` is the sum of their lengths.
#[derive(Debug)]
pub(crate) struct Roll {
    tenant: AtomicU32,
    first: [AtomicU32; HEAPS],
    units: AtomicUsize,
}

impl Roll {
    /// All zeros: nobody's.
    pub(crate) const fn new() -> Self {
        Self {
            tenant: AtomicU32::new(0),
            first: [const { AtomicU32::new(0) }; HEAPS],
            units: AtomicUsize::new(0),
        }
    }

    /// Begins a roll of the heap that lives in the span at `base`, whose number becomes the heap's: unique among
    /// the heaps that live.
    pub(crate) fn begin(&self, span: &Span, segment: &Segment) {
        self.tenant.store(number_of(span, segment), Ordering::Relaxed);
    }

    /// What the heap's spans have as `tenant`.
    #[inline]
    pub(crate) fn tenant(&self) -> u32 {
        self.tenant.load(Ordering::Relaxed)
    }

    /// Units of all spans on the roll (N2).
    pub(crate) fn units(&self) -> usize {
        self.units.load(Ordering::Relaxed)
    }

    /// Notes that a span on the roll changed its length in place.
    pub(crate) fn resized(&self, old: usize, new: usize) {
        // Relaxed: counts. They wrap where the difference is negative, and are right in the end.
        self.units.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
        PRIVATE_UNITS.fetch_add(new.wrapping_sub(old), Ordering::Relaxed);
    }

    /// Puts a span on the roll that was just taken, or just given over by the process's heap.
    pub(crate) fn enroll(&self, spans: &mut SpanHeap, segment: &Segment, span: &Span) {
        let number = number_of(span, segment);
        let first = self.first_of(spans).load(Ordering::Relaxed);
        span.set_tenant(self.tenant());
        span.links.prev.store(0, Ordering::Relaxed);
        span.links.next.store(first, Ordering::Relaxed);
        if let Some((_, first)) = numbered(spans, first) {
            first.links.prev.store(number, Ordering::Relaxed);
        }
        self.first_of(spans).store(number, Ordering::Relaxed);
        self.resized(0, span.units());
    }

    /// Takes a span off the roll: from now on it is the process's heap's.
    pub(crate) fn strike(&self, spans: &mut SpanHeap, span: &Span) {
        debug_assert_eq!(span.tenant(), self.tenant(), "N1");
        let (prev, next) = (span.links.prev.load(Ordering::Relaxed), span.links.next.load(Ordering::Relaxed));
        match numbered(spans, prev) {
            Some((_, prev)) => prev.links.next.store(next, Ordering::Relaxed),
            None => self.first_of(spans).store(next, Ordering::Relaxed),
        }
        if let Some((_, next)) = numbered(spans, next) {
            next.links.prev.store(prev, Ordering::Relaxed);
        }
        span.set_tenant(0);
        self.resized(span.units(), 0);
    }

    /// Where the list of a span heap's spans starts.
    fn first_of(&self, spans: &SpanHeap) -> &AtomicU32 {
        &self.first[spans.number() % HEAPS]
    }

    /// The span that came last.
    pub(crate) fn first(&self, spans: &SpanHeap) -> Option<(&'static Segment, &'static Span)> {
        numbered(spans, self.first_of(spans).load(Ordering::Relaxed))
    }

    /// All spans on the roll that are of a span heap.
    pub(crate) fn iter<'a>(&self, spans: &'a SpanHeap) -> impl Iterator<Item = &'static Span> + use<'a> {
        let mut next = self.first(spans);
        core::iter::from_fn(move || {
            let (_, span) = next?;
            next = numbered(spans, span.links.next.load(Ordering::Relaxed));
            Some(span)
        })
    }
}

/// The span of a number, and its segment. Zero is nobody's.
fn numbered(spans: &SpanHeap, number: u32) -> Option<(&'static Segment, &'static Span)> {
    let at = (number as usize).checked_sub(1)? % HEAP_UNITS;
    let segment = spans.segments().get(at / UNITS)?.segment;
    Some((segment, segment.span_at(at % UNITS * UNIT)?))
}
