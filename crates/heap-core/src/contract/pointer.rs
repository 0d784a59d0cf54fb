//! Pointers to an allocator are that allocator (A5): `&A`, `&mut A`, `Box<A>`, `Rc<A>`, `Arc<A>`, sized or `dyn`.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

// Longer than a macro should be: Rust has no other way to forward a trait for several pointers, and five copies of these
// methods would be longer still. Every method is forwarded, the provided ones too, so that no override is lost.
macro_rules! forward_through {
    ($($pointer:ty),+) => { $(
        // SAFETY: every call is forwarded unchanged, so A1 to A5 are those of `A`.
        unsafe impl<A: Allocator + ?Sized> Allocator for $pointer {
            #[inline]
            fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                (**self).alloc(layout)
            }
            #[inline]
            unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
                // SAFETY: the caller's promise is the same.
                unsafe { (**self).resize(block, layout, new_size) }
            }
            #[inline]
            unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
                // SAFETY: the caller's promise is the same.
                unsafe { (**self).remap(block, layout, new_size) }
            }
            #[inline]
            unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
                // SAFETY: the caller's promise is the same.
                unsafe { (**self).free(block, layout) }
            }
            #[inline]
            fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
                (**self).alloc_zeroed(layout)
            }
            #[inline]
            unsafe fn realloc(&self, block: NonNull<u8>, old: Layout, new: Layout) -> Result<NonNull<[u8]>, AllocError> {
                // SAFETY: the caller's promise is the same.
                unsafe { (**self).realloc(block, old, new) }
            }
        }

        // SAFETY: forwarded unchanged.
        unsafe impl<A: Owns + ?Sized> Owns for $pointer {
            #[inline]
            fn owns(&self, block: NonNull<u8>) -> bool {
                (**self).owns(block)
            }
        }

        // SAFETY: forwarded unchanged.
        unsafe impl<A: UsableSize + ?Sized> UsableSize for $pointer {
            #[inline]
            unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
                // SAFETY: the caller's promise is the same.
                unsafe { (**self).usable_size(block, layout) }
            }
        }

        impl<A: Usage + ?Sized> Usage for $pointer {
            #[inline]
            fn used(&self) -> usize {
                (**self).used()
            }
            #[inline]
            fn capacity(&self) -> usize {
                (**self).capacity()
            }
        }
    )+ };
}

forward_through!(&A, &mut A);
#[cfg(feature = "alloc")]
forward_through!(alloc::boxed::Box<A>, alloc::rc::Rc<A>, alloc::sync::Arc<A>);

// The two pointers that have their allocator to themselves can reset it.

impl<A: Reset + ?Sized> Reset for &mut A {
    #[inline]
    fn reset(&mut self) {
        (**self).reset();
    }
}

#[cfg(feature = "alloc")]
impl<A: Reset + ?Sized> Reset for alloc::boxed::Box<A> {
    #[inline]
    fn reset(&mut self) {
        (**self).reset();
    }
}
