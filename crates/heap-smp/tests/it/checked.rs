//! The feature `checked`: each misuse ends the process at the call that shows it, with its message.

use std::alloc::Layout;
use std::collections::HashSet;
use std::process::Output;
use std::ptr::NonNull;

use heap_core::{Allocator, UsableSize};
use heap_smp::SmpAllocator;

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();
/// Not a slot's length: there is room for a canary.
const SMALL: Layout = Layout::new::<[u8; 100]>();
const FULL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u8; 100_000]>();
/// Whole units: no room for a canary.
const WHOLE: Layout = Layout::new::<[u8; 128 << 10]>();
const HUGE: Layout = Layout::new::<[u8; 30 << 20]>();

fn alloc(layout: Layout) -> NonNull<u8> {
    SMP.alloc(layout).unwrap().cast()
}

fn free(block: NonNull<u8>, layout: Layout) {
    // SAFETY: none, where a test breaks the contract in a process of its own, to see it noticed.
    unsafe { SMP.free(block, layout) }
}

fn child_output(name: &str, misuse: impl FnOnce()) -> Output {
    child::run(&format!("checked::{name}"), || {
        misuse();
        // Nothing may come home to be found there.
        std::process::exit(0);
    })
}

/// Runs `misuse` in a child, which must abort with `message` at its last call.
fn aborts(name: &str, message: &str, misuse: impl FnOnce()) {
    let output = child_output(name, misuse);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{name} was not noticed");
    let line = text.lines().find(|line| line.starts_with("heap-smp: ")).unwrap_or_default();
    assert!(line.starts_with(&format!("heap-smp: {message} (address 0x")), "{name}: {text}");
}

const DOUBLE: &str = "double free: the block is already free";
const INTERIOR: &str = "interior pointer: not the start of a block";
const FOREIGN: &str = "foreign pointer: not a block of this allocator";
const LAYOUT: &str = "wrong layout: not the size or alignment the block was allocated with";
const OVERFLOW: &str = "overflow: the bytes behind the end of the block are not as they were left";
const WRITE: &str = "write after free: the block was written to while it was free";

#[test]
fn a_block_freed_twice_in_a_row() {
    aborts("a_block_freed_twice_in_a_row", DOUBLE, || {
        let block = alloc(SMALL);
        free(block, SMALL);
        free(block, SMALL);
    });
}

#[test]
fn a_block_freed_again_after_another() {
    aborts("a_block_freed_again_after_another", DOUBLE, || {
        let (a, b) = (alloc(SMALL), alloc(SMALL));
        free(a, SMALL);
        free(b, SMALL);
        free(a, SMALL);
    });
}

#[test]
fn a_block_freed_again_on_another_thread() {
    aborts("a_block_freed_again_on_another_thread", DOUBLE, || {
        let block = alloc(SMALL);
        free(block, SMALL);
        let addr = block.as_ptr() as usize;
        let again = move || free(NonNull::new(std::ptr::with_exposed_provenance_mut(addr)).unwrap(), SMALL);
        std::thread::spawn(again).join().unwrap();
    });
}

#[test]
fn a_block_freed_again_after_its_slab_was_given_up() {
    aborts("a_block_freed_again_after_its_slab_was_given_up", DOUBLE, || {
        let blocks: Vec<_> = (0..10_000).map(|_| alloc(SMALL)).collect();
        blocks.iter().for_each(|&block| free(block, SMALL));
        SMP.purge();
        free(blocks[5_000], SMALL);
    });
}

#[test]
fn a_pointer_into_a_block() {
    aborts("a_pointer_into_a_block", INTERIOR, || {
        // SAFETY: inside the block.
        free(unsafe { alloc(SMALL).add(16) }, SMALL);
    });
}

#[test]
fn a_pointer_into_a_large_block_as_a_small_one() {
    aborts("a_pointer_into_a_large_block_as_a_small_one", INTERIOR, || {
        // SAFETY: inside the block.
        free(unsafe { alloc(LARGE).add(70_000) }, SMALL);
    });
}

#[test]
fn a_pointer_that_is_not_ours() {
    aborts("a_pointer_that_is_not_ours", FOREIGN, || {
        let mut words = [0u64; 20];
        free(NonNull::from(&mut words).cast(), SMALL);
    });
}

#[test]
fn a_size_of_another_class() {
    aborts("a_size_of_another_class", LAYOUT, || free(alloc(SMALL), Layout::new::<[u8; 200]>()));
}

#[test]
fn another_size_of_the_same_class() {
    aborts("another_size_of_the_same_class", LAYOUT, || free(alloc(SMALL), Layout::new::<[u8; 101]>()));
}

#[test]
fn a_small_size_for_a_large_block() {
    aborts("a_small_size_for_a_large_block", LAYOUT, || free(alloc(LARGE), SMALL));
}

#[test]
fn a_small_size_for_a_huge_block() {
    aborts("a_small_size_for_a_huge_block", LAYOUT, || free(alloc(HUGE), SMALL));
}

#[test]
fn the_first_byte_behind_a_block() {
    aborts("the_first_byte_behind_a_block", OVERFLOW, || {
        let block = alloc(SMALL);
        // SAFETY: none; the byte behind the block.
        unsafe { *block.as_ptr().add(SMALL.size()) ^= 1 };
        free(block, SMALL);
    });
}

#[test]
fn the_first_byte_behind_a_block_that_is_resized() {
    aborts("the_first_byte_behind_a_block_that_is_resized", OVERFLOW, || {
        let block = alloc(SMALL);
        // SAFETY: none; the byte behind the block.
        unsafe {
            *block.as_ptr().add(SMALL.size()) ^= 1;
            std::alloc::GlobalAlloc::realloc(&SMP, block.as_ptr(), SMALL, 101);
        }
    });
}

#[test]
fn the_first_byte_behind_a_large_block() {
    aborts("the_first_byte_behind_a_large_block", OVERFLOW, || {
        let block = alloc(LARGE);
        // SAFETY: none; the byte behind the block.
        unsafe { *block.as_ptr().add(LARGE.size()) ^= 1 };
        free(block, LARGE);
    });
}

#[test]
fn a_large_block_that_is_free_is_resized() {
    aborts("a_large_block_that_is_free_is_resized", DOUBLE, || {
        for layout in [LARGE, WHOLE] {
            let block = alloc(layout);
            free(block, layout);
            // SAFETY: none; the block is free. (The message is that of the last one, if the first goes unnoticed.)
            unsafe { SMP.resize(block, layout, 90_000) };
        }
    });
}

#[test]
fn a_large_block_is_resized_with_another_size() {
    aborts("a_large_block_is_resized_with_another_size", LAYOUT, || {
        // SAFETY: none; it is longer.
        unsafe { SMP.resize(alloc(HUGE), WHOLE, 90_000) };
    });
}

#[test]
fn a_write_to_a_free_block() {
    aborts("a_write_to_a_free_block", WRITE, || {
        let block = alloc(FULL);
        free(block, FULL);
        // SAFETY: none; the block is free.
        unsafe { *block.as_ptr().add(40) = 1 };
        // It is lent again sooner or later.
        for _ in 0..100_000 {
            alloc(FULL);
        }
    });
}

#[cfg(unix)]
#[test]
fn a_touch_of_the_guard_behind_a_large_block() {
    use std::os::unix::process::ExitStatusExt;
    for layout in [LARGE, HUGE] {
        let output = child_output("a_touch_of_the_guard_behind_a_large_block", || {
            let block = alloc(layout);
            let guard = layout.size().next_multiple_of(heap_os::PAGE_SIZE_MAX.max(16 << 10));
            // SAFETY: none; the unit behind the block.
            unsafe { *block.as_ptr().add(guard) = 1 };
        });
        assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{layout:?}");
    }
}

/// A run of linear writes through slabs meets a guard before it has gone far.
#[cfg(target_os = "linux")]
#[test]
fn some_slabs_end_with_a_guard() {
    child::passes("checked::some_slabs_end_with_a_guard", || {
        let blocks: Vec<_> = (0..400_000).map(|_| alloc(SMALL)).collect();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let lowest = blocks.iter().map(|block| block.as_ptr().addr()).min().unwrap();
        let highest = blocks.iter().map(|block| block.as_ptr().addr()).max().unwrap();
        let start = |line: &&str| usize::from_str_radix(line.split('-').next().unwrap(), 16).unwrap();
        let inside = maps.lines().filter(|line| (lowest..highest).contains(&start(line)));
        let guards = inside.filter(|line| line.contains("---p")).count();
        // 1,368 slabs, one guard for 64 of them.
        assert!((4..80).contains(&guards), "{guards}");
    });
}

#[test]
fn blocks_come_in_no_order_that_can_be_guessed() {
    let orders: HashSet<Vec<isize>> = (0..4)
        .map(|_| {
            let blocks: Vec<_> = (0..12).map(|_| alloc(Layout::new::<[u8; 1000]>())).collect();
            let first = blocks[0].as_ptr() as isize;
            blocks.iter().map(|block| block.as_ptr() as isize - first).collect()
        })
        .collect();
    assert_eq!(orders.len(), 4);
    assert!(orders.iter().all(|order| !order.is_sorted()));
}

#[test]
fn a_block_just_freed_is_seldom_lent_next() {
    let again = (0..1000).filter(|_| {
        let block = alloc(FULL);
        free(block, FULL);
        let next = alloc(FULL);
        free(next, FULL);
        next == block
    });
    // One in sixteen or more that are held.
    assert!(again.count() < 150);
}

#[test]
fn every_free_block_was_wiped() {
    child::passes("checked::every_free_block_was_wiped", || {
        for size in [8, 100, 1000, 30_000, 100_000] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let block = alloc(layout);
            // SAFETY: the block is that long. After the free, memory of the heap's is read that stays mapped.
            unsafe {
                block.write_bytes(0xaa, size);
                free(block, layout);
                let bytes = (0..size).map(|at| block.as_ptr().add(at).read_volatile());
                assert_eq!(bytes.filter(|&byte| byte != 0).count(), 0, "{size}");
            }
        }
    });
}

#[test]
fn a_client_may_use_what_it_asked_for_and_no_more() {
    for layout in [SMALL, FULL, LARGE] {
        let block = alloc(layout);
        // SAFETY: a live block with its layout.
        assert_eq!(unsafe { SMP.usable_size(block, layout) }, layout.size());
        free(block, layout);
    }
}

#[test]
fn a_block_that_was_resized_in_place_goes_back_with_its_new_size_only() {
    aborts("a_block_that_was_resized_in_place_goes_back_with_its_new_size_only", LAYOUT, || {
        let block = alloc(SMALL);
        // SAFETY: a live block with its layout.
        assert!(unsafe { SMP.resize(block, SMALL, 110) });
        let again = alloc(SMALL);
        // SAFETY: as above.
        assert!(unsafe { SMP.resize(again, SMALL, 110) });
        free(again, Layout::new::<[u8; 110]>());
        free(block, SMALL);
    });
}
