//! `GlobalAlloc`, both ways.

use std::alloc::{GlobalAlloc, Layout, System};

use crate::support::{Arena, Call, Null, Recorder};
use heap_core::adapt::{AsGlobal, FromGlobalAlloc};
use heap_core::{Allocator, AllocatorExt};

/// The whole test binary runs on it.
#[global_allocator]
static GLOBAL: AsGlobal<FromGlobalAlloc<System>> = AsGlobal::new(FromGlobalAlloc::new(&System));

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

#[test]
fn every_call_of_a_global_allocator_arrives() {
    let global = AsGlobal::new(Recorder::default());
    // SAFETY: sizes are not zero; each block is live, with the layout of the last success.
    unsafe {
        let block = global.alloc(layout(8, 8));
        block.write_bytes(1, 8);
        let block = global.realloc(block, layout(8, 8), 24);
        assert_eq!(std::slice::from_raw_parts(block, 8), [1; 8]);
        global.get().refuse_remap.set(true);
        let block = global.realloc(block, layout(24, 8), 4);
        assert_eq!(std::slice::from_raw_parts(block, 4), [1; 4]);
        global.dealloc(block, layout(4, 8));
        let zeroed = global.alloc_zeroed(layout(100, 4));
        assert_eq!(std::slice::from_raw_parts(zeroed, 100), [0; 100]);
        global.dealloc(zeroed, layout(100, 4));
    }
    let expected = [
        Call::Alloc(8),
        Call::Remap(8, 24),
        Call::Remap(24, 4),
        Call::Alloc(4),
        Call::Free(24),
        Call::Free(4),
        Call::AllocZeroed(100),
        Call::Free(100),
    ];
    assert_eq!(global.get().take(), expected);
}

#[test]
fn out_of_memory_is_null_and_a_failed_realloc_leaves_the_block() {
    // SAFETY: sizes are not zero.
    unsafe {
        assert!(AsGlobal::new(Null).alloc(layout(1, 1)).is_null());
        assert!(AsGlobal::new(Null).alloc_zeroed(layout(1, 1)).is_null());
    }
    let arena = AsGlobal::new(Arena::new());
    // SAFETY: live, as the failure leaves it.
    unsafe {
        let block = arena.alloc(layout(8, 8));
        block.write_bytes(1, 8);
        assert!(arena.realloc(block, layout(8, 8), 1 << 20).is_null());
        assert_eq!(std::slice::from_raw_parts(block, 8), [1; 8]);
        arena.dealloc(block, layout(8, 8));
    }
    assert_eq!(arena.get().frees.get(), 1);
}

#[test]
fn a_global_allocator_serves_as_ours() {
    let system = FromGlobalAlloc::new(&System);
    let slice = system.alloc_slice_with(10, |i| i).unwrap();
    // SAFETY: each call has the slice that the one before left.
    unsafe {
        assert!(!system.resize_slice(slice, 11) && system.resize_slice(slice, 10));
        let longer = system.remap_slice(slice, 1000).unwrap();
        let shorter = system.realloc_slice(longer, 3).unwrap();
        assert_eq!(shorter.as_ref(), [0, 1, 2]);
        system.free_slice(shorter);
        let zeroed = system.alloc_slice_zeroed::<u8>(100).unwrap();
        assert_eq!(zeroed.cast::<[u8; 100]>().as_ref(), &[0; 100]);
        system.free_slice(zeroed);
    }
    // On 32 bits that may be had. Looked at by `black_box`, so that the compiler does not leave the allocation out.
    #[cfg(target_pointer_width = "64")]
    assert!(core::hint::black_box(system.alloc(layout(isize::MAX as usize, 1))).is_err());
}

/// A `GlobalAlloc` for which a size of zero is undefined, as the trait says: here it is a failure.
struct Strict;

// SAFETY: all blocks are those of `System`.
unsafe impl GlobalAlloc for Strict {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert_ne!(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        assert_ne!(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn a_global_allocator_is_never_asked_for_nothing() {
    let strict = FromGlobalAlloc::new(&Strict);
    let (empty, some) = (layout(0, 32), layout(8, 32));
    // SAFETY: each call has the block that the one before left.
    unsafe {
        let none = strict.alloc(empty).unwrap();
        assert_eq!((none.len(), strict.alloc_zeroed(empty).unwrap().len()), (0, 0));
        assert_eq!(strict.remap(none.cast(), empty, 8), None);
        let block = strict.realloc(none.cast(), empty, some).unwrap();
        assert_eq!(strict.remap(block.cast(), some, 0), None);
        assert_eq!(strict.remap(block.cast(), some, usize::MAX), None);
        let none = strict.realloc(block.cast(), some, empty).unwrap();
        strict.free(none.cast(), empty);
    }
}
