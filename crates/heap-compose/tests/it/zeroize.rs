//! [`Zeroize`]: the bytes are gone when the child gets the block, also where the compiler knows that nobody reads them.
//!
//! That is the case above `Global`: the compiler knows what freeing is, and drops writes before it. So the program's
//! global allocator is watched here. Only an optimised build can go wrong: `cargo test --release`; the bench checks it too.

use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::alloc::{GlobalAlloc, System};
use std::sync::Mutex;

use heap_compose::Zeroize;
use heap_core::{Allocator, Global};
use heap_test::{Calls, CountingAllocator};

use crate::support::{alloc, buffer, free, layout, remap, resize};

/// The system's allocator. Of the block at `WATCHED` it looks at the bytes that come back.
struct Watch;

static WATCHED: AtomicUsize = AtomicUsize::new(0);
/// Bytes that were not zero, and one more, once the watched block has come back.
static DIRTY: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static GLOBAL: Watch = Watch;

// SAFETY: every call goes to `System`.
unsafe impl GlobalAlloc for Watch {
    unsafe fn alloc(&self, layout: core::alloc::Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: core::alloc::Layout) {
        if ptr.addr() == WATCHED.load(SeqCst) {
            // SAFETY: the block is still there, and all of it was written.
            let dirty = (0..layout.size()).filter(|&at| unsafe { ptr.add(at).read_volatile() } != 0).count();
            DIRTY.store(dirty + 1, SeqCst);
            WATCHED.store(0, SeqCst);
        }
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// Runs `free` on a block and says how many bytes of it were not zero when it came back.
fn dirty_after(block: core::ptr::NonNull<u8>, free: impl FnOnce()) -> usize {
    static ONE: Mutex<()> = Mutex::new(());
    let _alone = ONE.lock().unwrap();
    WATCHED.store(block.addr().get(), SeqCst);
    free();
    DIRTY.swap(0, SeqCst).checked_sub(1).expect("the block has come back")
}

#[test]
fn freed_bytes_are_zero_when_the_global_allocator_gets_them() {
    for size in [1, 7, 32, 100, 4096, 100_001] {
        let heap = Zeroize::new(Global);
        let block = alloc(&heap, size);
        // SAFETY: live, with so many bytes.
        unsafe { block.write_bytes(0xA5, size) };
        assert_eq!(dirty_after(block, || free(&heap, block, size)), 0, "{size}");
    }
}

#[test]
fn a_block_that_shrinks_or_grows_by_moving_is_cleared_where_it_was() {
    let heap = Zeroize::new(Global);
    for new_size in [10, 1000] {
        let block = alloc(&heap, 100);
        // SAFETY: live with each layout in turn.
        unsafe {
            block.write_bytes(0xA5, 100);
            let mut moved = block;
            let shrink = || moved = heap.realloc(block, layout(100, 1), layout(new_size, 1)).unwrap().cast();
            assert_eq!(dirty_after(block, shrink), 0);
            assert_eq!(moved.add(9).read(), 0xA5, "the copy is whole");
            free(&heap, moved, new_size);
        }
    }
}

/// A child that shrinks or moves by itself would keep what it cuts off or leaves.
#[test]
fn the_child_is_never_asked_to_shrink_or_to_move() {
    let heap = Zeroize::new(CountingAllocator::new(Global));
    let block = alloc(&heap, 100);
    assert!(!resize(&heap, block, 100, 99) && remap(&heap, block, 100, 99).is_none());
    assert!(remap(&heap, block, 100, 200).is_none());
    assert_eq!(heap.child().calls(), Calls { alloc: 1, resize: 1, ..Calls::default() });
    free(&heap, block, 100);
}

/// Read through the child: the whole of a buffer, when all has been freed.
#[test]
fn nothing_of_a_grown_block_can_be_read_in_the_childs_memory() {
    let memory = buffer(1000);
    let start = alloc(&memory, 1);
    free(&memory, start, 1);
    let heap = Zeroize::new(&memory);
    let block = heap.alloc_zeroed(layout(100, 1)).unwrap().cast();
    assert!(resize(&heap, block, 100, 600));
    // SAFETY: live, with so many bytes.
    unsafe { block.write_bytes(0xA5, 600) };
    free(&heap, block, 600);
    let again = alloc(&memory, 600);
    // SAFETY: the same memory, which was written before.
    assert!((0..600).all(|at| unsafe { again.add(at).read() } == 0));
    assert_eq!((start, again), (block, block));
}
