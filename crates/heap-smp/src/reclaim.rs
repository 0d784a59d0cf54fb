//! When free memory goes back to the system. Policy only: [`SpanHeap::decommit`] does it.

use crate::config::UNIT;
use crate::span_heap::SpanHeap;

/// Free resident bytes are always tolerated up to so much: less than a page fault for each of them is worth.
const ALWAYS: usize = 32 << 20;

/// After a run was given back: keeps the free resident memory in proportion to what is in use.
pub(crate) fn after_give(spans: &mut SpanHeap) {
    let keep = (ALWAYS / UNIT).max(spans.counts.in_use / 2);
    if spans.counts.dirty > keep {
        spans.decommit(spans.counts.dirty - keep);
    }
}
