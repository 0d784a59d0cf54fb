//! [`PageAllocator`]: every block is pages of its own, straight from the system.
//!
//! No records, no cache. The raw calls are in [`pages`]; here are only the rounding and the choice of
//! addresses.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, UsableSize};

use crate::os::Os;
use crate::pages::{self, page_size};
use crate::parked::{Content, PARKED};
use crate::sync::{AtomicUsize, Ordering};

/// Hands out whole pages, each block a mapping of its own.
///
/// For blocks of many pages, and as what arenas, pools and heaps take their memory from. Any number of threads;
/// the value is zero-sized, all are the same allocator.
///
/// - A block's length is its size rounded up to whole pages, all of it usable. Fresh blocks are zero, so
///   [`alloc_zeroed`](Allocator::alloc_zeroed) costs no more than [`alloc`](Allocator::alloc).
/// - Any alignment up to the address space. Above a page it is usually had for one system call, and else by
///   reserving addresses, never memory.
/// - [`resize`](Allocator::resize) shrinks by giving pages back, and grows where the addresses behind are free;
///   [`remap`](Allocator::remap) moves page tables instead of bytes and keeps the alignment (Linux; elsewhere it
///   is `resize`).
/// - Freed addresses are not handed out again soon, so a stale pointer faults: each mapping is asked for below the
///   one before, see [`NEXT_MMAP_ADDR_HINT`].
///
/// Every call is at least one system call, every touch of a new page a fault: about a microsecond each, where a heap
/// takes some nanoseconds. A block of 8 bytes takes a page, and the kernel counts mappings (65,530 a process on
/// Linux): not for small blocks. Misuse is not found: freeing what is not yours unmaps it.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::Allocator;
/// use heap_os::{PageAllocator, page_size};
///
/// let layout = Layout::from_size_align(100, 1 << 21)?;
/// let block = PageAllocator.alloc(layout)?;
/// assert_eq!(block.len(), page_size());
/// assert_eq!(block.cast::<u8>().addr().get() % (1 << 21), 0);
/// // SAFETY: allocated just above, not used again.
/// unsafe { PageAllocator.free(block.cast(), layout) };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PageAllocator;

heap_core::impl_foreign_allocators! { impl[] for PageAllocator }

/// The page allocator as a value: the counterpart of `std.heap.page_allocator`.
#[must_use]
pub const fn page_allocator() -> PageAllocator {
    PageAllocator
}

/// Where [`PageAllocator`] wants its next block to end: any address, 0 for no wish.
///
/// It is a wish only: no value of it makes an allocation fail or overlap. After each allocation it is the new block's
/// start, or far below it where the wish was not granted, so blocks walk downwards, away from addresses that were just freed. Not every system listens.
#[derive(Debug)]
pub struct AddrHint {
    addr: AtomicUsize,
}

impl AddrHint {
    /// The address, or 0.
    #[must_use]
    pub fn load(&self) -> usize {
        // A wish: nothing is ordered by it.
        self.addr.load(Ordering::Relaxed)
    }

    /// Sets the address; 0 forgets it.
    pub fn store(&self, addr: usize) {
        self.addr.store(addr, Ordering::Relaxed);
    }

    /// Takes the next `len` addresses for the caller alone: two threads must not wish for the same place.
    fn claim(&self, len: usize, align: usize) -> usize {
        if len.max(align) > JUMP {
            // A request that may well be refused would take everybody to the bottom.
            return 0;
        }
        let below = |addr: usize| addr.saturating_sub(len) & !(align - 1);
        let claimed = self.addr.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |addr| Some(below(addr)));
        claimed.map_or(0, below)
    }

    /// Notes what came of a wish. One in the middle of other mappings must not be followed by one just below the
    /// system's own choice, which is the same small gap again and again: the next is far below both.
    fn settle(&self, wish: usize, base: usize) {
        let granted = base <= wish && wish - base < page_size();
        let next = match wish {
            0 => base,
            _ if granted => return,
            _ => wish.min(base).saturating_sub(JUMP),
        };
        // Other threads may have claimed more by now, which lies in the way too; or someone has set it anew.
        let lower = |now: usize| (now == wish || (next < now && now < wish)).then_some(next);
        _ = self.addr.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lower);
    }
}

/// How far down to go when a wish was not granted: past whatever lies there (libraries, stacks, a C library's arenas of
/// 64 MiB for each thread), and still thousands of jumps from end to end: 16 GiB of 2^47, 4 MiB of 2^32.
const JUMP: usize = if usize::BITS > 32 { 1 << 34_u32 } else { 1 << 22_u32 };

/// The wish of this process.
///
/// ```
/// heap_os::NEXT_MMAP_ADDR_HINT.store(0);
/// assert_eq!(heap_os::NEXT_MMAP_ADDR_HINT.load(), 0);
/// ```
#[doc(alias = "next_mmap_addr_hint")]
pub static NEXT_MMAP_ADDR_HINT: AddrHint = AddrHint { addr: AtomicUsize::new(0) };

/// `size` rounded up to whole pages; `None` when no object can be so large.
#[inline]
fn whole_pages(size: usize) -> Option<usize> {
    let mask = page_size() - 1;
    let len = size.checked_add(mask)? & !mask;
    (len <= isize::MAX as usize).then_some(len)
}

impl PageAllocator {
    /// The lengths of a block's mapping before and after a change, if both are sizes that its layout may have, and not zero.
    #[inline]
    fn lengths(layout: Layout, new_size: usize) -> Option<(usize, usize)> {
        let new = Layout::from_size_align(new_size, layout.align()).ok()?;
        let both_have_memory = layout.size() != 0 && new_size != 0;
        if both_have_memory { Some((whole_pages(layout.size())?, whole_pages(new.size())?)) } else { None }
    }
}

// SAFETY: A1: the system's mappings do not overlap, are ours until unmapped, and depend on no value. A2: lengths are
// rounded up, so every size from requested to returned rounds to the same mapping; `map_near` aligns. A3: zero sizes are
// answered here. A4: `pages` promises it. A5: the type has no state but a wish.
unsafe impl Allocator for PageAllocator {
    #[doc(alias = "map")]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let len = whole_pages(layout.size()).ok_or(AllocError)?;
        let wish = NEXT_MMAP_ADDR_HINT.claim(len, layout.align());
        let base = pages::map_near(len, layout.align(), wish)?;
        NEXT_MMAP_ADDR_HINT.settle(wish, base.addr().get());
        Ok(NonNull::slice_from_raw_parts(base, len))
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        match Self::lengths(layout, new_size) {
            None => layout.size() == new_size,
            Some((old, new)) if old == new => true,
            // SAFETY: the block is a mapping of `old` bytes (caller; A2), and what shrinks away is given up.
            Some((old, new)) => unsafe { pages::remap(block, old, new, false) }.is_some(),
        }
    }

    #[doc(alias = "realloc")]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        let Some((old, new)) = Self::lengths(layout, new_size) else {
            return (layout.size() == new_size).then_some(NonNull::slice_from_raw_parts(block, 0));
        };
        if old == new {
            return Some(NonNull::slice_from_raw_parts(block, old));
        }
        // SAFETY: the block is an aligned mapping of `old` bytes (caller; A2), and gives way to the new one.
        let moved = unsafe { pages::remap_aligned(block, old, new, layout.align()) };
        moved.map(|base| NonNull::slice_from_raw_parts(base, new))
    }

    #[doc(alias = "unmap")]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if let Some(len) = whole_pages(layout.size()).filter(|&len| len != 0) {
            // SAFETY: the block is a mapping of `len` bytes (A2) that nobody uses again (caller).
            unsafe { PARKED.release::<Os>(block, len, Content::Committed) };
        }
    }

    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        // Fresh pages are zero.
        self.alloc(layout)
    }
}

// SAFETY: the rest of the last page is the block's, and `free` rounds up.
unsafe impl UsableSize for PageAllocator {
    unsafe fn usable_size(&self, _block: NonNull<u8>, layout: Layout) -> usize {
        whole_pages(layout.size()).unwrap_or(layout.size())
    }
}
