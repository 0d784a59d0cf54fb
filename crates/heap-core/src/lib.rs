#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod layout;
pub mod contract;
#[cfg(feature = "alloc")]
mod global;
pub mod adapt;

pub use contract::{
    AllocError, Allocator, AllocatorExt, HeapBox, Owns, Reset, SentinelSlice, UsableSize, Usage,
};
#[cfg(feature = "alloc")]
pub use global::Global;
pub use layout::{Alignment, NotAPowerOfTwo, SizeClasses};
