//! AddressSanitizer and our hints (`--cfg heap_asan`): what it must report, at the instruction that does it.
//!
//! `cargo xtask sanitize address` builds these tests so; that it reports nothing else, the rest of the suite shows.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;

use heap_core::Allocator;
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();
/// Not a slot's length: there are bytes behind the block.
const SMALL: Layout = Layout::new::<[u8; 100]>();
const LARGE: Layout = Layout::new::<[u8; 100_000]>();
/// Its pages are dropped when it is freed.
const LONG: Layout = Layout::new::<[u8; 3_000_000]>();

fn alloc(heap: &impl Allocator, layout: Layout) -> NonNull<u8> {
    heap.alloc(layout).unwrap().cast()
}

fn free(heap: &impl Allocator, block: NonNull<u8>, layout: Layout) {
    // SAFETY: each block is freed once; that it is touched afterwards is what the tests are about.
    unsafe { heap.free(block, layout) }
}

/// Reads a byte, as a client does that knows no better.
fn read(block: NonNull<u8>, at: usize) {
    // SAFETY: none. AddressSanitizer ends the process here.
    black_box(unsafe { block.as_ptr().wrapping_add(at).read_volatile() });
}

/// Runs `misuse` in a child, which AddressSanitizer must end.
fn is_reported(name: &str, misuse: impl FnOnce()) {
    let output = child::run(&format!("sanitized::{name}"), misuse);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    assert!(text.contains("AddressSanitizer: use-after-poison"), "{name}: {text}");
}

#[test]
fn a_read_of_a_small_block_that_is_free() {
    is_reported("a_read_of_a_small_block_that_is_free", || {
        let block = alloc(&SMP, SMALL);
        read(block, 99);
        free(&SMP, block, SMALL);
        read(block, 0);
    });
}

#[test]
fn the_first_byte_behind_a_small_block() {
    is_reported("the_first_byte_behind_a_small_block", || {
        let block = alloc(&SMP, SMALL);
        read(block, 99);
        read(block, 100);
    });
}

#[test]
fn the_first_byte_behind_a_block_that_moved() {
    is_reported("the_first_byte_behind_a_block_that_moved", || {
        let mut bytes = vec![1_u8; 100];
        bytes.reserve_exact(20);
        assert!(bytes.capacity() == 120 && bytes.iter().all(|&byte| byte == 1));
        read(NonNull::new(bytes.as_mut_ptr()).unwrap(), 120);
    });
}

#[test]
fn a_read_of_a_large_block_that_is_free() {
    is_reported("a_read_of_a_large_block_that_is_free", || {
        let block = alloc(&SMP, LARGE);
        read(block, 99_999);
        free(&SMP, block, LARGE);
        read(block, 50_000);
    });
}

#[test]
fn a_read_of_a_long_block_that_is_free() {
    is_reported("a_read_of_a_long_block_that_is_free", || {
        let block = alloc(&SMP, LONG);
        read(block, 2_999_999);
        free(&SMP, block, LONG);
        read(block, 500_000);
    });
}

#[test]
fn what_was_cut_off_a_large_block() {
    is_reported("what_was_cut_off_a_large_block", || {
        let block = alloc(&SMP, LONG);
        // SAFETY: a live block with its layout.
        assert!(unsafe { SMP.resize(block, LONG, LARGE.size()) });
        read(block, 99_999);
        read(block, 500_000);
    });
}

#[test]
fn the_first_byte_behind_a_large_block() {
    is_reported("the_first_byte_behind_a_large_block", || {
        let block = alloc(&SMP, LARGE);
        read(block, 99_999);
        read(block, 100_000);
    });
}

#[test]
fn a_read_of_a_private_block_that_is_free() {
    is_reported("a_read_of_a_private_block_that_is_free", || {
        let heap = Heap::new();
        let block = alloc(&heap, SMALL);
        read(block, 99);
        free(&heap, block, SMALL);
        read(block, 0);
    });
}

#[test]
fn a_block_of_a_heap_that_is_gone() {
    is_reported("a_block_of_a_heap_that_is_gone", || {
        let heap = Heap::new();
        let block = alloc(&heap, SMALL);
        read(block, 99);
        drop(heap);
        read(block, 0);
    });
}

/// Memory that was closed for clients is open again wherever the heap itself, or a new client, is to use it.
#[test]
fn memory_that_was_free_is_a_clients_again() {
    for _ in 0..20 {
        let heap = Heap::new();
        for size in [10, 5_000, 40_000, 500_000, 3 << 20] {
            for layout in [1, 64].map(|align| Layout::from_size_align(size, align).unwrap()) {
                let (own, private) = (alloc(&SMP, layout), alloc(&heap, layout));
                for block in [own, private] {
                    read(block, 0);
                    read(block, size - 1);
                }
                free(&SMP, own, layout);
                free(&heap, private, layout);
            }
        }
        drop(heap);
        SMP.purge();
    }
}

/// What a large block leaves, or has cut off, is another thread's at once: it is closed before, not after.
#[test]
fn what_a_large_block_leaves_is_open_to_the_next_client() {
    let long = |turn: usize| {
        // As many as divide the turns, so that the last turn's is the one before the first's.
        let sizes = [700_000, 2_200_000, 300_000, 5 << 20, 2_100_000, 40_000];
        Layout::from_size_align(sizes[turn % 6], 8).unwrap()
    };
    let work = || {
        let mut block = alloc(&SMP, long(5));
        let mut others = [0; 16].map(|_| alloc(&SMP, LARGE));
        for turn in 0..996 {
            // SAFETY: live, with its layout.
            block = unsafe { SMP.realloc(block, long(turn + 5), long(turn)) }.unwrap().cast();
            read(block, 0);
            let other = &mut others[turn % 16];
            read(*other, 50_000);
            free(&SMP, *other, LARGE);
            *other = alloc(&SMP, LARGE);
            others.iter().for_each(|&other| (0..100_000).step_by(4096).for_each(|at| read(other, at)));
        }
        others.iter().for_each(|&other| free(&SMP, other, LARGE));
        free(&SMP, block, long(5));
    };
    std::thread::scope(|scope| (0..6).for_each(|_| drop(scope.spawn(work))));
}
