//! [`Zeroize`]: nothing that was in a block can be read after it.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Usage};

use crate::block::first;

/// Clears every byte of a block before the child gets it back. For keys, passwords, and what must not swap or leak.
///
/// The clearing survives optimisation: it goes through a function pointer that is read anew each time, so the compiler
/// cannot know that the writes are dead. The client gets no slack, so all that it can have written is cleared. A block
/// grows in place only, and does not shrink in place: what the child would cut off could be cleared only after it
/// agreed, when it is no longer ours. [`realloc`](Allocator::realloc) then copies, and the old block is cleared. There
/// is no `Reset`, which would forget blocks uncleared. Blocks that are never freed are not cleared. Costs one
/// `memset` per free.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::Zeroize;
/// use heap_core::{Allocator, Global};
///
/// let heap = Zeroize::new(Global);
/// let block = heap.alloc(Layout::new::<[u8; 32]>())?.cast::<[u8; 32]>();
/// // SAFETY: allocated just above with this layout.
/// unsafe {
///     block.write([0xA5; 32]);
///     heap.free(block.cast(), Layout::new::<[u8; 32]>()); // all zero again when `Global` gets it
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Zeroize<A> {
    child: A,
}

/// Read as volatile, so that the compiler cannot see what is called. The same way OpenSSL clears keys.
static FILL: unsafe fn(*mut u8, u8, usize) = core::ptr::write_bytes::<u8>;

impl<A> Zeroize<A> {
    /// `child`, which gets its blocks back empty.
    pub const fn new(child: A) -> Self {
        Self { child }
    }
}

children! { [A] Zeroize<A>, child: A }
heap_core::impl_foreign_allocators! { impl[A: Allocator] for Zeroize<A> }

// SAFETY: every call goes to the child with the same layout, and no more is returned than was asked for (A2). A block is
// written to only when the client gives it up (A1).
unsafe impl<A: Allocator> Allocator for Zeroize<A> {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc(layout).map(|block| first(block, layout.size()))
    }
    #[inline]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        new_size >= layout.size() && unsafe { self.child.resize(block, layout, new_size) }
    }
    // `remap` is `resize`: a child that moves a block leaves its bytes behind.
    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: a valid static. The caller gives up so many bytes at `block`, and gives them to the child after.
            unsafe {
                let fill = (&raw const FILL).read_volatile();
                fill(block.as_ptr(), 0, layout.size());
            }
        }
        // SAFETY: the caller's promise is the same.
        unsafe { self.child.free(block, layout) }
    }
    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc_zeroed(layout).map(|block| first(block, layout.size()))
    }
}

forward_owns! { [A: Owns] Zeroize<A>, child }
forward_usage! { [A: Usage] Zeroize<A>, child }
