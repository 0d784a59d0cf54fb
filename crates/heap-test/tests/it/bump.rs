//! A small allocator that never reuses memory: right as it stands, and the ground on which bugs are planted.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Global};

/// Cuts blocks from one buffer with an atomic cursor.
///
/// # Invariants
///
/// - **P1** `base` is a block of `Global` of `len` bytes that this value owns.
/// - **P2** `used <= len`, and bytes at `used` and above are handed out to nobody.
#[derive(Debug)]
pub(crate) struct Bump {
    base: NonNull<u8>,
    len: usize,
    used: AtomicUsize,
}

const ALIGN: usize = 64;

fn buffer(len: usize) -> Layout {
    Layout::from_size_align(len, ALIGN).unwrap()
}

impl Bump {
    pub(crate) fn new(len: usize) -> Self {
        let base = Global.alloc(buffer(len)).unwrap().cast();
        Self { base, len, used: AtomicUsize::new(0) }
    }

    pub(crate) fn contains(&self, block: NonNull<u8>) -> bool {
        block.addr().get().wrapping_sub(self.base.addr().get()) < self.len
    }

    pub(crate) fn forget_all(&mut self) {
        *self.used.get_mut() = 0;
    }

    /// The start of a block at or above `used`, and its end, as offsets.
    fn place(&self, used: usize, layout: Layout) -> Option<(usize, usize)> {
        let base = self.base.addr().get();
        let start = (base + used).checked_next_multiple_of(layout.align())? - base;
        let end = start.checked_add(layout.size())?;
        (end <= self.len).then_some((start, end))
    }
}

impl Drop for Bump {
    fn drop(&mut self) {
        // SAFETY: P1.
        unsafe { Global.free(self.base, buffer(self.len)) }
    }
}

// SAFETY: P1 is memory without thread affinity, and the cursor is atomic.
unsafe impl Sync for Bump {}

// SAFETY: A1 and A2 by P2 and the arithmetic of `place`, A3 first of all, A4 as sizes are checked; A5 holds as there are
// no clones.
unsafe impl Allocator for Bump {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        // Relaxed: the cursor guards no other data.
        let cut = self.used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            self.place(used, layout).map(|(_, end)| end)
        });
        let (start, _) = cut.ok().and_then(|used| self.place(used, layout)).ok_or(AllocError)?;
        // SAFETY: P2 and `place`: the block lies inside the buffer.
        Ok(NonNull::slice_from_raw_parts(unsafe { self.base.add(start) }, layout.size()))
    }

    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let start = block.addr().get().wrapping_sub(self.base.addr().get());
        if layout.size() == 0 || new_size <= layout.size() {
            return new_size <= layout.size();
        }
        // The last block may grow.
        let old_end = start + layout.size();
        let Some(end) = start.checked_add(new_size).filter(|&end| end <= self.len) else { return false };
        self.used.compare_exchange(old_end, end, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    unsafe fn free(&self, _block: NonNull<u8>, _layout: Layout) {}
}
