//! The feature `checked` and private heaps: each misuse ends the process at the call that shows it, with its message.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::{Allocator, UsableSize};
use heap_smp::{Heap, SmpAllocator};

use crate::child;

/// Not a slot's length: there is room for a canary.
const SMALL: Layout = Layout::new::<[u8; 100]>();
const FULL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u8; 100_000]>();

fn alloc(heap: &Heap, layout: Layout) -> NonNull<u8> {
    heap.alloc(layout).unwrap().cast()
}

fn free(heap: &Heap, block: NonNull<u8>, layout: Layout) {
    // SAFETY: none, where a test breaks the contract in a process of its own, to see it noticed.
    unsafe { heap.free(block, layout) }
}

/// Runs `misuse` of a heap by its owner in a child, which must abort with `message` at its last call.
fn aborts(name: &str, message: &str, misuse: impl FnOnce(&Heap)) {
    let output = child::run(&format!("checked_heap::{name}"), || {
        let heap = Heap::new();
        // This thread owns it.
        free(&heap, alloc(&heap, SMALL), SMALL);
        misuse(&heap);
        // Nothing may come home to be found there.
        std::process::exit(0);
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    let line = text.lines().find(|line| line.starts_with("heap-smp: ")).unwrap_or_default();
    assert!(line.starts_with(&format!("heap-smp: {message}")), "{name}: {text}");
}

/// The same by a thread that does not own the heap.
fn aborts_elsewhere(name: &str, message: &str, misuse: impl FnOnce(&Heap) + Send) {
    aborts(name, message, |heap| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                misuse(heap);
                std::process::exit(0);
            });
        });
    });
}

/// Writes the byte behind a block.
fn overflow(block: NonNull<u8>, layout: Layout) {
    // SAFETY: none.
    unsafe { *block.as_ptr().wrapping_add(layout.size()) ^= 1 };
}

#[test]
fn a_block_freed_twice() {
    aborts("a_block_freed_twice", "double free", |heap| {
        let block = alloc(heap, SMALL);
        free(heap, block, SMALL);
        free(heap, block, SMALL);
    });
}

#[test]
fn a_block_freed_twice_elsewhere() {
    aborts_elsewhere("a_block_freed_twice_elsewhere", "double free", |heap| {
        let block = alloc(heap, SMALL);
        free(heap, block, SMALL);
        free(heap, block, SMALL);
    });
}

#[test]
fn a_block_that_its_owner_freed_freed_again_elsewhere() {
    let name = "a_block_that_its_owner_freed_freed_again_elsewhere";
    aborts(name, "double free", |heap| {
        let block = alloc(heap, SMALL);
        free(heap, block, SMALL);
        let addr = block.expose_provenance().get();
        let again =
            move || free(heap, NonNull::new(std::ptr::with_exposed_provenance_mut(addr)).unwrap(), SMALL);
        std::thread::scope(|scope| scope.spawn(again).join().unwrap());
    });
}

#[test]
fn another_size_of_the_same_class() {
    aborts("another_size_of_the_same_class", "wrong layout", |heap| {
        free(heap, alloc(heap, SMALL), Layout::new::<[u8; 101]>());
    });
}

#[test]
fn a_pointer_into_a_block() {
    aborts("a_pointer_into_a_block", "interior pointer", |heap| {
        // SAFETY: inside the block.
        free(heap, unsafe { alloc(heap, SMALL).add(16) }, SMALL);
    });
}

#[test]
fn a_block_of_another_heap_at_once() {
    aborts("a_block_of_another_heap_at_once", "wrong heap", |heap| {
        free(&Heap::new(), alloc(heap, SMALL), SMALL)
    });
}

#[test]
fn a_block_of_the_process_at_once() {
    aborts("a_block_of_the_process_at_once", "wrong heap", |heap| {
        free(heap, SmpAllocator::new().alloc(SMALL).unwrap().cast(), SMALL);
    });
}

#[test]
fn a_block_of_the_process_given_to_a_heap_that_was_never_used() {
    aborts("a_block_of_the_process_given_to_a_heap_that_was_never_used", "wrong heap", |_| {
        free(&Heap::new(), SmpAllocator::new().alloc(SMALL).unwrap().cast(), SMALL);
    });
}

#[test]
fn the_first_byte_behind_a_private_block() {
    aborts("the_first_byte_behind_a_private_block", "overflow", |heap| {
        let block = alloc(heap, SMALL);
        overflow(block, SMALL);
        free(heap, block, SMALL);
    });
}

#[test]
fn the_first_byte_behind_a_private_block_freed_elsewhere() {
    aborts_elsewhere("the_first_byte_behind_a_private_block_freed_elsewhere", "overflow", |heap| {
        let block = alloc(heap, SMALL);
        overflow(block, SMALL);
        free(heap, block, SMALL);
    });
}

#[test]
fn the_first_byte_behind_a_large_private_block() {
    aborts("the_first_byte_behind_a_large_private_block", "overflow", |heap| {
        let block = alloc(heap, LARGE);
        overflow(block, LARGE);
        free(heap, block, LARGE);
    });
}

#[test]
fn a_write_to_a_free_private_block() {
    aborts("a_write_to_a_free_private_block", "write after free", |heap| {
        let block = alloc(heap, FULL);
        free(heap, block, FULL);
        // SAFETY: none; the block is free.
        unsafe { *block.as_ptr().add(40) = 1 };
        // It is lent again sooner or later.
        (0..100_000).for_each(|_| _ = alloc(heap, FULL));
    });
}

#[test]
fn a_block_freed_after_its_heap_is_gone() {
    aborts("a_block_freed_after_its_heap_is_gone", "", |heap| {
        let gone = Heap::new();
        let block = alloc(&gone, SMALL);
        drop(gone);
        free(heap, block, SMALL);
    });
}

#[test]
fn a_heap_lends_blocks_in_no_order_that_can_be_guessed() {
    let heap = Heap::new();
    let blocks: Vec<_> = (0..100).map(|_| alloc(&heap, Layout::new::<[u8; 1000]>()).addr()).collect();
    assert!(!blocks.is_sorted() && !blocks.iter().rev().is_sorted());
}

#[test]
fn a_client_of_a_private_heap_may_use_what_it_asked_for_and_no_more() {
    let heap = Heap::new();
    for layout in [SMALL, FULL, LARGE] {
        let block = alloc(&heap, layout);
        // SAFETY: a live block with its layout.
        assert_eq!(unsafe { heap.usable_size(block, layout) }, layout.size());
        free(&heap, block, layout);
    }
}

/// What lived in a heap that is gone reads as zeros; its guards are open again, and all its memory serves again.
#[test]
fn a_heap_that_is_gone_left_nothing_of_what_it_held() {
    child::passes("checked_heap::a_heap_that_is_gone_left_nothing_of_what_it_held", || {
        let smp = SmpAllocator::new();
        let mut reserved = 0;
        for round in 0..60 {
            let heap = Heap::new();
            let mut held = Vec::new();
            for size in (1..30_000).step_by(97).chain([100_000, 1 << 20, 20 << 20]) {
                for _ in 0..4 {
                    let block = alloc(&heap, Layout::from_size_align(size, 8).unwrap());
                    // SAFETY: the block is that long.
                    unsafe { block.write_bytes(0xaa, size.min(5000)) };
                    held.push(block);
                }
            }
            // The last ones have mappings of their own, which are gone with the heap.
            held.truncate(held.len() - 4);
            assert_eq!(heap.validate(), Ok(()));
            drop(heap);
            // SAFETY: memory of the process's heap, which stays mapped.
            assert!(held.iter().all(|block| unsafe { block.read_volatile() } == 0));
            assert_eq!((smp.validate(), smp.stats().private_bytes), (Ok(()), 0));
            if round == 3 {
                reserved = smp.stats().reserved_bytes;
            }
        }
        // Not the same: which slabs have a guard is drawn anew each time.
        assert!(smp.stats().reserved_bytes <= reserved + (64 << 20));
    });
}
