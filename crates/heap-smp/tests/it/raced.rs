//! ThreadSanitizer (`--cfg heap_tsan`): that it sees through the heap. What it must report, and what it must not.
//!
//! `cargo xtask sanitize thread` builds these tests so; that it reports nothing else, the rest of the suite shows.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use heap_core::Allocator;
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();
const SMALL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u64; 64 << 10]>();

/// A block that threads pass to each other however they like.
#[derive(Clone, Copy)]
struct Block(NonNull<u8>);

// SAFETY: a block is any thread's. That two use it at a time is what the tests are about.
unsafe impl Send for Block {}

impl Block {
    fn new(heap: &impl Allocator, layout: Layout) -> Self {
        Self(heap.alloc(layout).unwrap().cast())
    }

    fn write(self) {
        // SAFETY: none. ThreadSanitizer reports here.
        unsafe { self.0.write_volatile(1) }
    }

    fn free(self, heap: &impl Allocator, layout: Layout) {
        // SAFETY: each block is freed once.
        unsafe { heap.free(self.0, layout) }
    }
}

/// What the threads of a test have done, said without putting anything in order.
static STEP: AtomicUsize = AtomicUsize::new(0);

fn say(step: usize) {
    STEP.store(step, Ordering::Relaxed);
}

fn wait_for(step: usize) {
    while STEP.load(Ordering::Relaxed) != step {
        thread::yield_now();
    }
}

/// Runs `misuse` in a child, of which ThreadSanitizer must say that a `write` races.
fn is_reported(name: &str, misuse: impl FnOnce()) {
    let output = child::run(&format!("raced::{name}"), misuse);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    assert!(text.contains("ThreadSanitizer: data race") && text.contains("raced.rs"), "{name}: {text}");
}

/// One thread writes to a block, then, as nothing tells it, the calling thread.
fn both_write(heap: &(impl Allocator + Sync), layout: Layout) {
    let block = Block::new(heap, layout);
    thread::scope(|scope| {
        scope.spawn(move || {
            block.write();
            say(1);
            // What a thread did that has ended is not reported.
            wait_for(2);
        });
        wait_for(1);
        block.write();
        say(2);
    });
    block.free(heap, layout);
}

/// A thread frees a block and gets it again as its own; who had it before writes to it still.
fn who_had_it_writes(heap: &(impl Allocator + Sync), layout: Layout) {
    let block = Block::new(heap, layout);
    thread::scope(|scope| {
        scope.spawn(move || {
            block.free(heap, layout);
            // Wherever the heap takes from first.
            let next: Vec<_> = (0..1000).map(|_| Block::new(heap, layout)).collect();
            assert!(next.iter().any(|next| next.0 == block.0), "the block serves again");
            next.iter().for_each(|next| next.write());
            say(1);
            wait_for(2);
            next.iter().for_each(|next| next.free(heap, layout));
        });
        wait_for(1);
        block.write();
        say(2);
    });
}

#[test]
fn two_writers_of_a_small_block() {
    is_reported("two_writers_of_a_small_block", || both_write(&SMP, SMALL));
}

#[test]
fn two_writers_of_a_large_block() {
    is_reported("two_writers_of_a_large_block", || both_write(&SMP, LARGE));
}

#[test]
fn two_writers_of_a_private_block() {
    is_reported("two_writers_of_a_private_block", || both_write(&Heap::new(), SMALL));
}

#[test]
fn a_write_to_a_small_block_that_is_anothers_by_now() {
    is_reported("a_write_to_a_small_block_that_is_anothers_by_now", || who_had_it_writes(&SMP, SMALL));
}

#[test]
fn a_write_to_a_large_block_that_is_anothers_by_now() {
    is_reported("a_write_to_a_large_block_that_is_anothers_by_now", || who_had_it_writes(&SMP, LARGE));
}

/// Nothing but the heap puts the two writes in order: that one thread freed the block before the other got it.
#[test]
fn the_heap_orders_what_two_owners_of_a_block_do() {
    for layout in [SMALL, LARGE] {
        say(0);
        thread::scope(|scope| {
            scope.spawn(move || {
                let blocks: Vec<_> = (0..200).map(|_| Block::new(&SMP, layout)).collect();
                for block in blocks {
                    block.write();
                    block.free(&SMP, layout);
                }
                SMP.purge();
                say(1);
                wait_for(2);
            });
            wait_for(1);
            let blocks: Vec<_> = (0..400).map(|_| Block::new(&SMP, layout)).collect();
            blocks.iter().for_each(|block| block.write());
            blocks.iter().for_each(|block| block.free(&SMP, layout));
            say(2);
        });
    }
}
