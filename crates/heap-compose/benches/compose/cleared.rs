//! Whether `Zeroize` clears what the compiler knows to be dead.

use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::alloc::{GlobalAlloc, Layout, System};

use heap_compose::Zeroize;
use heap_core::{Allocator, Global};

/// Odd, so that no other block of this program has it.
const SIZE: usize = 7919;
const SECRET: Layout = Layout::new::<[u8; SIZE]>();

static SEEN: AtomicUsize = AtomicUsize::new(0);
static DIRTY: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which looks into blocks of `SIZE` bytes that come back.
struct Watch;

#[global_allocator]
static GLOBAL: Watch = Watch;

// SAFETY: every call goes to `System`.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if layout == SECRET {
            SEEN.fetch_add(1, Relaxed);
            // SAFETY: the block is still there, and all of it was written.
            let dirty = (0..SIZE).filter(|&at| unsafe { ptr.add(at).read_volatile() } != 0).count();
            DIRTY.fetch_add(dirty, Relaxed);
        }
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Bytes of a secret that are left when the global allocator gets its block back; `usize::MAX` if it never does.
pub(crate) fn dirty_bytes() -> usize {
    let heap = Zeroize::new(Global);
    let Ok(block) = heap.alloc(SECRET) else { return usize::MAX };
    // SAFETY: live with this layout.
    unsafe {
        block.cast::<u8>().write_bytes(black_box(0xA5), SIZE);
        black_box(block.cast::<u8>().read());
        heap.free(block.cast(), SECRET);
    }
    if SEEN.load(Relaxed) == 0 { usize::MAX } else { DIRTY.load(Relaxed) }
}
