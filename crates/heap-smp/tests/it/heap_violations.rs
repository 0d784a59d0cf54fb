//! Blocks in the wrong heap: each ends the process with its message, at the latest when the block comes home.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::Allocator;
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();
const SMALL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u64; 64 << 10]>();
const HUGE: Layout = Layout::new::<[u64; 4 << 20]>();

/// Runs `misuse` of two heaps in a child, which must abort with `message`.
fn aborts(name: &str, message: &str, misuse: impl FnOnce(&Heap, &Heap)) {
    let output = child::run(&format!("heap_violations::{name}"), || {
        let (one, other) = (Heap::new(), Heap::new());
        // Both are in use.
        for heap in [&one, &other] {
            let block = alloc(heap, SMALL);
            free(heap, block, SMALL);
        }
        misuse(&one, &other);
        one.purge();
        other.purge();
        SMP.purge();
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    assert!(text.contains(message) && text.contains("heap-smp: "), "{name}: {text}");
}

fn alloc(heap: &impl Allocator, layout: Layout) -> NonNull<u8> {
    heap.alloc(layout).unwrap().cast()
}

fn free(heap: &impl Allocator, block: NonNull<u8>, layout: Layout) {
    // SAFETY: none. These tests break the contract in a process of their own, to see it noticed.
    unsafe { heap.free(block, layout) }
}

#[test]
fn a_small_block_of_another_private_heap() {
    aborts("a_small_block_of_another_private_heap", "wrong heap", |one, other| {
        free(other, alloc(one, SMALL), SMALL);
    });
}

#[test]
fn a_small_block_of_another_private_heap_by_a_thread_that_owns_neither() {
    let name = "a_small_block_of_another_private_heap_by_a_thread_that_owns_neither";
    aborts(name, "wrong heap", |one, other| {
        std::thread::scope(|scope| {
            scope.spawn(|| free(other, alloc(one, SMALL), SMALL));
        });
    });
}

#[test]
fn a_small_block_of_the_process() {
    aborts("a_small_block_of_the_process", "wrong heap", |one, _| free(one, alloc(&SMP, SMALL), SMALL));
}

#[test]
fn a_small_private_block_given_to_the_process() {
    aborts("a_small_private_block_given_to_the_process", "wrong heap", |one, _| {
        free(&SMP, alloc(one, SMALL), SMALL)
    });
}

#[test]
fn large_blocks_of_another_private_heap() {
    aborts("large_blocks_of_another_private_heap", "wrong heap", |one, other| {
        free(other, alloc(one, LARGE), LARGE)
    });
}

#[test]
fn large_blocks_of_the_process() {
    aborts("large_blocks_of_the_process", "wrong heap", |one, _| free(one, alloc(&SMP, LARGE), LARGE));
}

#[test]
fn large_private_blocks_given_to_the_process() {
    aborts("large_private_blocks_given_to_the_process", "wrong heap", |one, _| {
        free(&SMP, alloc(one, LARGE), LARGE)
    });
}

#[test]
fn huge_blocks_of_the_process() {
    aborts("huge_blocks_of_the_process", "wrong heap", |one, _| free(one, alloc(&SMP, HUGE), HUGE));
}

#[test]
fn huge_private_blocks_given_to_the_process() {
    aborts("huge_private_blocks_given_to_the_process", "wrong heap", |one, _| {
        free(&SMP, alloc(one, HUGE), HUGE)
    });
}

#[test]
fn a_block_given_to_a_heap_that_was_never_used() {
    aborts("a_block_given_to_a_heap_that_was_never_used", "wrong heap", |one, _| {
        free(&Heap::new(), alloc(one, SMALL), SMALL);
    });
}

#[test]
fn a_small_private_block_freed_twice() {
    aborts("a_small_private_block_freed_twice", "double free", |one, _| {
        let block = alloc(one, SMALL);
        free(one, block, SMALL);
        free(one, block, SMALL);
    });
}

#[test]
fn a_small_private_block_freed_twice_by_a_thread_that_does_not_own() {
    let name = "a_small_private_block_freed_twice_by_a_thread_that_does_not_own";
    aborts(name, "double free", |one, _| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let block = alloc(one, SMALL);
                free(one, block, SMALL);
                free(one, block, SMALL);
            });
        });
    });
}

#[test]
fn a_large_private_block_freed_twice() {
    aborts("a_large_private_block_freed_twice", "double free", |one, _| {
        let block = alloc(one, LARGE);
        free(one, block, LARGE);
        free(one, block, LARGE);
    });
}

#[test]
fn a_pointer_into_a_large_private_block() {
    aborts("a_pointer_into_a_large_private_block", "interior pointer", |one, _| {
        // SAFETY: inside the block.
        free(one, unsafe { alloc(one, LARGE).add(65536) }, LARGE);
    });
}

#[test]
fn a_private_block_with_the_layout_of_another_class() {
    aborts("a_private_block_with_the_layout_of_another_class", "wrong layout", |one, _| {
        free(one, alloc(one, SMALL), Layout::new::<[u64; 20]>());
    });
}
