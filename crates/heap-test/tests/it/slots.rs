//! The suite on an allocator of equal slots: as little as an allocator can be.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Mutex;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator};
use heap_test::Limits;

use crate::bump::Bump;

const SLOT: usize = 64;
const COUNT: usize = 1000;
/// Any block takes a slot.
const LIMITS: Limits = Limits::DEFAULT.total(SLOT * COUNT).max_size(SLOT).max_align(SLOT).overhead(SLOT);

heap_test::conformance!(equal_slots, || Slots::new(), LIMITS; sync, reuses);

/// A thousand slots of 64 bytes; the free ones are listed by index.
struct Slots {
    _memory: Bump,
    base: NonNull<u8>,
    free: Mutex<Vec<usize>>,
}

// SAFETY: the memory has no thread affinity, and the list is locked.
unsafe impl Sync for Slots {}

impl Slots {
    fn new() -> Self {
        let memory = Bump::new(SLOT * COUNT);
        let base = memory.alloc(Layout::from_size_align(SLOT * COUNT, SLOT).unwrap()).unwrap().cast();
        Self { _memory: memory, base, free: Mutex::new((0..COUNT).collect()) }
    }
}

// SAFETY: an index leaves the list for one client and comes back when that one frees; slots are apart, and aligned as the
// base is.
unsafe impl Allocator for Slots {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        if layout.size() > SLOT || layout.align() > SLOT {
            return Err(AllocError);
        }
        let index = self.free.lock().unwrap().pop().ok_or(AllocError)?;
        // SAFETY: the slot lies inside the memory.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.base.add(index * SLOT) }, SLOT))
    }

    unsafe fn resize(&self, _block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        new_size == layout.size() || (layout.size() != 0 && (1..=SLOT).contains(&new_size))
    }

    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            self.free.lock().unwrap().push((block.addr().get() - self.base.addr().get()) / SLOT);
        }
    }
}
