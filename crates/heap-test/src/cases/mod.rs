//! The cases: each checks one promise of `heap_core::Allocator` and panics when it is broken.
//!
//! A case takes `make`, which returns a new allocator each time, and the [`Limits`](crate::Limits) that such an
//! allocator has. [`conformance!`](crate::conformance!) calls them all, one test each.

pub mod batteries;
pub mod basic;
pub mod handles;
pub mod align;
pub mod resize;
pub mod zero;
pub mod limits;
pub mod programs;
pub mod owns;
pub mod threads;

use core::alloc::Layout;

use crate::fault::Fault;

/// The value, or the case fails.
#[track_caller]
fn ok<T>(result: Result<T, Fault>) -> T {
    match result {
        Ok(value) => value,
        Err(fault) => panic!("{fault}"),
    }
}

/// The layout of a size and an alignment that a case chose well.
#[track_caller]
fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("a case asks for sizes that layouts can have")
}
