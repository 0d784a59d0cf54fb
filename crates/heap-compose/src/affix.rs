//! [`Affix`]: a value before each block, and one after it.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::block::Fresh;
use crate::frame::Frame;

/// Keeps a `P` in front of every block and an `S` behind it: a canary, an owner, a count.
///
/// Both begin as the values given to [`new`](Self::new), belong to the allocator, and go with the block when it is
/// resized or moved. A prefix is found from the address alone, a suffix from the layout too. Blocks of size zero have
/// neither. Costs `size_of::<P>()` rounded up to the block's alignment, and `size_of::<S>()`.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::Affix;
/// use heap_core::{Allocator, Global};
///
/// let heap = Affix::<Global, u32, u64>::new(Global, 7, 0xC0FFEE);
/// let layout = Layout::new::<[u8; 5]>();
/// let block = heap.alloc(layout)?.cast();
/// // SAFETY: allocated just above with this layout.
/// unsafe {
///     assert_eq!(Affix::<Global, u32, u64>::prefix(block).read(), 7);
///     assert_eq!(Affix::<Global, u32, u64>::suffix(block, layout).unwrap().read(), 0xC0FFEE);
///     heap.free(block, layout);
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[doc(alias = "AffixAllocator")]
pub struct Affix<A, P, S = ()> {
    child: A,
    prefix: P,
    suffix: S,
}

impl<A, P: Copy, S: Copy> Affix<A, P, S> {
    /// `prefix` and `suffix` are what fresh blocks begin with.
    pub const fn new(child: A, prefix: P, suffix: S) -> Self {
        Self { child, prefix, suffix }
    }
    /// Where the prefix of a block is: valid for reads and writes until the block is freed or moved.
    ///
    /// # Safety
    ///
    /// `block` is a live block, not of size zero, of an allocator of this type.
    #[inline]
    pub const unsafe fn prefix(block: NonNull<u8>) -> NonNull<P> {
        // SAFETY: the caller's promise.
        unsafe { Frame::<P, S>::prefix(block) }
    }
    /// Where the suffix of a block is: valid for reads and writes until the block is freed, resized or moved. `None`
    /// for a layout that no block has.
    ///
    /// # Safety
    ///
    /// As for [`prefix`](Self::prefix), and `layout` is the layout that the client holds for the block.
    #[inline]
    pub unsafe fn suffix(block: NonNull<u8>, layout: Layout) -> Option<NonNull<S>> {
        // SAFETY: the caller's promise.
        Frame::<P, S>::of(layout).map(|frame| unsafe { frame.suffix(block) })
    }
    #[inline]
    fn alloc_with(&self, layout: Layout, alloc: impl FnOnce(&A, Layout) -> Fresh) -> Fresh {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let frame = Frame::<P, S>::of(layout).ok_or(AllocError)?;
        let outer = alloc(&self.child, frame.outer)?.cast::<u8>();
        // SAFETY: F1 to F3: the frame fits the child's block, which nobody else has seen.
        unsafe {
            let block = outer.add(frame.lead);
            Self::prefix(block).write(self.prefix);
            frame.suffix(block).write(self.suffix);
            Ok(NonNull::slice_from_raw_parts(block, frame.tail))
        }
    }
}

children! { [A, P, S] Affix<A, P, S>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator, P: Copy, S: Copy] for Affix<A, P, S> }

// SAFETY: the client's block lies in one block of the child, between the affixes (F1 to F3), and no size of it changes the
// frame (F2): every call reaches the child with the layout it was asked for, so A1, A2, A4, A5 are the child's.
unsafe impl<A: Allocator, P: Copy, S: Copy> Allocator for Affix<A, P, S> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc)
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let Some((old, new)) = Frame::<P, S>::change(layout, new_size) else { return false };
        // SAFETY: the caller's promise, for the child's block and layout.
        let ask = |outer| unsafe { self.child.resize(outer, old.outer, new.outer.size()) }.then_some(outer);
        // SAFETY: `resize` in place keeps `remap`'s promise.
        unsafe { old.carry(block, &new, ask) }.is_some()
    }
    #[inline]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        let (old, new) = Frame::<P, S>::change(layout, new_size)?;
        // SAFETY: the caller's promise, for the child's block and layout.
        let ask = |outer| unsafe { self.child.remap(outer, old.outer, new.outer.size()) }.map(NonNull::cast);
        // SAFETY: it is the child's `remap`.
        unsafe { old.carry(block, &new, ask) }
    }
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0
            && let Some(frame) = Frame::<P, S>::of(layout)
        {
            // SAFETY: the caller's promise, for the child's block and layout.
            unsafe { self.child.free(block.sub(frame.lead), frame.outer) }
        }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc_zeroed)
    }
}

forward_owns! { [A: Owns, P: Copy, S: Copy] Affix<A, P, S>, child }
forward_usage! { [A: Usage, P, S] Affix<A, P, S>, child }
forward_reset! { [A: Reset, P, S] Affix<A, P, S>, child }
