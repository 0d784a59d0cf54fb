//! `allocator_api2::alloc::Allocator` (version 0.4): what [the stamp](crate::impl_foreign_allocators) refers to, and [`FromForeign`].

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::adapt::import::{import_foreign, no_unwind};

pub use allocator_api2_04::alloc::{AllocError, Allocator};

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
    /// An allocator of `allocator_api2::alloc::Allocator` (version 0.4) as an [`Allocator`](crate::Allocator).
}
