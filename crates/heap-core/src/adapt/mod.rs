//! Adapters: one file for each foreign allocator trait.
//!
//! Outwards (our allocator where theirs is asked for): [`impl_foreign_allocators!`](crate::impl_foreign_allocators)
//! stamps the impls on a type, so that it *is* their allocator too, with no wrapper; `GlobalAlloc`, whose
//! statics cannot be generic, has the wrapper [`AsGlobal`].
//!
//! Inwards (theirs where ours is asked for): [`FromGlobalAlloc`], and a `FromForeign` in each of the modules below.

#[doc(hidden)]
pub mod bridge;
mod stamp;
mod global_alloc;
#[cfg(any(feature = "allocator-api2-02", feature = "allocator-api2-04", feature = "allocator-api"))]
mod import;
#[cfg(feature = "allocator-api2-02")]
pub mod allocator_api2_02;
#[cfg(feature = "allocator-api2-04")]
pub mod allocator_api2_04;
#[cfg(feature = "allocator-api")]
pub mod std_allocator;

pub use global_alloc::{AsGlobal, FromGlobalAlloc};

// A handle (`&dyn Allocator`) serves their collections too: each library implements its trait for `&A` with `A: ?Sized`.
crate::impl_foreign_allocators! { impl['a] for dyn crate::Allocator + 'a }
crate::impl_foreign_allocators! { impl['a] for dyn crate::Allocator + Send + 'a }
crate::impl_foreign_allocators! { impl['a] for dyn crate::Allocator + Sync + 'a }
crate::impl_foreign_allocators! { impl['a] for dyn crate::Allocator + Send + Sync + 'a }
