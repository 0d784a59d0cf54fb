//! A small allocator with size classes and free lists, right without a bug, and wrong in one place with one.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, SizeClasses};

use crate::bump::Bump;

/// What is wrong with a [`ClassHeap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    ForgetsTheAlignment,
    CutsSlotsTooShort,
    ReturnsOneByteTooMuch,
    TakesMemoryForNothing,
    FreesOneSizeToTheNextClass,
    ZeroesOnlyFreshMemory,
    GrowsIntoTheNeighbour,
    RemapCopiesTooLittle,
    ReallocFreesFirst,
    RoundsSizesUnchecked,
    RefusesForEverOnceRefused,
    ForgetsToLock,
    WritesIntoLiveBlocks,
}

/// Slots from a [`Bump`], reused by size class. The lists are kept apart from the slots, so that a planted bug
/// shows in the blocks and does not crash the test.
#[derive(Debug)]
pub(crate) struct ClassHeap {
    bump: Bump,
    state: Mutex<State>,
    bug: Bug,
}

#[derive(Debug, Default)]
struct State {
    lists: Vec<Vec<Slot>>,
    refused: bool,
    last: Option<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot(NonNull<u8>);

// SAFETY: a slot is an address inside the bump's buffer, which has no thread affinity.
unsafe impl Send for Slot {}

impl ClassHeap {
    pub(crate) fn new(bug: Bug) -> Self {
        Self::with_buffer(bug, 160 << 20)
    }

    pub(crate) fn with_buffer(bug: Bug, len: usize) -> Self {
        Self { bump: Bump::new(len), state: Mutex::default(), bug }
    }

    fn is(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    fn class(&self, layout: Layout) -> usize {
        SizeClasses::class_of_layout(layout)
    }

    fn class_on_free(&self, layout: Layout) -> usize {
        let planted = self.is(Bug::FreesOneSizeToTheNextClass) && layout.size() == 4097;
        self.class(layout) + usize::from(planted)
    }

    fn pop(&self, class: usize) -> Option<Slot> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let list = state.lists.get_mut(class)?;
        if self.is(Bug::ForgetsToLock) {
            let slot = *list.last()?;
            drop(state);
            std::thread::yield_now();
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.lists[class].pop();
            return Some(slot);
        }
        list.pop()
    }

    fn push(&self, class: usize, block: NonNull<u8>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.lists.len() <= class {
            state.lists.resize_with(class + 1, Vec::new);
        }
        state.lists[class].push(Slot(block));
    }

    /// A slot of `class`, and whether it is fresh.
    fn slot(&self, class: usize, align: usize) -> Result<(NonNull<u8>, bool), AllocError> {
        if let Some(Slot(block)) = self.pop(class) {
            return Ok((block, false));
        }
        let size = SizeClasses::class_size(class);
        // Slots of a class serve every alignment that divides its size.
        let natural =
            if self.is(Bug::ForgetsTheAlignment) { 8 } else { align.max(1 << size.trailing_zeros()) };
        let cut = if self.is(Bug::CutsSlotsTooShort) && size > 512 { size - 64 } else { size };
        let layout = Layout::from_size_align(cut, natural).map_err(|_| AllocError)?;
        Ok((self.bump.alloc(layout)?.cast(), true))
    }

    fn alloc_any(&self, layout: Layout, zeroed: bool) -> Result<NonNull<[u8]>, AllocError> {
        let layout = match layout.size() {
            0 if self.is(Bug::TakesMemoryForNothing) => Layout::new::<u64>(),
            0 => return Ok(zero_sized(layout)),
            size if self.is(Bug::RoundsSizesUnchecked) && size > isize::MAX as usize / 2 => {
                Layout::from_size_align(size.wrapping_add(64) % 64 + 1, layout.align())
                    .map_err(|_| AllocError)?
            }
            _ => layout,
        };
        let mut poisoned = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        poisoned.refused |= layout.size() > isize::MAX as usize / 4;
        if self.is(Bug::RefusesForEverOnceRefused) && poisoned.refused {
            return Err(AllocError);
        }
        drop(poisoned);
        let class = self.class(layout);
        let (block, fresh) = self.slot(class, layout.align())?;
        let usable = SizeClasses::class_size(class);
        if zeroed && (fresh || !self.is(Bug::ZeroesOnlyFreshMemory)) {
            // SAFETY: the slot is ours and `usable` bytes long.
            unsafe { block.write_bytes(0, usable) };
        }
        self.scribble(block);
        Ok(NonNull::slice_from_raw_parts(block, usable + usize::from(self.is(Bug::ReturnsOneByteTooMuch))))
    }

    /// With the bug, writes to the block that was handed out before this one.
    fn scribble(&self, block: NonNull<u8>) {
        if self.is(Bug::WritesIntoLiveBlocks) {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Slot(last)) = state.last.replace(Slot(block)) {
                // SAFETY: every slot lies inside the bump's buffer, which is not given back.
                unsafe { last.write(0) };
            }
        }
    }

    fn layout_of(layout: Layout, size: usize) -> Option<Layout> {
        Layout::from_size_align(size, layout.align()).ok().filter(|_| size != 0 && layout.size() != 0)
    }
}

// SAFETY: without a bug: slots of one class are handed out to one client at a time, are as long as their class and
// aligned to what divides it. With one, the tests hold no block that they do not check.
unsafe impl Allocator for ClassHeap {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_any(layout, false)
    }

    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let Some(new) = Self::layout_of(layout, new_size) else { return layout.size() == new_size };
        let limit = self.class(layout) + usize::from(self.is(Bug::GrowsIntoTheNeighbour));
        (self.class(layout)..=limit).contains(&self.class(new))
    }

    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        let new = Self::layout_of(layout, new_size)?;
        if self.class(new) == self.class(layout) {
            return Some(NonNull::slice_from_raw_parts(block, new_size));
        }
        let moved = self.alloc(new).ok()?;
        let kept = layout.size().min(new_size);
        let copied = if self.is(Bug::RemapCopiesTooLittle) { kept & !7 } else { kept };
        // SAFETY: both blocks are live, apart, and at least `kept` bytes long; the client gives the old one up.
        unsafe {
            moved.cast::<u8>().copy_from_nonoverlapping(block, copied);
            self.free(block, layout);
        }
        Some(moved)
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the client gives the block up, and it is at least this long.
            unsafe { block.write_bytes(0xdd, layout.size()) };
            self.push(self.class_on_free(layout), block);
        }
    }

    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_any(layout, true)
    }

    unsafe fn realloc(
        &self,
        block: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if self.is(Bug::ReallocFreesFirst) {
            // SAFETY: the client's block; that it is read again below is the bug.
            unsafe { self.free(block, old) };
            return self.alloc(new);
        }
        let fresh = self.alloc(new)?;
        // SAFETY: both blocks are live, apart, and as long as their layouts; the client gives the old one up.
        unsafe {
            fresh.cast::<u8>().copy_from_nonoverlapping(block, old.size().min(new.size()));
            self.free(block, old);
        }
        Ok(fresh)
    }
}
