//! A chunk: one block of the child with a header at its start, and chains of such.
//!
//! Knows which bytes are the child's and how to give them back, not what is allocated from them.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator};

use crate::growth::{CHUNK_ALIGN, Plan};

/// What stands at the start of each chunk. The alignment makes the payload behind it start aligned too.
#[repr(C, align(16))]
#[derive(Debug)]
pub(crate) struct Header {
    /// The chunk used before this one.
    prev: Cell<Option<Chunk>>,
    /// Bytes of the child's block, this header included.
    size: Cell<usize>,
}

const _: () = assert!(align_of::<Header>() == CHUNK_ALIGN && size_of::<Header>() == CHUNK_ALIGN);

/// The most bytes that a chunk may have: more is no layout.
const LARGEST: usize = isize::MAX as usize - (CHUNK_ALIGN - 1);

/// A chunk, by the address of its header.
///
/// # Invariants
///
/// While it is live, that is from [`Chunk::create`] to [`Chunk::free`]:
///
/// - **K1** The header is the start of a live block of the arena's child, with the layout of `size` bytes at
///   [`CHUNK_ALIGN`].
/// - **K2** `size` is at least the length of the arena's header, and at most [`LARGEST`].
/// - **K3** `prev` is live too.
///
/// The methods need a live chunk: that is what their `# Safety` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk(NonNull<Header>);

impl Chunk {
    /// Gets a chunk of `plan.wanted` bytes from the child, or else of `plan.least` bytes, on top of `prev`.
    ///
    /// When the child gives more than was asked, `extra` says how many of these bytes to use.
    ///
    /// # Errors
    ///
    /// The child's; and when a size is no layout's.
    pub(crate) fn create<A: Allocator>(
        child: &A,
        plan: Plan,
        prev: Option<Self>,
        extra: impl FnOnce(usize) -> usize,
    ) -> Result<Self, AllocError> {
        debug_assert!(size_of::<Header>() <= plan.least && plan.least <= plan.wanted);
        let layout = |size| Layout::from_size_align(size, CHUNK_ALIGN).map_err(|_| AllocError);
        let wanted = layout(plan.wanted).and_then(|layout| child.alloc(layout));
        let (block, asked) = match wanted {
            Ok(block) => (block, plan.wanted),
            Err(AllocError) => (child.alloc(layout(plan.least)?)?, plan.least),
        };
        let given = block.len().min(LARGEST);
        let size = if given > asked { asked + extra(given - asked).min(given - asked) } else { asked };
        // SAFETY: A1 and A2: ours, aligned, and at least a header long. K1: `size` was asked for or is at most `LARGEST`.
        unsafe { block.cast::<Header>().write(Header { prev: Cell::new(prev), size: Cell::new(size) }) };
        Ok(Self(block.cast()))
    }

    /// The chunk of a header.
    ///
    /// # Safety
    ///
    /// `header` came from [`as_ptr`](Self::as_ptr) of a live chunk.
    #[inline]
    pub(crate) unsafe fn from_ptr(header: NonNull<Header>) -> Self {
        Self(header)
    }

    /// The header's address, for an atomic.
    #[inline]
    pub(crate) fn as_ptr(self) -> *mut Header {
        self.0.as_ptr()
    }

    /// The first byte of the block.
    #[inline]
    pub(crate) fn base(self) -> NonNull<u8> {
        self.0.cast()
    }

    /// # Safety
    ///
    /// The chunk is live for as long as the header is borrowed.
    #[inline]
    unsafe fn header<'live>(self) -> &'live Header {
        // SAFETY: K1. The fields are cells, and shared references are the only ones there are.
        unsafe { self.0.as_ref() }
    }

    /// Bytes of the block, header included.
    ///
    /// # Safety
    ///
    /// The chunk is live.
    #[inline]
    pub(crate) unsafe fn size(self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.header() }.size.get()
    }

    /// The chunk used before this one.
    ///
    /// # Safety
    ///
    /// The chunk is live.
    #[inline]
    pub(crate) unsafe fn prev(self) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe { self.header() }.prev.get()
    }

    /// Links the chunk on top of another.
    ///
    /// # Safety
    ///
    /// Both are live.
    #[inline]
    pub(crate) unsafe fn set_prev(self, prev: Option<Self>) {
        // SAFETY: the caller's promise.
        unsafe { self.header() }.prev.set(prev);
    }

    /// The first byte behind the chunk.
    ///
    /// # Safety
    ///
    /// The chunk is live.
    #[inline]
    pub(crate) unsafe fn end(self) -> NonNull<u8> {
        // SAFETY: K1: the block has `size` bytes.
        unsafe { self.base().add(self.size()) }
    }

    /// Asks the child to change the chunk's size in place, to `plan.wanted` or else to `plan.least` bytes.
    ///
    /// # Safety
    ///
    /// The chunk is live, and the bytes beyond the new size are not used. `plan.least` holds the arena's header (K2).
    pub(crate) unsafe fn resize<A: Allocator>(self, child: &A, plan: Plan) -> bool {
        // SAFETY: as promised to us.
        let to = |size| unsafe { self.resize_to(child, size) };
        to(plan.wanted) || (plan.least != plan.wanted && to(plan.least))
    }

    /// # Safety
    ///
    /// As for [`resize`](Self::resize).
    unsafe fn resize_to<A: Allocator>(self, child: &A, size: usize) -> bool {
        if size > LARGEST {
            return false;
        }
        // SAFETY: the caller's promise, and K1: this is the layout that we hold.
        let resized = unsafe { child.resize(self.base(), self.layout(), size) };
        if resized {
            // SAFETY: the chunk is live; the child has just agreed to the new size (K1).
            unsafe { self.header() }.size.set(size);
        }
        resized
    }

    /// Makes the chunk `size` bytes long, and may move it to get there; what stands behind the header is lost.
    ///
    /// # Safety
    ///
    /// The chunk is live, no block in it is, no other chunk's `prev` is this one, and `size` holds the arena's
    /// header (K2). After success this handle is dead, unless it is the one returned.
    pub(crate) unsafe fn remake<A: Allocator>(self, child: &A, size: usize) -> Option<Self> {
        if size > LARGEST {
            return None;
        }
        // SAFETY: the caller's promise.
        if unsafe { self.resize_to(child, size) } {
            return Some(self);
        }
        // SAFETY: K1, as in `resize_to`; nobody holds pointers into the chunk.
        if let Some(moved) = unsafe { child.remap(self.base(), self.layout(), size) } {
            let moved = Self(moved.cast());
            // SAFETY: the child kept the header's bytes and the alignment, and agreed to the size (K1).
            unsafe { moved.header() }.size.set(size);
            return Some(moved);
        }
        // SAFETY: live, as promised.
        let prev = unsafe { self.prev() };
        let fresh = Self::create(child, Plan { least: size, wanted: size }, prev, |_| 0).ok()?;
        // SAFETY: live, and given up by the caller.
        unsafe { self.free(child) };
        Some(fresh)
    }

    /// Gives the chunk back to the child.
    ///
    /// # Safety
    ///
    /// The chunk is live, no block in it is, and it is not used again.
    pub(crate) unsafe fn free<A: Allocator>(self, child: &A) {
        // SAFETY: K1, and the caller's promise.
        unsafe { child.free(self.base(), self.layout()) };
    }

    /// The layout that we hold for the block.
    ///
    /// # Safety
    ///
    /// The chunk is live.
    unsafe fn layout(self) -> Layout {
        // SAFETY: K1: `size` came from a layout with this alignment.
        unsafe { Layout::from_size_align_unchecked(self.size(), CHUNK_ALIGN) }
    }
}

/// The chunks of a chain, newest first.
///
/// # Safety
///
/// `head` is live for as long as the iterator is advanced. (A chunk may be freed once the iterator has passed it.)
pub(crate) unsafe fn chain(head: Option<Chunk>) -> impl Iterator<Item = Chunk> {
    let mut next = head;
    core::iter::from_fn(move || {
        let chunk = next?;
        // SAFETY: the caller's promise, and K3.
        next = unsafe { chunk.prev() };
        Some(chunk)
    })
}
