//! [`GuardedPageAllocator`]: every block between two pages that nobody may touch.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator};

use crate::pages::{self, page_size};

/// Hands out blocks that end where an inaccessible page begins, and that have another before them.
///
/// A read or write past the end faults at once, on the first byte, if the size is a multiple of the alignment (else
/// after the padding that the alignment needs); so does one before the start of the block's first page. A freed block
/// faults wherever it is touched. For tests, for debugging, and for few blocks that must not leak into each other:
/// each takes its pages, two guard pages of addresses, and up to three of the process's mappings.
///
/// Where the system cannot reserve addresses ([`pages::RESERVES`]) nothing faults.
///
/// Blocks cannot be resized: the end would not be at the guard any more.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::Allocator;
/// use heap_os::{GuardedPageAllocator, page_size};
///
/// let layout = Layout::new::<[u8; 100]>();
/// let block = GuardedPageAllocator.alloc(layout)?.cast::<u8>();
/// assert_eq!((block.addr().get() + 100) % page_size(), 0);
/// // SAFETY: allocated just above, not used again. Writing to `block.add(100)` would fault.
/// unsafe {
///     block.write_bytes(1, 100);
///     GuardedPageAllocator.free(block, layout);
/// }
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GuardedPageAllocator;

heap_core::impl_foreign_allocators! { impl[] for GuardedPageAllocator }

/// Where things are in the mapping of one block, in bytes from its start. The guards are what is not committed.
///
/// ```text
///  0        front        block              back = end of the block (rounded up to its alignment)
///  | guard   | padding    | ..............   | guard |
/// ```
struct Plan {
    /// Length of the mapping.
    total: usize,
    /// Start of the committed pages.
    front: usize,
    block: usize,
    /// End of the committed pages.
    back: usize,
}

impl Plan {
    fn of(layout: Layout) -> Option<Self> {
        let page = page_size();
        let padded = layout.pad_to_align().size();
        // The mapping is aligned as the block is, and so is `back`.
        let back = page.checked_add(padded)?.checked_next_multiple_of(layout.align().max(page))?;
        let block = back - padded;
        let front = block & !(page - 1);
        // With a large alignment addresses before the guard in front are unused.
        let total = back.checked_add(page).filter(|&total| total <= isize::MAX as usize)?;
        Some(Self { total, front, block, back })
    }
}

// SAFETY: A1: mappings do not overlap, are ours until unmapped, and depend on no value. A2: `block` is a multiple of the
// alignment in a mapping that is aligned, and `padded` bytes of it are committed; the size passed back gives the same
// plan, since exactly `layout.size()` bytes are handed out. A3: zero sizes are answered here. A4: `pages`. A5: no state.
unsafe impl Allocator for GuardedPageAllocator {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let plan = Plan::of(layout).ok_or(AllocError)?;
        let base = pages::reserve(plan.total, layout.align())?;
        // SAFETY: the plan's offsets lie in the mapping, which is ours and new.
        unsafe {
            pages::commit(base.add(plan.front), plan.back - plan.front).inspect_err(|_| {
                pages::release(base, plan.total);
            })?;
            Ok(NonNull::slice_from_raw_parts(base.add(plan.block), layout.size()))
        }
    }

    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        layout.size() == new_size
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if let Some(plan) = Plan::of(layout).filter(|_| layout.size() != 0) {
            // SAFETY: the block lies `plan.block` bytes into its mapping, which nobody uses again (caller).
            unsafe { pages::release(block.sub(plan.block), plan.total) };
        }
    }

    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // Fresh pages are zero.
        self.alloc(layout)
    }
}
