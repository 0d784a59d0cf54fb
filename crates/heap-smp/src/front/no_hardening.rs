//! What the homes do for the feature `checked` when they open, close and lend: in the default build, nothing.

use core::ptr::NonNull;

use crate::directory::Directory;
use crate::segment::{Segment, Span};
use crate::size::Class;
use crate::span_heap::SpanHeap;

/// The units to take for a slab.
pub(crate) fn slab_units(class: &Class) -> usize {
    class.units as usize
}

/// A slab was opened.
pub(crate) fn opened(_: &Directory, _: &Span, _: &Class, _clean: bool) {}

/// Whether an empty slab may be closed.
pub(crate) fn may_close(_: &Span, _: &Class) -> bool {
    true
}

/// Blocks go out to a cache that keeps no states.
pub(crate) fn lent(_: &Directory, _: &[NonNull<u8>]) {}

/// A run was taken.
#[inline]
pub(crate) fn lent_run(_: NonNull<u8>, _len: usize) {}

/// Gives a span of a private heap that goes back to the span heap.
pub(crate) fn give(spans: &mut SpanHeap, segment: &'static Segment, span: &Span) {
    spans.give(segment, span);
}
