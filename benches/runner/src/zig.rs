//! Zig's `std.heap.smp_allocator`, or its checking allocators, as a `GlobalAlloc`, over the C ABI that
//! `benches/zig/export.zig` and `checked.zig` both have.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr::{copy_nonoverlapping, null_mut};

unsafe extern "C" {
    fn zig_smp_alloc(len: usize, align_log2: u8) -> *mut u8;
    fn zig_smp_free(block: *mut u8, len: usize, align_log2: u8);
    fn zig_smp_remap(block: *mut u8, len: usize, align_log2: u8, new_len: usize) -> *mut u8;
}

/// Zig's allocator. Zeroed blocks are allocated and cleared, as a Zig program does it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZigSmp;

fn align_log2(layout: Layout) -> u8 {
    // The logarithm of a usize is below 64.
    layout.align().ilog2() as u8
}

// SAFETY: Zig's contract for `std.mem.Allocator` is `GlobalAlloc`'s: a block of at least `len` bytes at the alignment,
// untouched until it is freed with the same length and alignment; callable from any thread. Lengths are not zero
// (`GlobalAlloc` forbids it), and nothing in ReleaseFast mode unwinds.
unsafe impl GlobalAlloc for ZigSmp {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the length is not zero, from the caller.
        unsafe { zig_smp_alloc(layout.size(), align_log2(layout)) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: from the caller: `block` was allocated here with this layout and is given up.
        unsafe { zig_smp_free(block, layout.size(), align_log2(layout)) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let log2 = align_log2(layout);
        // SAFETY: from the caller: `block` was allocated here with this layout, and `new_size` is not zero.
        let moved = unsafe { zig_smp_remap(block, layout.size(), log2, new_size) };
        if !moved.is_null() {
            return moved;
        }
        // SAFETY: `new_size` is not zero, from the caller.
        let fresh = unsafe { zig_smp_alloc(new_size, log2) };
        if fresh.is_null() {
            return null_mut();
        }
        // SAFETY: both blocks have at least the smaller size, and `fresh` is new, so they do not overlap. A refused
        // remap left `block` ours to free.
        unsafe {
            copy_nonoverlapping(block, fresh, layout.size().min(new_size));
            zig_smp_free(block, layout.size(), log2);
        }
        fresh
    }
}
