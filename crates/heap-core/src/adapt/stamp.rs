//! [`impl_foreign_allocators!`](crate::impl_foreign_allocators): one line makes an allocator everybody's.
//!
//! Whether a foreign trait is implemented is decided here, by the features of heap-core, and not where the macro is
//! called: the calling crate needs neither features nor dependencies of its own, and cannot get them out of step.

/// Implements every foreign allocator trait that heap-core's features name, for a type that is an
/// [`Allocator`](crate::Allocator).
///
/// `impl[generics] for Type`, then a `where` clause if need be. The traits are `allocator_api2::alloc::Allocator` 0.2
/// (feature `allocator-api2-02`) and 0.4 (`allocator-api2-04`), and `core::alloc::Allocator` (`allocator-api`). With no
/// feature on it expands to nothing. References come by themselves: each of these libraries implements its trait
/// for `&A`, so `Vec::new_in(&arena)` works.
///
/// `grow` and `shrink` go to [`realloc`](crate::Allocator::realloc), and so to `remap` first; `grow_zeroed` clears from
/// the size of the old layout, or takes its memory from [`alloc_zeroed`](crate::Allocator::alloc_zeroed).
///
/// ```
/// use core::{alloc::Layout, ptr::NonNull};
/// use heap_core::{AllocError, Allocator, Global};
///
/// struct Forward<A>(A);
/// heap_core::impl_foreign_allocators! { impl[A: Allocator] for Forward<A> }
///
/// // SAFETY: every call goes to `A`, so A1 to A5 are those of `A`.
/// unsafe impl<A: Allocator> Allocator for Forward<A> {
///     fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
///         self.0.alloc(layout)
///     }
///     unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
///         // SAFETY: the caller's promise is the same.
///         unsafe { self.0.resize(block, layout, new_size) }
///     }
///     unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
///         // SAFETY: the caller's promise is the same.
///         unsafe { self.0.free(block, layout) }
///     }
/// }
/// ```
#[macro_export]
macro_rules! impl_foreign_allocators {
    (impl[$($generics:tt)*] for $type:ty $(where $($bounds:tt)*)?) => {
        $crate::__stamp_allocator_api2_02! { [$($generics)*] [$type] [$($($bounds)*)?] }
        $crate::__stamp_allocator_api2_04! { [$($generics)*] [$type] [$($($bounds)*)?] }
        $crate::__stamp_std_allocator! { [$($generics)*] [$type] [$($($bounds)*)?] }
    };
}

// One impl; a trait's impl can only be stamped whole, so it is longer than a macro should be; the work stands in `bridge`.
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_foreign {
    ($foreign:ident [$($generics:tt)*] [$type:ty] [$($bounds:tt)*]) => {
        // SAFETY: the foreign trait's rules are A1, A2 and A5: blocks stay valid until freed or until the allocator is
        // gone, wherever it moves; every size from requested to returned fits; clones are interchangeable.
        unsafe impl<$($generics)*> $crate::adapt::$foreign::Allocator for $type where $($bounds)* {
            #[inline]
            fn allocate(&self, new: ::core::alloc::Layout) -> $crate::adapt::$foreign::Block {
                Ok($crate::Allocator::alloc(self, new)?)
            }
            #[inline]
            fn allocate_zeroed(&self, new: ::core::alloc::Layout) -> $crate::adapt::$foreign::Block {
                Ok($crate::Allocator::alloc_zeroed(self, new)?)
            }
            #[inline]
            unsafe fn deallocate(&self, block: ::core::ptr::NonNull<u8>, old: ::core::alloc::Layout) {
                // SAFETY: the caller's promise is the same.
                unsafe { $crate::Allocator::free(self, block, old) }
            }
            $crate::__stamp_change! { $foreign grow }
            $crate::__stamp_change! { $foreign grow_zeroed }
            $crate::__stamp_change! { $foreign shrink }
        }
    };
}

// One of the three methods that change a block's layout.
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_change {
    ($foreign:ident $change:ident) => {
        #[inline]
        unsafe fn $change(
            &self,
            block: ::core::ptr::NonNull<u8>,
            old: ::core::alloc::Layout,
            new: ::core::alloc::Layout,
        ) -> $crate::adapt::$foreign::Block {
            // SAFETY: the caller's promise is the same.
            Ok(unsafe { $crate::adapt::bridge::$change(self, block, old, new) }?)
        }
    };
}

#[cfg(feature = "allocator-api2-02")]
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_allocator_api2_02 {
    ($($impl:tt)*) => { $crate::__stamp_foreign! { allocator_api2_02 $($impl)* } };
}
#[cfg(not(feature = "allocator-api2-02"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_allocator_api2_02 {
    ($($impl:tt)*) => {};
}

#[cfg(feature = "allocator-api2-04")]
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_allocator_api2_04 {
    ($($impl:tt)*) => { $crate::__stamp_foreign! { allocator_api2_04 $($impl)* } };
}
#[cfg(not(feature = "allocator-api2-04"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_allocator_api2_04 {
    ($($impl:tt)*) => {};
}

#[cfg(feature = "allocator-api")]
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_std_allocator {
    ($($impl:tt)*) => { $crate::__stamp_foreign! { std_allocator $($impl)* } };
}
#[cfg(not(feature = "allocator-api"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __stamp_std_allocator {
    ($($impl:tt)*) => {};
}
