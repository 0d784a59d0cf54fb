//! What a part has because its children have it: capabilities, and a way to look at the children.
//!
//! Macros, because the parts cannot share an impl: the traits, and with them the blanket impls, belong to heap-core.

/// A look at each child, by the name of its field. Shared only: a child that is reset or replaced loses its blocks.
macro_rules! children {
    ([$($generics:tt)*] $part:ty, $($child:ident: $type:ty),+) => {
        impl<$($generics)*> $part {
            $(#[doc = concat!("The allocator that was given as `", stringify!($child), "`.")]
            #[inline]
            pub const fn $child(&self) -> &$type {
                &self.$child
            })+
        }
    };
}

/// `Owns`, for a part whose blocks lie in its children's blocks.
macro_rules! forward_owns {
    ([$($generics:tt)*] $part:ty, $($child:ident),+) => {
        // SAFETY: the part's blocks lie in live blocks of its children, so these know every address in them.
        unsafe impl<$($generics)*> heap_core::Owns for $part {
            #[inline]
            fn owns(&self, block: core::ptr::NonNull<u8>) -> bool {
                $(self.$child.owns(block))||+
            }
        }
    };
}

/// `UsableSize`, for a part that passes layouts down unchanged and takes the child's slack back.
macro_rules! forward_usable_size {
    ([$($generics:tt)*] $part:ty, $child:ident) => {
        // SAFETY: the child's promise, for the same block and layout.
        unsafe impl<$($generics)*> heap_core::UsableSize for $part {
            #[inline]
            unsafe fn usable_size(&self, block: core::ptr::NonNull<u8>, layout: core::alloc::Layout) -> usize {
                // SAFETY: the caller's promise is the same.
                unsafe { self.$child.usable_size(block, layout) }
            }
        }
    };
}

/// `Usage`: what the children count, together.
macro_rules! forward_usage {
    ([$($generics:tt)*] $part:ty, $($child:ident),+) => {
        impl<$($generics)*> heap_core::Usage for $part {
            #[inline]
            fn used(&self) -> usize {
                0usize$(.saturating_add(self.$child.used()))+
            }
            #[inline]
            fn capacity(&self) -> usize {
                0usize$(.saturating_add(self.$child.capacity()))+
            }
        }
    };
}

/// `Reset`: the children's, for a part that keeps no books of its own.
macro_rules! forward_reset {
    ([$($generics:tt)*] $part:ty, $($child:ident),+) => {
        impl<$($generics)*> heap_core::Reset for $part {
            #[inline]
            fn reset(&mut self) {
                $(self.$child.reset();)+
            }
        }
    };
}
