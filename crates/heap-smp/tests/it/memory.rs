//! Memory goes back: to the system after everything is freed, to other size classes after a change of phase.

use heap_core::HeapBox;
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const SMP: SmpAllocator = SmpAllocator::new();

/// Resident bytes of this process.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
    pages * heap_os::page_size()
}

fn boxes<const N: usize>(count: usize) -> Vec<Box<[u8; N]>> {
    (0..count).map(|n| Box::new([n as u8; N])).collect()
}

/// D-SM-10
#[test]
fn resident_memory_falls_back_after_everything_is_freed() {
    child::passes("memory::resident_memory_falls_back_after_everything_is_freed", || {
        let start = resident();
        let held = boxes::<100>(1_000_000);
        let full = resident();
        drop(held);
        SMP.purge();
        let end = resident();
        assert!(full - start >= 100_000_000, "{start} {full}");
        assert!(end - start <= 4 << 20, "{start} {full} {end}");
    });
}

#[test]
fn an_idle_program_becomes_lean_without_any_call() {
    child::passes("memory::an_idle_program_becomes_lean_without_any_call", || {
        let start = resident();
        drop(boxes::<100>(1_000_000));
        // The helper gives memory back within a second; waiting for it makes no call to the allocator. However long that
        // takes on a busy machine: what is asserted is that it happens, not when.
        for _ in 0..600 {
            std::thread::sleep(std::time::Duration::from_millis(100));
            if resident_without_allocating() <= start + (8 << 20) {
                return;
            }
        }
        panic!("{start} -> {}", resident());
    });
}

#[test]
fn the_helper_goes_when_nothing_is_left_to_do_and_stays_away() {
    child::passes("memory::the_helper_goes_when_nothing_is_left_to_do_and_stays_away", || {
        drop(boxes::<100>(1_000_000));
        for runs in [true, false] {
            let reached = (0..600).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(50));
                helper_runs() == runs
            });
            assert!(reached, "{runs}");
        }
        for _ in 0..100 {
            drop(boxes::<100>(1000));
            assert!(!helper_runs());
        }
    });
}

/// Much is free, but of no length more than a little.
#[test]
fn the_helper_comes_for_large_blocks_of_many_lengths() {
    child::passes("memory::the_helper_comes_for_large_blocks_of_many_lengths", || {
        drop((0..16).map(|n| vec![1u8; (800 + 16 * n) << 10]).collect::<Vec<_>>());
        // With `checked` long runs go back at once.
        assert!(cfg!(feature = "checked") || SMP.stats().free_resident_bytes > 8 << 20);
        let goes_back = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            SMP.stats().free_resident_bytes <= 2 << 20
        });
        assert!(goes_back, "{}", SMP.stats().free_resident_bytes);
    });
}

#[test]
fn the_helper_comes_for_what_large_blocks_give_back_when_they_shrink() {
    child::passes("memory::the_helper_comes_for_what_large_blocks_give_back_when_they_shrink", || {
        let mut blocks: Vec<Vec<u8>> = (0..4).map(|_| vec![1; 1 << 20]).collect();
        assert_eq!((SMP.stats().helper_running, SMP.stats().helper_ticks), (false, 0));
        blocks.iter_mut().for_each(|block| {
            block.truncate(64 << 10);
            block.shrink_to_fit();
        });
        let stats = SMP.stats();
        assert!(stats.helper_running || stats.helper_ticks > 0, "{}", stats.free_resident_bytes);
    });
}

fn helper_runs() -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.into_iter().any(|name| name.trim() == "heap-smp")
}

/// As [`resident`], with a buffer on the stack.
fn resident_without_allocating() -> usize {
    use std::io::Read;
    let mut text = [0; 128];
    let len = std::fs::File::open("/proc/self/statm").unwrap().read(&mut text).unwrap();
    let pages = text[..len].split(|&byte| byte == b' ').nth(1).unwrap();
    pages.iter().fold(0, |pages, digit| pages * 10 + usize::from(digit - b'0')) * heap_os::page_size()
}

/// D-SM-11
#[test]
fn memory_of_one_size_serves_another_after_a_change_of_phase() {
    child::passes("memory::memory_of_one_size_serves_another_after_a_change_of_phase", || {
        drop(boxes::<100>(400_000));
        let after_first = SMP.stats().reserved_bytes;
        drop(boxes::<400>(100_000));
        drop(boxes::<3000>(13_000));
        let after_last = SMP.stats().reserved_bytes;
        assert!(after_last <= after_first + (32 << 20), "{after_first} -> {after_last}");
    });
}

#[test]
fn a_private_heap_touches_no_fresh_memory_where_as_much_was_freed_outside() {
    child::passes("memory::a_private_heap_touches_no_fresh_memory_where_as_much_was_freed_outside", || {
        const COUNT: usize = 200_000;
        let outside = boxes::<100>(COUNT);
        // Before it is freed: the helper may give it back at any time afterwards.
        let before = resident();
        drop(outside);
        let heap = Heap::new();
        let held: Vec<_> = (0..COUNT).map(|n| HeapBox::new_in(|| [n as u8; 100], &heap).unwrap()).collect();
        let after = resident();
        assert!(after <= before + (COUNT * 100 / 4), "{before} {after} {}", held.len());
    });
}

/// A block that fills a huge page and begins another.
fn just_above_a_huge_page() -> Vec<u8> {
    vec![1; (2 << 20) + 1]
}

/// What a huge page holds beyond the block that it was made for is resident, too.
#[test]
fn no_part_of_a_huge_page_stays_behind() {
    child::passes("memory::no_part_of_a_huge_page_stays_behind", || {
        let start = resident();
        drop((0..60).map(|_| just_above_a_huge_page()).collect::<Vec<_>>());
        SMP.purge();
        let end = resident();
        assert!(end <= start + (8 << 20), "{start} {end}");
    });
}

#[test]
fn no_part_of_a_huge_page_stays_behind_where_a_block_moved_away() {
    child::passes("memory::no_part_of_a_huge_page_stays_behind_where_a_block_moved_away", || {
        let start = resident();
        let mut held = Vec::new();
        for _ in 0..60 {
            let mut grows = just_above_a_huge_page();
            held.push(just_above_a_huge_page());
            grows.reserve_exact(4 << 20);
            held.push(grows);
        }
        drop(held);
        SMP.purge();
        let end = resident();
        assert!(end <= start + (8 << 20), "{start} {end}");
    });
}

#[test]
fn purge_leaves_nothing_free_resident() {
    child::passes("memory::purge_leaves_nothing_free_resident", || {
        drop(boxes::<64>(100_000));
        drop(vec![1u8; 5 << 20]);
        SMP.purge();
        assert_eq!(SMP.stats().free_resident_bytes, 0);
    });
}

#[test]
fn stats_follow_what_is_live() {
    child::passes("memory::stats_follow_what_is_live", || {
        let before = SMP.stats();
        let small = boxes::<64>(10_000);
        let run = vec![1u8; 1 << 20];
        let huge = vec![1u8; 40 << 20];
        let full = SMP.stats();
        assert!(full.slot_bytes >= before.slot_bytes + 640_000);
        assert!(full.run_bytes >= before.run_bytes + (1 << 20));
        assert_eq!(full.huge_blocks, before.huge_blocks + 1);
        assert!(full.huge_bytes >= before.huge_bytes + (40 << 20));
        let class = full.classes.iter().find(|class| class.slot == 64).unwrap();
        assert!(class.slots - class.free >= 10_000);
        drop((small, run, huge));
        let after = SMP.stats();
        assert_eq!((after.run_bytes, after.huge_bytes), (before.run_bytes, before.huge_bytes));
    });
}
