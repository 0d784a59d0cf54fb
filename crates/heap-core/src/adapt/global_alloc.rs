//! `core::alloc::GlobalAlloc`, both ways: [`AsGlobal`] and [`FromGlobalAlloc`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};

use crate::contract::{AllocError, Allocator, zero_sized};

/// An [`Allocator`] as a [`GlobalAlloc`]: what `#[global_allocator]` asks for.
///
/// The wrapper is free: it has the size of `A` and adds no branch. A `static` demands `A: Sync`. `A` must not take its
/// own memory from the global allocator (that is itself then): `AsGlobal<Global>` overflows the stack, for example.
///
/// ```
/// use std::alloc::{GlobalAlloc, Layout, System};
/// use heap_core::adapt::{AsGlobal, FromGlobalAlloc};
///
/// // Any `Allocator + Sync` in the place of `FromGlobalAlloc`; the type has to be written out in a static.
/// #[global_allocator]
/// static GLOBAL: AsGlobal<FromGlobalAlloc<System>> = AsGlobal::new(FromGlobalAlloc::new(&System));
///
/// assert_eq!(vec![1, 2, 3].len(), 3);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[repr(transparent)]
pub struct AsGlobal<A>(A);

impl<A> AsGlobal<A> {
    /// Wraps an allocator.
    #[inline]
    #[must_use]
    pub const fn new(alloc: A) -> Self {
        Self(alloc)
    }

    /// The allocator inside.
    #[inline]
    #[must_use]
    pub const fn get(&self) -> &A {
        &self.0
    }
}

/// The block's address; null for "out of memory".
#[inline]
fn address(block: Result<NonNull<[u8]>, AllocError>) -> *mut u8 {
    block.map_or(null_mut(), |block| block.cast().as_ptr())
}

// SAFETY: A1 and A2 are what this trait asks of a block, and A4 says that nothing unwinds.
unsafe impl<A: Allocator> GlobalAlloc for AsGlobal<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        address(self.0.alloc(layout))
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller passes a live block, so it is not null, with the layout of its request, which fits.
        unsafe { self.0.free(NonNull::new_unchecked(block), layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        address(self.0.alloc_zeroed(layout))
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as for `dealloc`; and `new_size`, rounded up to the alignment, fits an `isize` (caller).
        unsafe {
            let new = Layout::from_size_align_unchecked(new_size, layout.align());
            address(self.0.realloc(NonNull::new_unchecked(block), layout, new))
        }
    }
}

/// Somebody's [`GlobalAlloc`] (`System`, a C allocator's binding) as an [`Allocator`].
///
/// It borrows, because a `GlobalAlloc` promises nothing about being moved: one that keeps its memory in itself would
/// leave its blocks behind. A reference to a `static`, or to a unit struct such as `System`, lives forever.
///
/// Sizes of zero never reach `G`. A block cannot be changed in place for certain, so `resize` refuses, while `remap`
/// is `realloc`.
///
/// ```
/// use std::alloc::System;
/// use heap_core::adapt::FromGlobalAlloc;
/// use heap_core::HeapBox;
/// let system = FromGlobalAlloc::new(&System);
/// assert_eq!(*HeapBox::new_in(|| 5, system)?, 5);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Debug)]
pub struct FromGlobalAlloc<'a, G: ?Sized>(&'a G);

impl<G: ?Sized> Clone for FromGlobalAlloc<'_, G> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<G: ?Sized> Copy for FromGlobalAlloc<'_, G> {}

impl<'a, G: GlobalAlloc + ?Sized> FromGlobalAlloc<'a, G> {
    /// Wraps a reference to the allocator.
    #[inline]
    #[must_use]
    pub const fn new(alloc: &'a G) -> Self {
        Self(alloc)
    }
}

/// The block at an address; null is [`AllocError`].
#[inline]
fn block(address: *mut u8, len: usize) -> Result<NonNull<[u8]>, AllocError> {
    NonNull::new(address).map(|address| NonNull::slice_from_raw_parts(address, len)).ok_or(AllocError)
}

// SAFETY: the contract of `GlobalAlloc` contains A1 (while `G` is borrowed, it does not move), A2 and A5; sizes of zero
// are kept from it (A3), and it may not unwind (A4).
unsafe impl<G: GlobalAlloc + ?Sized> Allocator for FromGlobalAlloc<'_, G> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        layout.size() == new_size
    }

    #[inline]
    unsafe fn remap(&self, old: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 || Layout::from_size_align(new_size, layout.align()).is_err() {
            return None;
        }
        // SAFETY: `old` is live with this layout (caller), `new_size` is not zero and rounds up within `isize`.
        block(unsafe { self.0.realloc(old.as_ptr(), layout, new_size) }, new_size).ok()
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: `block` is live with this layout (caller), and has memory.
            unsafe { self.0.dealloc(block.as_ptr(), layout) }
        }
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        // SAFETY: the size is not zero.
        block(unsafe { self.0.alloc_zeroed(layout) }, layout.size())
    }
}

crate::impl_foreign_allocators! { impl['a, G: GlobalAlloc + ?Sized] for FromGlobalAlloc<'a, G> }
