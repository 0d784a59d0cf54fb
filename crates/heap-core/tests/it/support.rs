//! Allocators to test with: one that writes down what it is asked, an arena, and one that has nothing.

use core::alloc::Layout;
use core::cell::{Cell, RefCell, UnsafeCell};
use core::ptr::NonNull;
use std::collections::BTreeMap;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Global};

/// One call that reached the allocator, with the sizes that it named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Alloc(usize),
    AllocZeroed(usize),
    Resize(usize, usize),
    Remap(usize, usize),
    Free(usize),
}

/// `Global`, writing down every call; each block must come back with the layout that it has.
///
/// `Drop` fails the test when blocks are left.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    calls: RefCell<Vec<Call>>,
    live: RefCell<BTreeMap<usize, Layout>>,
    /// Answer `remap` with "copy it yourself".
    pub(crate) refuse_remap: Cell<bool>,
    /// Answer `alloc` with "out of memory".
    pub(crate) fail: Cell<bool>,
}

impl Recorder {
    /// The calls since the last time.
    pub(crate) fn take(&self) -> Vec<Call> {
        self.calls.take()
    }

    fn enter(&self, block: NonNull<[u8]>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        assert_eq!(self.live.borrow_mut().insert(block.cast::<u8>().addr().get(), layout), None);
    }

    fn leave(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            assert_eq!(self.live.borrow_mut().remove(&block.addr().get()), Some(layout));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(*self.live.borrow(), BTreeMap::new(), "blocks left");
        }
    }
}

// SAFETY: every block is one of `Global`.
unsafe impl Allocator for Recorder {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.calls.borrow_mut().push(Call::Alloc(layout.size()));
        if self.fail.get() {
            return Err(AllocError);
        }
        let block = Global.alloc(layout)?;
        self.enter(block, layout);
        Ok(block)
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        self.calls.borrow_mut().push(Call::Resize(layout.size(), new_size));
        assert_eq!(self.live.borrow().get(&block.addr().get()), Some(&layout));
        false
    }

    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        self.calls.borrow_mut().push(Call::Remap(layout.size(), new_size));
        if self.refuse_remap.get() {
            return None;
        }
        self.leave(block, layout);
        // SAFETY: the caller's promise.
        let moved = unsafe { Global.remap(block, layout, new_size) }.expect("Global can");
        self.enter(moved, Layout::from_size_align(new_size, layout.align()).unwrap());
        Some(moved)
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.calls.borrow_mut().push(Call::Free(layout.size()));
        self.leave(block, layout);
        // SAFETY: the caller's promise.
        unsafe { Global.free(block, layout) }
    }

    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.calls.borrow_mut().push(Call::AllocZeroed(layout.size()));
        if self.fail.get() {
            return Err(AllocError);
        }
        let block = Global.alloc_zeroed(layout)?;
        self.enter(block, layout);
        Ok(block)
    }
}

heap_core::impl_foreign_allocators! { impl[] for Recorder }

/// What lies in an [`Arena`]'s memory before anybody writes to it.
pub(crate) const SOIL: u8 = 0x11;

/// A bump arena of 64 KiB: one of our allocators, as small as it can be.
///
/// It hands out up to the next multiple of 16, so clients see blocks that are longer than they asked, and never takes
/// anything back. Its memory can be looked at.
#[derive(Debug)]
pub(crate) struct Arena {
    memory: Box<UnsafeCell<[u8; Arena::LEN]>>,
    used: Cell<usize>,
    pub(crate) frees: Cell<usize>,
}

impl Arena {
    const LEN: usize = 1 << 16;

    pub(crate) fn new() -> Self {
        let memory = Box::new(UnsafeCell::new([SOIL; Self::LEN]));
        Self { memory, used: Cell::new(0), frees: Cell::new(0) }
    }

    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    fn base(&self) -> NonNull<u8> {
        NonNull::new(self.memory.get().cast()).unwrap()
    }

    /// Bytes at a block, live or not.
    pub(crate) fn look(&self, block: NonNull<u8>, len: usize) -> Vec<u8> {
        let offset = block.addr().get() - self.base().addr().get();
        assert!(offset + len <= Self::LEN);
        // SAFETY: in the memory, which is initialised; no reference to it is alive.
        (0..len).map(|i| unsafe { self.base().add(offset + i).read() }).collect()
    }
}

// SAFETY: each block is a part of the memory that no other has. The memory lives in a box, so moving the arena leaves it
// where it is (A1).
unsafe impl Allocator for Arena {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let base = self.base().addr().get();
        let start = (base + self.used.get()).next_multiple_of(layout.align()) - base;
        let len = layout.size().checked_next_multiple_of(16).ok_or(AllocError)?;
        let end = start.checked_add(len).filter(|end| *end <= Self::LEN).ok_or(AllocError)?;
        self.used.set(end);
        // SAFETY: `start <= end <= LEN`.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.base().add(start) }, len))
    }

    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        new_size != 0 && new_size <= layout.size().next_multiple_of(16)
    }

    unsafe fn free(&self, _block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            self.frees.set(self.frees.get() + 1);
        }
    }
}

heap_core::impl_foreign_allocators! { impl[] for Arena }

/// Has no memory; being given a block is a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Null;

// SAFETY: it never hands out a block.
unsafe impl Allocator for Null {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 { Ok(zero_sized(layout)) } else { Err(AllocError) }
    }

    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, _new_size: usize) -> bool {
        unreachable!("a block of {} bytes that was never handed out", layout.size())
    }

    unsafe fn free(&self, _block: NonNull<u8>, layout: Layout) {
        assert_eq!(layout.size(), 0, "a block that was never handed out");
    }
}

heap_core::impl_foreign_allocators! { impl[] for Null }
