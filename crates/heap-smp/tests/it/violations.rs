//! Broken promises: each ends the process with its message, at the latest when the block comes home.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::Allocator;
use heap_smp::SmpAllocator;

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();
const SMALL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u64; 64 << 10]>();
const HUGE: Layout = Layout::new::<[u64; 4 << 20]>();

/// Runs `misuse` in a child, which must abort with `message`.
fn aborts(name: &str, message: &str, misuse: impl FnOnce()) {
    let output = child::run(&format!("violations::{name}"), || {
        misuse();
        SMP.purge();
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    assert!(text.contains(message), "{name}: {text}");
    assert!(text.contains("heap-smp: "), "{name}: {text}");
}

fn alloc(layout: Layout) -> NonNull<u8> {
    SMP.alloc(layout).unwrap().cast()
}

fn free(block: NonNull<u8>, layout: Layout) {
    // SAFETY: none. These tests break the contract in a process of their own, to see it noticed.
    unsafe { SMP.free(block, layout) }
}

/// Whoever holds the lock of the standard error stream may itself wait for the heap.
#[cfg(unix)]
#[test]
fn a_message_does_not_wait_for_the_error_stream() {
    aborts("a_message_does_not_wait_for_the_error_stream", "double free", || {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let stream = std::io::stderr().lock();
            sender.send(()).unwrap();
            std::thread::sleep(std::time::Duration::from_secs(3600));
            drop(stream);
        });
        receiver.recv().unwrap();
        let block = alloc(LARGE);
        free(block, LARGE);
        free(block, LARGE);
    });
}

#[test]
fn a_small_block_freed_twice() {
    aborts("a_small_block_freed_twice", "double free", || {
        let block = alloc(SMALL);
        free(block, SMALL);
        free(block, SMALL);
    });
}

#[test]
fn a_small_block_freed_twice_with_another_between() {
    aborts("a_small_block_freed_twice_with_another_between", "double free", || {
        let (a, b) = (alloc(SMALL), alloc(SMALL));
        free(a, SMALL);
        free(b, SMALL);
        free(a, SMALL);
    });
}

#[test]
fn a_small_block_freed_again_by_another_thread() {
    aborts("a_small_block_freed_again_by_another_thread", "double free", || {
        let block = alloc(SMALL);
        free(block, SMALL);
        SMP.purge();
        let addr = block.as_ptr() as usize;
        let other = std::thread::spawn(move || {
            free(NonNull::new(std::ptr::with_exposed_provenance_mut(addr)).unwrap(), SMALL);
            SMP.purge();
        });
        other.join().unwrap();
    });
}

#[test]
fn a_large_block_freed_twice() {
    aborts("a_large_block_freed_twice", "double free", || {
        let block = alloc(LARGE);
        free(block, LARGE);
        free(block, LARGE);
    });
}

#[test]
fn a_huge_block_freed_twice() {
    aborts("a_huge_block_freed_twice", "foreign pointer", || {
        let block = alloc(HUGE);
        free(block, HUGE);
        free(block, HUGE);
    });
}

#[test]
fn a_pointer_to_the_stack() {
    aborts("a_pointer_to_the_stack", "foreign pointer", || {
        let mut words = [0u64; 8];
        free(NonNull::from(&mut words).cast(), SMALL);
    });
}

#[test]
fn a_large_pointer_that_is_foreign() {
    aborts("a_large_pointer_that_is_foreign", "foreign pointer", || {
        let mut words = [0u64; 8];
        free(NonNull::from(&mut words).cast(), LARGE);
    });
}

#[test]
fn a_pointer_into_a_small_block() {
    aborts("a_pointer_into_a_small_block", "interior pointer", || {
        // SAFETY: inside the block.
        free(unsafe { alloc(SMALL).add(16) }, SMALL);
    });
}

#[test]
fn a_pointer_into_a_large_block() {
    aborts("a_pointer_into_a_large_block", "interior pointer", || {
        // SAFETY: inside the block.
        free(unsafe { alloc(LARGE).add(65536) }, LARGE);
    });
}

#[test]
fn a_small_block_with_the_size_of_another_class() {
    aborts("a_small_block_with_the_size_of_another_class", "wrong layout", || {
        free(alloc(SMALL), Layout::new::<[u64; 20]>());
    });
}

#[test]
fn a_large_block_with_another_size() {
    aborts("a_large_block_with_another_size", "wrong layout", || {
        free(alloc(LARGE), Layout::new::<[u64; 128 << 10]>());
    });
}

#[test]
fn a_huge_block_with_another_size() {
    aborts("a_huge_block_with_another_size", "wrong layout", || {
        free(alloc(HUGE), Layout::new::<[u64; 5 << 20]>());
    });
}

#[test]
fn a_small_block_with_the_size_of_a_large_one() {
    aborts("a_small_block_with_the_size_of_a_large_one", "wrong layout", || {
        free(alloc(SMALL), LARGE);
    });
}
