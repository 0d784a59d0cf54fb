//! [`Allocator`]: four operations on raw blocks, and three that follow from them.
//!
//! Knows nothing of types (`AllocatorExt` does) and nothing of any other
//! library's allocator trait (`adapt` does).

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::AllocError;

/// A source of memory blocks.
///
/// A *block* is an address and the [`Layout`] that the client holds for it: the layout of the request
/// that made it, as changed by the last successful [`resize`](Self::resize) or [`remap`](Self::remap).
/// All methods take `&self`; an allocator that may be shared between threads is [`Sync`]. The trait is
/// object-safe: `&dyn Allocator` is two words, the handle of Zig's `std.mem.Allocator`.
///
/// What a thread may do with it is in the type: `&A` is [`Send`] exactly when `A` is [`Sync`], as of any other type.
///
/// The verbs differ from those of `core::alloc::Allocator`, so both traits can be in scope.
///
/// # Contract
///
/// - **A1** A block's bytes are valid for reads and writes and belong to the client from the call that returns it until
///   it is freed or moved by `remap`, or until its allocator, with all that are interchangeable with it (A5), is dropped,
///   reset (`&mut self`), or past a lifetime in its type. No `&self` method invalidates, reads or writes a live block
///   other than the one that it is given. Moving the allocator value does not invalidate blocks either.
/// - **A2** The address is a multiple of `layout.align()`, and the length is at least `layout.size()`. The client may use
///   all of the length. A layout *fits* a block when it has the block's alignment and a size in `requested..=returned`;
///   every layout that fits may be passed back.
/// - **A3** A layout of size zero is legal: the result is dangling, aligned and [`zero_sized`], no memory
///   is taken for it, and freeing it does nothing.
/// - **A4** No method panics, unwinds or asks another allocator than its own backing for memory. An absurd
///   request is [`AllocError`] (or a refusal) and leaves the state untouched.
/// - **A5** Blocks are interchangeable between an allocator, pointers to it (`&A`, `&mut A`, `Box<A>`, `Rc<A>`, `Arc<A>`)
///   and its clones.
///
/// These are also the rules of `core::alloc::Allocator` as of Rust 1.100, so an implementation of this trait is one of
/// that: see [`impl_foreign_allocators!`](crate::impl_foreign_allocators).
///
/// # Safety
///
/// An implementation must keep A1 to A5; unsafe code relies on them.
///
/// # Examples
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::{Allocator, Global};
///
/// let layout = Layout::from_size_align(100, 16)?;
/// let block = Global.alloc(layout)?;
/// assert!(block.len() >= 100);
/// // SAFETY: the block came from this allocator with this layout and is not used again.
/// unsafe { Global.free(block.cast(), layout) };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "mem.Allocator")]
#[doc(alias = "VTable")]
pub unsafe trait Allocator {
    /// Returns a block of at least `layout.size()` bytes at a multiple of `layout.align()`.
    ///
    /// The content is unspecified. The length of the result is what the client may use (A2).
    ///
    /// # Errors
    ///
    /// [`AllocError`] when the memory is not to be had; the allocator is unchanged.
    #[doc(alias = "rawAlloc")]
    #[doc(alias = "allocate")]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError>;

    /// Changes a block's size in place, or refuses and changes nothing.
    ///
    /// `true`: the address is the same and the client's layout is now `new_size` bytes at the old
    /// alignment. `false`: not this time, for any reason; shrinking may be refused too. An allocator
    /// that must refuse a `new_size` of zero for a block with memory (A3 could not free it) does so.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator, and `layout` fits it (A2).
    #[doc(alias = "rawResize")]
    #[doc(alias = "noResize")]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool;

    /// Changes a block's size and may move it, when that is cheaper than the client's own copy.
    ///
    /// `Some`: the first `min(old, new)` bytes are kept, the alignment is kept, the client's layout is now
    /// `new_size` bytes, and if the address differs the old one is gone. `None` is not out of memory: it
    /// says that there is no better way than to allocate, copy and free. Nothing has changed then.
    ///
    /// # Safety
    ///
    /// As for [`resize`](Self::resize).
    #[doc(alias = "rawRemap")]
    #[doc(alias = "noRemap")]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: the caller's promise is the same.
        let resized = unsafe { self.resize(block, layout, new_size) };
        resized.then(|| NonNull::slice_from_raw_parts(block, new_size))
    }

    /// Takes a block back. Cannot fail.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator, `layout` fits it (A2), and nobody uses it again.
    #[doc(alias = "rawFree")]
    #[doc(alias = "noFree")]
    #[doc(alias = "deallocate")]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout);

    /// As [`alloc`](Self::alloc), with every byte of the returned length zero.
    ///
    /// An allocator whose fresh memory is zero overrides this, and does not clear such memory again.
    ///
    /// # Errors
    ///
    /// As for [`alloc`](Self::alloc).
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = self.alloc(layout)?;
        // SAFETY: A1 and A2: `len` bytes at `block` are ours to write.
        unsafe { block.cast::<u8>().write_bytes(0, block.len()) };
        Ok(block)
    }

    /// Changes a block's layout: [`remap`](Self::remap) where the alignment stays and it agrees, else
    /// allocate, copy and free. Zero sizes on either side allocate or free as needed.
    ///
    /// # Errors
    ///
    /// [`AllocError`] when no memory is to be had; the old block is then untouched and still owned.
    ///
    /// # Safety
    ///
    /// As for [`resize`](Self::resize). After success the old block is gone and the client's layout is `new`.
    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if new.size() != 0 && old.size() != 0 && new.align() == old.align() {
            // SAFETY: the caller's promise is the same.
            if let Some(moved) = unsafe { self.remap(block, old, new.size()) } {
                return Ok(moved);
            }
        }
        let fresh = self.alloc(new)?;
        // SAFETY: A1: both are ours for at least the smaller size, and two live blocks do not overlap. The
        // caller gives the old block up.
        unsafe {
            fresh.cast::<u8>().copy_from_nonoverlapping(block, old.size().min(new.size()));
            self.free(block, old);
        }
        Ok(fresh)
    }
}

/// The block for a layout of size zero (A3): dangling, aligned, of length zero.
///
/// The address is the alignment itself, as of `NonNull::dangling`. Complexity O(1).
///
/// ```
/// use core::alloc::Layout;
/// let none = heap_core::contract::zero_sized(Layout::new::<[u64; 0]>());
/// assert_eq!((none.len(), none.cast::<u8>().addr().get()), (0, 8));
/// ```
#[inline]
#[must_use]
pub const fn zero_sized(layout: Layout) -> NonNull<[u8]> {
    NonNull::slice_from_raw_parts(layout.dangling_ptr(), 0)
}
