//! Values, slices and text in blocks.
//!
//! [`AllocatorExt`] lists what there is; the work stands in the files above it, a kind of block each.

mod raw;
mod item;
mod slice;
mod sentinel;
mod text;
mod ext;

pub use ext::AllocatorExt;
pub use sentinel::SentinelSlice;
