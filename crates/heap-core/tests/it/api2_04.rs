//! allocator-api2 0.4.

pub(crate) use allocator_api2_04::alloc::{Allocator, Global as TheirGlobal};
pub(crate) use allocator_api2_04::{boxed::Box, vec::Vec};
pub(crate) use heap_core::adapt::allocator_api2_04::FromForeign;

#[path = "foreign_cases.rs"]
mod cases;
