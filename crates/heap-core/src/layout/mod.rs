//! Pure arithmetic on sizes and alignments. No pointers, no unsafe code.

mod alignment;
mod size_class;

pub use alignment::{Alignment, NotAPowerOfTwo};
pub use size_class::SizeClasses;
