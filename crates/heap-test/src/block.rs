//! [`Block`]: a client that owns one block, writes all over it and checks what it gets. Safe to use.
//!
//! The whole suite is written with it, so the raw calls to an allocator are all in this file.

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use heap_core::Allocator;

use crate::fault::Fault;
use crate::pattern;
use crate::shadow::well_formed;

/// One live block of an allocator, filled with a pattern of its own, freed on drop.
///
/// What the allocator returns is checked before it is used: alignment, length, zero bytes. After a fault the block
/// is given up without freeing it, as nobody knows what is there.
///
/// # Invariants
///
/// - **L1** While `live`, `ptr` is a live block of `allocator`, `layout` fits it, and `usable` bytes may be used.
/// - **L2** While `live`, the pieces (see `pattern`) of the first `filled` bytes were last written here, with
///   `stamp`'s pattern; `filled <= usable`.
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::Global;
/// use heap_test::Block;
/// let mut block = Block::alloc(&Global, Layout::from_size_align(100, 16)?, 1)?;
/// block.realloc(Layout::from_size_align(5000, 16)?)?; // checks that the 100 bytes are still there
/// assert!(block.addr() % 16 == 0 && block.usable() >= 5000);
/// block.free()?; // checks them once more
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Block<'a, A: Allocator + ?Sized> {
    allocator: &'a A,
    ptr: NonNull<u8>,
    layout: Layout,
    usable: usize,
    filled: usize,
    stamp: u64,
    live: bool,
}

// SAFETY: a block is memory without thread affinity, and the allocator may be called from the other thread.
unsafe impl<A: Allocator + Sync + ?Sized> Send for Block<'_, A> {}

impl<'a, A: Allocator + ?Sized> Block<'a, A> {
    /// Allocates a block and fills its whole usable length with the pattern of `stamp`.
    ///
    /// # Errors
    ///
    /// [`Fault::Refused`] for an `AllocError`, else the promise that the result breaks.
    pub fn alloc(allocator: &'a A, layout: Layout, stamp: u64) -> Result<Self, Fault> {
        let raw = allocator.alloc(layout).map_err(|_| Fault::Refused { layout })?;
        let mut block = Self::accept(allocator, raw, layout, stamp)?;
        block.fill();
        Ok(block)
    }

    /// As [`alloc`](Self::alloc), through `alloc_zeroed`: the usable length must be zero before it is filled.
    ///
    /// # Errors
    ///
    /// As for [`alloc`](Self::alloc), and [`Fault::NotZero`].
    pub fn alloc_zeroed(allocator: &'a A, layout: Layout, stamp: u64) -> Result<Self, Fault> {
        let raw = allocator.alloc_zeroed(layout).map_err(|_| Fault::Refused { layout })?;
        let mut block = Self::accept(allocator, raw, layout, stamp)?;
        // SAFETY: L1, and every byte of a zeroed block is initialised.
        let bytes = unsafe { core::slice::from_raw_parts(block.ptr.as_ptr(), block.usable) };
        if let Some((offset, found)) = pattern::first_set_byte(bytes) {
            block.live = false;
            return Err(Fault::NotZero { addr: block.addr(), offset, found });
        }
        block.fill();
        Ok(block)
    }

    fn accept(allocator: &'a A, raw: NonNull<[u8]>, layout: Layout, stamp: u64) -> Result<Self, Fault> {
        let (ptr, usable) = (raw.cast::<u8>(), raw.len());
        well_formed(ptr.addr().get(), usable, layout)?;
        Ok(Self { allocator, ptr, layout, usable, filled: 0, stamp, live: true })
    }

    /// The address.
    #[must_use]
    pub fn addr(&self) -> usize {
        self.ptr.addr().get()
    }

    /// The layout that this client holds for the block.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// The length in bytes that the allocator returned last.
    #[must_use]
    pub const fn usable(&self) -> usize {
        self.usable
    }

    /// The block as a pointer, for calls that this type does not make.
    #[must_use]
    pub const fn as_ptr(&self) -> NonNull<u8> {
        self.ptr
    }

    /// From now on passes back the usable length instead of the requested one, as A2 allows.
    pub fn claim_usable(&mut self) {
        if let Ok(layout) = Layout::from_size_align(self.usable, self.layout.align()) {
            self.layout = layout;
        }
    }

    /// Fills `usable` bytes from now on.
    ///
    /// # Safety
    ///
    /// So many bytes of the block may be used.
    pub(crate) unsafe fn use_up_to(&mut self, usable: usize) {
        self.usable = usable;
        self.fill();
    }

    /// Checks that the content is what was written.
    ///
    /// # Errors
    ///
    /// [`Fault::Changed`]; the block is given up then.
    pub fn check(&mut self) -> Result<(), Fault> {
        self.check_first(self.usable)
    }

    /// Resizes in place if the allocator agrees, and says whether it did. Checks what must be kept, fills anew.
    ///
    /// # Errors
    ///
    /// [`Fault::Changed`]; the block is given up then.
    pub fn resize(&mut self, new_size: usize) -> Result<bool, Fault> {
        // SAFETY: L1.
        let agreed = unsafe { self.allocator.resize(self.ptr, self.layout, new_size) };
        if agreed {
            self.become_block(
                NonNull::slice_from_raw_parts(self.ptr, new_size),
                new_size,
                self.layout.align(),
            )?;
        } else {
            self.check()?;
        }
        Ok(agreed)
    }

    /// Remaps if the allocator agrees, and says whether it did. Checks what must be kept, fills anew.
    ///
    /// # Errors
    ///
    /// A promise that the result breaks; the block is given up then.
    pub fn remap(&mut self, new_size: usize) -> Result<bool, Fault> {
        // SAFETY: L1.
        let moved = unsafe { self.allocator.remap(self.ptr, self.layout, new_size) };
        match moved {
            Some(raw) => self.become_block(raw, new_size, self.layout.align())?,
            None => self.check()?,
        }
        Ok(moved.is_some())
    }

    /// Reallocates. Checks what must be kept, fills anew.
    ///
    /// # Errors
    ///
    /// [`Fault::Refused`], and the block is as before; or a promise that the result breaks, and it is given up.
    pub fn realloc(&mut self, new: Layout) -> Result<(), Fault> {
        // SAFETY: L1.
        match unsafe { self.allocator.realloc(self.ptr, self.layout, new) } {
            Ok(raw) => {
                if let Err(fault) = well_formed(raw.cast::<u8>().addr().get(), raw.len(), new) {
                    self.live = false;
                    return Err(fault);
                }
                self.become_block(raw, new.size(), new.align())
            }
            Err(_) => {
                self.check()?;
                Err(Fault::Refused { layout: new })
            }
        }
    }

    /// Checks the content, and frees.
    ///
    /// # Errors
    ///
    /// [`Fault::Changed`]; the block is not freed then.
    pub fn free(mut self) -> Result<(), Fault> {
        self.check()
    }

    /// Gives the block up without freeing it: a leak, unless its allocator forgets all blocks at once.
    pub fn forget(mut self) {
        self.live = false;
    }

    /// Parts the block from the borrow of its allocator, so that the allocator can be moved.
    pub fn detach(mut self) -> Detached {
        self.live = false;
        let Self { ptr, layout, usable, filled, stamp, .. } = self;
        Detached { ptr, layout, usable, filled, stamp }
    }

    /// The allocator answered a change of size with `raw`; what both sizes cover must be kept.
    fn become_block(&mut self, raw: NonNull<[u8]>, size: usize, align: usize) -> Result<(), Fault> {
        let kept = self.layout.size().min(size);
        self.live = false;
        let Ok(layout) = Layout::from_size_align(size, align) else {
            // An absurd size was agreed to: no block can have it.
            let layout = self.layout;
            return Err(Fault::WrongLength { addr: raw.cast::<u8>().addr().get(), len: raw.len(), layout });
        };
        // A block shrunk to nothing in place has no memory, whatever its address.
        let usable = if size == 0 { 0 } else { raw.len() };
        if size != 0 {
            well_formed(raw.cast::<u8>().addr().get(), usable, layout)?;
        }
        (self.ptr, self.usable, self.layout, self.live) = (raw.cast(), usable, layout, true);
        self.check_first(kept)?;
        self.fill();
        Ok(())
    }

    /// Writes the pattern over the usable length.
    fn fill(&mut self) {
        self.filled = self.usable;
        for piece in pattern::pieces(self.usable) {
            // SAFETY: L1, and a piece lies inside the usable length. Nobody else refers to these bytes.
            let bytes = unsafe {
                let start = self.ptr.add(piece.start).cast::<MaybeUninit<u8>>();
                core::slice::from_raw_parts_mut(start.as_ptr(), piece.len())
            };
            pattern::fill(bytes, self.stamp, piece.start);
        }
    }

    /// Compares the first `len` bytes, which are usable, with the pattern written last.
    fn check_first(&mut self, len: usize) -> Result<(), Fault> {
        for piece in pattern::pieces(self.filled) {
            let end = piece.end.min(len);
            if piece.start >= end {
                break;
            }
            // SAFETY: L1 and L2: these bytes are ours, and were written by `fill` or kept by the allocator.
            let bytes =
                unsafe { core::slice::from_raw_parts(self.ptr.add(piece.start).as_ptr(), end - piece.start) };
            if let Some((offset, wrote, found)) = pattern::difference(bytes, self.stamp, piece.start) {
                self.live = false;
                return Err(Fault::Changed { addr: self.addr(), offset, wrote, found });
            }
        }
        Ok(())
    }
}

impl<A: Allocator + ?Sized> Drop for Block<'_, A> {
    fn drop(&mut self) {
        if self.live {
            // SAFETY: L1, and nobody uses the block after this.
            unsafe { self.allocator.free(self.ptr, self.layout) }
        }
    }
}

impl<A: Allocator + ?Sized> fmt::Debug for Block<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("ptr", &self.ptr)
            .field("layout", &self.layout)
            .field("usable", &self.usable)
            .finish_non_exhaustive()
    }
}

/// A [`Block`] without its allocator; leaks when dropped.
#[derive(Debug)]
#[must_use = "a detached block that is not attached again leaks"]
pub struct Detached {
    ptr: NonNull<u8>,
    layout: Layout,
    usable: usize,
    filled: usize,
    stamp: u64,
}

impl Detached {
    /// The block of an allocator that may have moved since, or of an equal handle (A5).
    ///
    /// # Safety
    ///
    /// The block is still live, and `allocator` is the one that it came from, a reference to it or a clone.
    pub const unsafe fn attach<A: Allocator + ?Sized>(self, allocator: &A) -> Block<'_, A> {
        let Self { ptr, layout, usable, filled, stamp } = self;
        Block { allocator, ptr, layout, usable, filled, stamp, live: true }
    }
}
