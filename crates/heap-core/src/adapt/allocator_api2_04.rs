//! `allocator_api2::alloc::Allocator`, version 0.4: what [the stamp](crate::impl_foreign_allocators) refers to.

use core::ptr::NonNull;

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
