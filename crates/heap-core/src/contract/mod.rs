//! The contract between an allocator and its clients: what each side promises, and nothing about how.

mod error;
mod allocator;
mod capability;
mod pointer;
mod typed;
mod owned;

pub use allocator::{Allocator, zero_sized};
pub use capability::{Owns, Reset, UsableSize, Usage};
pub use error::AllocError;
pub use owned::HeapBox;
pub use typed::{AllocatorExt, SentinelSlice};
