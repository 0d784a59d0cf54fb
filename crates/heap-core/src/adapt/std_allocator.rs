//! `core::alloc::Allocator`: what [the stamp](crate::impl_foreign_allocators) refers to, and [`FromForeign`].
//!
//! Stable since Rust 1.100; before, every crate that names the trait needs the nightly feature `allocator_api`. The
//! impls use what both have: the two types and the six methods.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::adapt::import::{import_foreign, no_unwind};

pub use core::alloc::{AllocError, Allocator};

/// What the foreign trait's methods return.
pub type Block = Result<NonNull<[u8]>, AllocError>;

impl From<crate::AllocError> for AllocError {
    fn from(_: crate::AllocError) -> Self {
        Self
    }
}

impl From<AllocError> for crate::AllocError {
    fn from(_: AllocError) -> Self {
        Self
    }
}

import_foreign! {
    /// An allocator of `core::alloc::Allocator` as an [`Allocator`](crate::Allocator).
}
