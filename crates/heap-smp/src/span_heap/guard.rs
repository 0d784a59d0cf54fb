//! Spans that end with a unit which nobody can touch, and which the system will not open again.

use super::SpanHeap;
use crate::segment::{Purpose, Segment, Span};

impl SpanHeap {
    /// As [`give`](Self::give), but for the last unit: that stays in use, as a run of its own.
    pub(crate) fn give_all_but_last(&mut self, segment: &'static Segment, span: &Span) {
        segment.forget(span);
        let (unit, units) = (segment.unit_of(span), span.units() - 1);
        segment.describe(unit + units, 1, Purpose::Run);
        self.release(segment, unit, units, true);
    }
}
