//! [`CAllocator`], [`RawCAllocator`]: the C library's heap as allocators.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, UsableSize};

use crate::sys::c_heap::{self, MAX_ALIGN};

/// The heap of the C library, with every alignment.
///
/// For blocks that C code frees or has allocated, and as a yardstick. A block of `malloc`'s alignment (16 bytes on
/// 64-bit systems) may be freed by C's `free`, and the reverse; above it `posix_memalign` is used, or
/// `_aligned_malloc` on Windows. Shrinking in place always succeeds; growing in place does up to the size that the
/// library has really given; [`remap`](Allocator::remap) is `realloc`, which moves large blocks without copying.
/// As thread-safe as the C library.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::Allocator;
/// use heap_os::CAllocator;
///
/// let layout = Layout::from_size_align(100, 64)?;
/// let block = CAllocator.alloc(layout)?.cast::<u8>();
/// // SAFETY: allocated just above, not used after `free`.
/// unsafe {
///     assert!(CAllocator.resize(block, layout, 50));
///     CAllocator.free(block, Layout::from_size_align(50, 64)?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CAllocator;

/// The heap of the C library, bare: `malloc`, `realloc`, `free`, and nothing that they do not do.
///
/// Alignments above `malloc`'s own (16 bytes on 64-bit systems) are refused, and every change of size in place is.
/// Good under an arena. For the rest, and for C code, see [`CAllocator`].
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::Allocator;
/// use heap_os::RawCAllocator;
///
/// assert!(RawCAllocator.alloc(Layout::from_size_align(8, 4096)?).is_err());
/// # Ok::<(), core::alloc::LayoutError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RawCAllocator;

heap_core::impl_foreign_allocators! { impl[] for CAllocator }
heap_core::impl_foreign_allocators! { impl[] for RawCAllocator }

/// The C library's heap as a value: the counterpart of `std.heap.c_allocator`.
#[must_use]
pub const fn c_allocator() -> CAllocator {
    CAllocator
}

/// The bare C heap as a value: the counterpart of `std.heap.raw_c_allocator`.
#[must_use]
pub const fn raw_c_allocator() -> RawCAllocator {
    RawCAllocator
}

/// What to ask `malloc` for: libraries align small blocks to their size only.
const fn asked(size: usize, align: usize) -> usize {
    if size < align { align } else { size }
}

/// Whether a block may have this size: on 32 bits the library has more than a layout can say.
const fn fits(size: usize, align: usize) -> bool {
    Layout::from_size_align(size, align).is_ok()
}

fn block(found: Option<NonNull<u8>>, size: usize) -> Result<NonNull<[u8]>, AllocError> {
    found.map(|base| NonNull::slice_from_raw_parts(base, size)).ok_or(AllocError)
}

/// `realloc` for blocks of `malloc`'s alignment.
///
/// # Safety
/// `old` is a live block of `malloc` with this layout; on success it is gone.
unsafe fn realloc(old: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
    if layout.size() == 0 || new_size == 0 || !fits(new_size, layout.align()) {
        return None;
    }
    // SAFETY: the caller's promise is the same.
    block(unsafe { c_heap::realloc(old, asked(new_size, layout.align())) }, new_size).ok()
}

// SAFETY: A1, A5: the C heap's blocks are the client's until freed, whoever asks. A2: `malloc` aligns to MAX_ALIGN what is
// at least as large, above it `aligned_alloc` does; which of the two it was, the layout tells `free`. A3: zero sizes are
// answered here. A4: C functions do not unwind.
unsafe impl Allocator for CAllocator {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let found = if layout.align() <= MAX_ALIGN {
            c_heap::malloc(asked(layout.size(), layout.align()))
        } else {
            c_heap::aligned_alloc(layout.size(), layout.align())
        };
        block(found, layout.size())
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if layout.size() == 0 || new_size == 0 {
            return layout.size() == new_size;
        }
        // SAFETY: the block is live (caller).
        let usable = || unsafe { self.usable_size(block, layout) };
        new_size <= layout.size() || (fits(new_size, layout.align()) && usable() >= new_size)
    }

    unsafe fn remap(&self, old: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.align() <= MAX_ALIGN && layout.size() != 0 {
            // SAFETY: such blocks are `malloc`'s; the caller's promise is the same.
            return unsafe { realloc(old, layout, new_size) };
        }
        // SAFETY: the caller's promise is the same.
        unsafe { self.resize(old, layout, new_size) }.then_some(NonNull::slice_from_raw_parts(old, new_size))
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        // SAFETY: the block is live and given up (caller); its alignment tells which function made it.
        unsafe { if layout.align() <= MAX_ALIGN { c_heap::free(block) } else { c_heap::aligned_free(block) } }
    }

    #[inline]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() != 0 && layout.align() <= MAX_ALIGN {
            return block(c_heap::calloc(asked(layout.size(), layout.align())), layout.size());
        }
        let fresh = self.alloc(layout)?;
        // SAFETY: A2: `len` bytes of it are ours.
        unsafe { fresh.cast::<u8>().write_bytes(0, fresh.len()) };
        Ok(fresh)
    }
}

// SAFETY: what the library calls usable may be used, and `free` does not look at sizes.
unsafe impl UsableSize for CAllocator {
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        let asks = layout.size() != 0 && (layout.align() <= MAX_ALIGN || c_heap::ALIGNED_KNOW_THEIR_SIZE);
        // SAFETY: the block is live (caller); over-aligned ones are asked for only where that is allowed.
        let told = if asks { unsafe { c_heap::usable_size(block) } } else { None };
        told.map_or(layout.size(), |usable| usable.max(layout.size()))
    }
}

// SAFETY: as for `CAllocator`, of which this is the `malloc` half.
unsafe impl Allocator for RawCAllocator {
    #[inline]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        match layout {
            _ if layout.size() == 0 => Ok(zero_sized(layout)),
            _ if layout.align() > MAX_ALIGN => Err(AllocError),
            _ => block(c_heap::malloc(asked(layout.size(), layout.align())), layout.size()),
        }
    }

    #[inline]
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, _new_size: usize) -> bool {
        false
    }

    #[inline]
    unsafe fn remap(&self, old: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        // SAFETY: all blocks are `malloc`'s; the caller's promise is the same.
        unsafe { realloc(old, layout, new_size) }
    }

    #[inline]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: all blocks are `malloc`'s, and this one is given up (caller).
            unsafe { c_heap::free(block) };
        }
    }
}
