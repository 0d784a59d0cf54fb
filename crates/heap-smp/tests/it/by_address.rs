//! Blocks without layouts: sizes found from addresses.

use std::collections::HashMap;
use std::ptr::NonNull;
use std::thread;

use heap_smp::by_address;
use heap_test::Rng;

use crate::child;

fn alloc(size: usize) -> NonNull<u8> {
    let block = match by_address::alloc_fast(size) {
        block if block.is_null() => by_address::alloc_slow(size),
        block => block,
    };
    NonNull::new(block).expect("memory")
}

fn free(block: NonNull<u8>) {
    // SAFETY: the tests free their own live blocks, or break the contract in a process of their own.
    unsafe {
        if !by_address::free_fast(block) {
            by_address::free_slow(block);
        }
    }
}

#[test]
fn every_size_has_a_block_that_is_aligned_and_long_enough() {
    for size in (0..5000).chain((5000..200_000).step_by(997)).chain([1 << 20, 20 << 20, 70 << 20]) {
        let block = alloc(size);
        let usable = by_address::block_size(block).unwrap();
        assert!(usable >= size.max(1) && block.addr().get().is_multiple_of(16), "{size}: {usable}");
        assert!(size < 64 || usable <= size + size / 4 + (16 << 10), "{size}: {usable}");
        // SAFETY: the block is that long.
        unsafe { block.write_bytes(1, usable) };
        free(block);
    }
}

#[test]
fn every_alignment_is_kept_for_every_size() {
    for log2 in 0..28 {
        for size in [0, 1, 24, 100, 4096, 5000, 40_000, 300_000] {
            let block = NonNull::new(by_address::alloc_aligned(size, 1 << log2)).unwrap();
            assert!(block.addr().get().is_multiple_of(1 << log2), "{size} at {log2}");
            assert!(by_address::block_size(block).unwrap() >= size);
            free(block);
        }
    }
}

/// A client that fills its blocks and looks whether they stay as they are.
fn program(seed: u64, steps: usize) {
    let mut rng = Rng::new(seed);
    let mut live: HashMap<usize, (NonNull<u8>, usize, u8)> = HashMap::new();
    let size = |rng: &mut Rng| (rng.next_u64() >> (44 + rng.next_u64() % 20)) as usize;
    let check = |block: NonNull<u8>, len: usize, mark: u8| {
        // SAFETY: the block is live and that long.
        let bytes = unsafe { std::slice::from_raw_parts(block.as_ptr(), len) };
        assert!(bytes.iter().all(|byte| *byte == mark));
    };
    for step in 0..steps {
        let place = (rng.next_u64() % 200) as usize;
        let (len, mark) = (size(&mut rng), step as u8);
        let block = match live.remove(&place) {
            Some((old, old_len, old_mark)) if rng.next_u64().is_multiple_of(2) => {
                // SAFETY: the old block is live.
                let block = NonNull::new(unsafe { by_address::realloc(old, len) }).unwrap();
                check(block, len.min(old_len), old_mark);
                block
            }
            Some((old, old_len, old_mark)) => {
                check(old, old_len, old_mark);
                free(old);
                let block = NonNull::new(by_address::alloc_zeroed(len)).unwrap();
                check(block, len, 0);
                block
            }
            None => alloc(len),
        };
        // SAFETY: the block is live and that long.
        unsafe { block.write_bytes(mark, len) };
        live.insert(place, (block, len, mark));
    }
    for (block, len, mark) in live.into_values() {
        check(block, len, mark);
        free(block);
    }
}

#[test]
fn random_programs_keep_their_contents() {
    let threads: Vec<_> = (0..4).map(|seed| thread::spawn(move || program(seed, 3000))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn blocks_outlive_their_threads_and_caches_are_used_again() {
    child::passes("by_address::blocks_outlive_their_threads_and_caches_are_used_again", || {
        let mut blocks = Vec::new();
        for round in 0..2000_usize {
            let made =
                thread::spawn(move || (0..20).map(|n| alloc(n * 40).as_ptr() as usize).collect::<Vec<_>>());
            blocks.push(made.join().unwrap());
            if round >= 10 {
                for block in blocks.remove(0) {
                    free(NonNull::new(std::ptr::with_exposed_provenance_mut(block)).unwrap());
                }
            }
        }
        let slabs = heap_smp::SmpAllocator::new().stats().slab_bytes;
        assert!(slabs < 8 << 20, "{slabs}");
    });
}

/// Runs `misuse` in a child, which must abort with `message`.
fn aborts(name: &str, message: &str, misuse: impl FnOnce()) {
    let output = child::run(&format!("by_address::{name}"), || {
        misuse();
        by_address::purge();
    });
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains(message), "{name}: {text}");
}

#[test]
fn a_pointer_that_is_not_a_block_ends_the_process() {
    aborts("a_pointer_that_is_not_a_block_ends_the_process", "foreign pointer", || {
        let mut words = [0u64; 8];
        free(NonNull::from(&mut words).cast());
    });
}

#[test]
fn blocks_freed_twice_end_the_process() {
    aborts("blocks_freed_twice_end_the_process", "double free", || {
        let block = alloc(100_000);
        free(block);
        free(block);
    });
}

#[test]
fn small_blocks_freed_twice_end_the_process_when_they_come_home() {
    aborts("small_blocks_freed_twice_end_the_process_when_they_come_home", "double free", || {
        let block = alloc(100);
        free(block);
        free(block);
    });
}

#[test]
fn sizes_of_another_class_end_the_process() {
    aborts("sizes_of_another_class_end_the_process", "wrong layout", || {
        let block = alloc(100);
        // SAFETY: the block is live; a wrong size is what the function looks for.
        unsafe {
            by_address::check_size(block, 100, 1);
            by_address::check_size(block, 400, 1);
        }
    });
}
