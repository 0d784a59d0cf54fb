//! The traits that a debug allocator has: `Allocator`, `GlobalAlloc`, `Owns`, `UsableSize`, `Usage`.
//!
//! Every entry is a function of its own (never inlined), and passes on where its frame lies: traces begin at its caller.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, UsableSize, Usage};

use crate::debug_allocator::DebugAllocator;
use crate::findings::Findings;
use crate::operations::Changed;
use crate::sys::Site;
use crate::verbose;
use crate::violation::{Operation, Violation, ViolationKind};

impl<A: Allocator> DebugAllocator<A> {
    #[inline(never)]
    fn alloc_at(&self, layout: Layout, zeroed: bool, site: &Site) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        if !self.config.safety {
            return if zeroed { self.backing.alloc_zeroed(layout) } else { self.backing.alloc(layout) };
        }
        let block = self.take(layout, zeroed, site).ok_or(AllocError)?;
        if self.config.verbose_log {
            verbose::log("alloc", block.addr().get(), layout.size(), layout.align());
        }
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    #[inline(never)]
    fn free_at(&self, block: NonNull<u8>, layout: Layout, operation: Operation, site: &Site) {
        if self.config.verbose_log {
            verbose::log("free", block.addr().get(), layout.size(), layout.align());
        }
        self.give(block, layout, operation, site);
    }

    fn resize_at(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
        operation: Operation,
        site: &Site,
    ) -> bool {
        if layout.size() == 0 || new_size == 0 {
            return layout.size() == new_size;
        }
        let done = matches!(self.change(block, layout, new_size, operation, site), Changed::InPlace);
        if done && self.config.verbose_log {
            verbose::log(operation.name(), block.addr().get(), new_size, layout.align());
        }
        done
    }

    /// What `realloc` promises; the copy goes by the records, not by what the client says.
    fn realloc_at(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
        site: &Site,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 && !self.owns(block) {
            return self.alloc_at(new, false, site);
        }
        let mut recorded = old;
        if new.size() != 0 {
            // An alignment that changes is a move; the records are asked nevertheless.
            let in_place = if new.align() == old.align() { new.size() } else { usize::MAX };
            match self.change(block, old, in_place, Operation::Realloc, site) {
                Changed::InPlace => return Ok(NonNull::slice_from_raw_parts(block, new.size())),
                Changed::Refused(layout) => recorded = layout,
                Changed::NoBlock => return Err(AllocError),
            }
        }
        let fresh = match self.alloc_hot(new, false) {
            Some(block) => NonNull::slice_from_raw_parts(block, new.size()),
            None => self.alloc_at(new, false, site)?,
        };
        // SAFETY: both are live blocks (the records said so of the old one) of at least the smaller size, and apart.
        unsafe {
            fresh.cast::<u8>().copy_from_nonoverlapping(block, recorded.size().min(new.size()));
        }
        if !self.free_hot(block, recorded) {
            self.free_at(block, recorded, Operation::Realloc, site);
        }
        Ok(fresh)
    }

    /// Misuse that only `GlobalAlloc` allows.
    #[cold]
    #[inline(never)]
    fn misused(&self, kind: ViolationKind, operation: Operation, addr: usize, layout: Layout, site: &Site) {
        let mut findings = Findings::new();
        let given = Some((layout.size(), layout.align()));
        findings.push(Violation { given, ..Violation::new(kind, operation, addr) });
        self.tell(&findings, site);
    }
}

// SAFETY: A1: slots of a span, and spans, are disjoint; a block's slot is not reused before it is freed; canaries and
// fills are outside of live blocks. A2: P4, and the length returned is that requested. A3: sizes of zero are answered
// first. A4: nothing panics or unwinds; memory comes from the backing allocator, and for the books from the system.
// A5: blocks are found through the ledger, whose address stays when the value moves.
unsafe impl<A: Allocator> Allocator for DebugAllocator<A> {
    #[inline(never)]
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if let Some(block) = self.alloc_hot(layout, false) {
            return Ok(NonNull::slice_from_raw_parts(block, layout.size()));
        }
        self.alloc_at(layout, false, &Site::here())
    }

    #[inline(never)]
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if let Some(block) = self.alloc_hot(layout, true) {
            return Ok(NonNull::slice_from_raw_parts(block, layout.size()));
        }
        self.alloc_at(layout, true, &Site::here())
    }

    #[inline(never)]
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        if !self.config.safety {
            // SAFETY: the caller's promise is the same, and the block is the backing allocator's.
            return unsafe { self.backing.resize(block, layout, new_size) };
        }
        self.resize_at(block, layout, new_size, Operation::Resize, &Site::here())
    }

    #[inline(never)]
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if !self.config.safety {
            // SAFETY: the caller's promise is the same, and the block is the backing allocator's.
            return unsafe { self.backing.remap(block, layout, new_size) };
        }
        let same = self.resize_at(block, layout, new_size, Operation::Remap, &Site::here());
        if same {
            return Some(NonNull::slice_from_raw_parts(block, new_size));
        }
        let moves = !self.config.shrink_in_place && new_size != 0 && new_size < layout.size();
        let new = Layout::from_size_align(new_size, layout.align()).ok().filter(|_| moves)?;
        self.realloc_at(block, layout, new, &Site::here()).ok()
    }

    #[inline(never)]
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if self.free_hot(block, layout) || (layout.size() == 0 && !self.owns(block)) {
            return;
        }
        if !self.config.safety {
            // SAFETY: the caller's promise is the same, and the block is the backing allocator's.
            return unsafe { self.backing.free(block, layout) };
        }
        self.free_at(block, layout, Operation::Free, &Site::here());
    }

    #[inline(never)]
    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if !self.config.safety {
            // SAFETY: the caller's promise is the same, and the block is the backing allocator's.
            return unsafe { self.backing.realloc(block, old, new) };
        }
        self.realloc_at(block, old, new, &Site::here())
    }
}

// SAFETY: as for `Allocator`; null is out of memory. What is undefined by this trait's contract is reported.
unsafe impl<A: Allocator> GlobalAlloc for DebugAllocator<A> {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if let Some(block) = self.alloc_hot(layout, false) {
            return block.as_ptr();
        }
        if layout.size() == 0 && self.config.safety {
            self.misused(ViolationKind::ZeroSize, Operation::Alloc, 0, layout, &Site::here());
        }
        self.alloc_at(layout, false, &Site::here()).map_or(ptr::null_mut(), |block| block.cast().as_ptr())
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if let Some(block) = self.alloc_hot(layout, true) {
            return block.as_ptr();
        }
        if layout.size() == 0 && self.config.safety {
            self.misused(ViolationKind::ZeroSize, Operation::Alloc, 0, layout, &Site::here());
        }
        self.alloc_at(layout, true, &Site::here()).map_or(ptr::null_mut(), |block| block.cast().as_ptr())
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if NonNull::new(block).is_some_and(|block| self.free_hot(block, layout)) {
            return;
        }
        let kind = if block.is_null() { ViolationKind::NullPointer } else { ViolationKind::ZeroSize };
        match NonNull::new(block) {
            Some(block) if layout.size() != 0 => {
                if !self.config.safety {
                    // SAFETY: the caller's promise is the same, and the block is the backing allocator's.
                    return unsafe { Allocator::free(&self.backing, block, layout) };
                }
                self.free_at(block, layout, Operation::Free, &Site::here());
            }
            _ if self.config.safety => {
                self.misused(kind, Operation::Free, block.addr(), layout, &Site::here());
            }
            _ => {}
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(new_size, layout.align()) else { return ptr::null_mut() };
        let Some(old) = NonNull::new(block) else {
            self.misused(ViolationKind::NullPointer, Operation::Realloc, 0, layout, &Site::here());
            return ptr::null_mut();
        };
        if layout.size() == 0 || new_size == 0 {
            self.misused(ViolationKind::ZeroSize, Operation::Realloc, block.addr(), layout, &Site::here());
        }
        let moved = if self.config.safety {
            self.realloc_at(old, layout, new, &Site::here())
        } else {
            // SAFETY: the caller's promise is the same, and the block is the backing allocator's.
            unsafe { Allocator::realloc(&self.backing, old, layout, new) }
        };
        moved.map_or(ptr::null_mut(), |block| block.cast().as_ptr())
    }
}

// SAFETY: the map knows every granule that a block lies in, and no other instance has it meanwhile.
unsafe impl<A: Allocator> Owns for DebugAllocator<A> {
    /// Whether the block lies in this instance's memory: that which it has, not that which it gave back. O(1), no lock.
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.known_ledger().is_some_and(|ledger| ledger.holds(block.addr().get()))
    }
}

// SAFETY: what was requested may be used, and it alone.
unsafe impl<A: Allocator> UsableSize for DebugAllocator<A> {
    /// The size as requested: a byte more is what this allocator reports. A block that is not live is reported, too.
    #[inline(never)]
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        if layout.size() != 0 && self.config.safety {
            // Asks for more than can be: the answer is that the block is there, or a report that it is not.
            let _ = self.change(block, layout, usize::MAX, Operation::Resize, &Site::here());
        }
        layout.size()
    }
}

impl<A: Allocator> Usage for DebugAllocator<A> {
    fn used(&self) -> usize {
        self.requested_bytes()
    }
    fn capacity(&self) -> usize {
        self.held_bytes()
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator] for DebugAllocator<A> }
