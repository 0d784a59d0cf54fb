//! What the homes do for the feature `checked` when they open, close and lend: in the default build, nothing.

use core::ptr::NonNull;

use crate::directory::Directory;
use crate::segment::Span;
use crate::size::Class;

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
