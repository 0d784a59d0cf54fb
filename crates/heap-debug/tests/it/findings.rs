//! Misuse that is recorded instead of ending the process: what is known of it, and that the allocator goes on.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use heap_core::{Allocator, Global, Owns};
use heap_debug::{
    Check, DebugAllocator, DebugConfig, Format, OnViolation, Operation, Violation, ViolationKind,
};
use heap_test::{CountingAllocator, TestAllocator};

// Aligned to 8 where a `u64` is to 4, too.
const LAYOUT: Layout = Layout::new::<Aligned>();

#[repr(align(8))]
struct Aligned {
    _words: [u64; 5],
}
const CONFIG: DebugConfig =
    DebugConfig::new().on_violation(OnViolation::Record).format(Format::Silent).stack_trace_frames(8);

fn make<A: Allocator>(debug: &DebugAllocator<A>) -> NonNull<u8> {
    Allocator::alloc(debug, LAYOUT).expect("there is memory").cast()
}

unsafe fn free<A: Allocator>(debug: &DebugAllocator<A>, block: NonNull<u8>) {
    // SAFETY: the caller's affair.
    unsafe { Allocator::free(debug, block, LAYOUT) }
}

fn kinds<A: Allocator>(debug: &DebugAllocator<A>) -> Vec<ViolationKind> {
    debug.violations().map(|violation| violation.kind).collect()
}

/// D-DB-03, D-DB-05: three traces, sizes and state; the allocator goes on.
#[test]
fn a_double_free_is_told_with_three_traces_and_changes_nothing() {
    let debug = DebugAllocator::with_config(CONFIG);
    for layout in [LAYOUT, Layout::new::<[u64; 9000]>()] {
        let block = Allocator::alloc(&debug, layout).expect("there is memory").cast();
        // SAFETY: the second free is the misuse.
        unsafe {
            Allocator::free(&debug, block, layout);
            Allocator::free(&debug, block, layout);
        }
        let found: Violation = debug.violations().next().expect("it was found");
        let facts = found.block.expect("the block is known");
        assert_eq!((found.kind, found.operation), (ViolationKind::DoubleFree, Operation::Free));
        assert_eq!(
            (facts.addr, facts.size, facts.align),
            (block.addr().get(), layout.size(), layout.align())
        );
        assert!(!facts.live);
        for trace in [facts.allocated, facts.freed, found.found] {
            assert!(!trace.is_none() && !trace.frames().is_empty());
        }
        assert_ne!(facts.freed, found.found);
        assert_eq!((debug.forget_violations(), debug.live_blocks()), (1, 0));
    }
    // SAFETY: live, and freed once.
    unsafe { free(&debug, make(&debug)) };
    assert_eq!(debug.deinit(), Check::Ok);
}

/// 13: also by an instance that never had a block.
#[test]
fn a_free_before_any_allocation_is_kept() {
    let debug = DebugAllocator::with_config(CONFIG);
    let local = [0_u64; 5];
    // SAFETY: the stack's: that is the misuse.
    unsafe { free(&debug, NonNull::from(&local).cast()) };
    assert_eq!(kinds(&debug), [ViolationKind::ForeignPointer]);
    assert_eq!((debug.live_blocks(), debug.deinit()), (0, Check::Ok));
}

/// D-DB-06, D-DB-08, W-38: the backing allocator gets its own lengths back, whatever the client says.
#[test]
fn a_wrong_layout_frees_the_block_as_recorded() {
    let backing = TestAllocator::new();
    let debug = DebugAllocator::new_in(&backing, CONFIG);
    for (size, align) in [(39, 8), (41, 8), (4000, 8), (40, 16), (1 << 20, 1)] {
        let wrong = Layout::from_size_align(size, align).expect("small");
        let block = make(&debug);
        // SAFETY: the layout is the misuse.
        unsafe { Allocator::free(&debug, block, wrong) };
        assert_eq!(debug.requested_bytes(), 0);
    }
    use ViolationKind::{WrongAlignment, WrongSize};
    let expected = [WrongSize, WrongSize, WrongSize, WrongAlignment, WrongAlignment, WrongSize];
    assert_eq!(kinds(&debug), expected);
    assert_eq!(debug.deinit(), Check::Ok);
}

/// D-DB-12
#[test]
fn addresses_are_not_reused_while_the_quarantine_allows() {
    let debug = DebugAllocator::with_config(CONFIG.quarantine(64 << 10));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        let block = make(&debug);
        assert!(seen.insert(block));
        // SAFETY: live, and freed once.
        unsafe { free(&debug, block) };
    }
}

/// D-DB-10, D-DB-11: each changed byte around and in a block is found, by whatever looks first.
#[test]
fn each_byte_of_the_canaries_and_of_the_fill_is_watched() {
    for size in [1, 7, 8, 23, 40, 100, 500] {
        let layout = Layout::from_size_align(size, 1).expect("small");
        let debug = DebugAllocator::with_config(CONFIG);
        for offset in (-16..0).chain(size as isize..size as isize + 8) {
            let block = Allocator::alloc(&debug, layout).expect("there is memory").cast::<u8>();
            let before = ViolationKind::WriteBeforeStart;
            let expected = if offset < 0 { before } else { ViolationKind::WritePastEnd };
            // SAFETY: the write is the misuse; the bytes are the allocator's own.
            unsafe {
                block.offset(offset).write(0);
                assert_eq!((debug.check_all(), debug.check_all()), (1, 0), "{size} {offset}");
                Allocator::free(&debug, block, layout);
            }
            let found = debug.violations().next().expect("it was found");
            let distance = if offset < 0 { -offset } else { offset - size as isize };
            assert_eq!((found.kind, found.distance as isize, found.damaged), (expected, distance, 1));
            debug.forget_violations();
        }
        for offset in 0..size {
            let block = Allocator::alloc(&debug, layout).expect("there is memory").cast::<u8>();
            // SAFETY: the write is the misuse.
            unsafe {
                Allocator::free(&debug, block, layout);
                block.add(offset).write(0);
            }
            assert_eq!((debug.check_all(), debug.check_all()), (1, 0));
            let found = debug.violations().next().expect("it was found");
            assert_eq!((found.kind, found.distance), (ViolationKind::WriteAfterFree, offset));
            debug.forget_violations();
        }
    }
}

/// 23: around a freed block, as inside of it, by a check and by its reuse.
#[test]
fn a_write_around_a_freed_block_is_found() {
    use ViolationKind::{WriteBeforeStart, WritePastEnd};
    for (layout, config) in [
        (LAYOUT, CONFIG.quarantine(0).slab_size(4096)),
        (LAYOUT, CONFIG.quarantine(0).slab_size(4096).stack_trace_frames(0).free_fill(None)),
        (Layout::new::<[u64; 9000]>(), CONFIG.quarantine_large(0).never_unmap(true)),
    ] {
        let end = layout.size() as isize;
        for (offset, kind, distance) in [
            (-1, WriteBeforeStart, 1),
            (-16, WriteBeforeStart, 16),
            (end, WritePastEnd, 0),
            (end + 7, WritePastEnd, 7),
        ] {
            for by_reuse in [false, true] {
                let debug = DebugAllocator::with_config(config);
                let make = || Allocator::alloc(&debug, layout).expect("there is memory").cast::<u8>();
                // More of them, so that the slab stays.
                let others: Vec<_> = (0..5).map(|_| make()).collect();
                let block = make();
                // SAFETY: the write is the misuse.
                unsafe {
                    Allocator::free(&debug, block, layout);
                    block.offset(offset).write(1);
                }
                if by_reuse {
                    let again = core::iter::from_fn(|| Some(make())).take(200).find(|&again| again == block);
                    assert!(again.is_some());
                } else {
                    assert_eq!((debug.check_all(), debug.check_all()), (1, 0));
                }
                let found = debug.violations().next().expect("it was found");
                let facts = found.block.expect("the block is known");
                assert_eq!(
                    (found.kind, found.distance, found.damaged, facts.live),
                    (kind, distance, 1, false)
                );
                assert_eq!((debug.forget_violations(), others.len()), (1, 5));
                debug.deinit_without_leak_checks();
            }
        }
    }
}

/// 23: however many were written to, none is forgotten when the memory would go back.
#[test]
fn many_writes_after_free_are_all_found() {
    let config = CONFIG.stack_trace_frames(0).slab_size(4096).quarantine(0).quarantine_large(150_000);
    for (layout, count) in [(LAYOUT, 120), (Layout::new::<[u64; 9000]>(), 12)] {
        let debug = DebugAllocator::with_config(config);
        let blocks: Vec<NonNull<u8>> =
            (0..count).map(|_| Allocator::alloc(&debug, layout).expect("there is memory").cast()).collect();
        let mut planted = 0;
        for &block in &blocks {
            // SAFETY: live, once; the write is the misuse, of memory that is held.
            unsafe {
                Allocator::free(&debug, block, layout);
                if debug.owns(block) {
                    block.add(1).write(1);
                    planted += 1;
                }
            }
        }
        debug.check_all();
        assert!(planted > count / 2, "{planted} of {count}");
        assert_eq!(debug.forget_violations(), planted, "of {count} blocks of {} bytes", layout.size());
        assert_eq!(debug.deinit(), Check::Ok);
    }
}

/// 23: by the free that pushes the block out of the quarantine, small or large, though nobody gets it again.
#[test]
fn a_write_after_free_is_found_when_the_block_leaves_the_quarantine() {
    let config = CONFIG.quarantine(1000).quarantine_large(200_000);
    for (layout, frees) in [(LAYOUT, 30), (Layout::new::<[u64; 9000]>(), 3)] {
        let debug = DebugAllocator::with_config(config);
        let blocks: Vec<NonNull<u8>> =
            (0..=frees).map(|_| Allocator::alloc(&debug, layout).expect("there is memory").cast()).collect();
        // SAFETY: the write is the misuse.
        unsafe {
            Allocator::free(&debug, blocks[0], layout);
            blocks[0].add(39).write(1);
        }
        assert_eq!(debug.violations().count(), 0);
        // SAFETY: live, once.
        blocks[1..].iter().for_each(|&block| unsafe { Allocator::free(&debug, block, layout) });
        let found = debug.violations().next().expect("it was found");
        assert_eq!((found.kind, found.operation), (ViolationKind::WriteAfterFree, Operation::Free));
        assert_eq!((found.addr, found.distance), (blocks[0].addr().get(), 39));
        assert!(found.to_string().contains("found by a later free at"), "{found}");
        assert_eq!((debug.forget_violations(), debug.deinit()), (1, Check::Ok));
    }
}

/// 24: what is read after free is not what was written.
#[test]
fn fresh_and_freed_blocks_are_filled() {
    let debug = DebugAllocator::with_config(CONFIG);
    let block = make(&debug);
    // SAFETY: the last read is after free, of memory that the allocator still holds.
    unsafe {
        assert_eq!(block.read(), 0xAA);
        block.write(1);
        free(&debug, block);
        assert_eq!(block.read(), 0x55);
    }
}

/// D-DB-13: the old block's bytes are not copied, nor anything freed.
#[test]
fn changes_of_a_freed_block_are_refused() {
    let debug = DebugAllocator::with_config(CONFIG);
    let block = make(&debug);
    // SAFETY: the three calls after the free are the misuse.
    unsafe {
        free(&debug, block);
        assert!(!debug.resize(block, LAYOUT, 39));
        assert!(debug.remap(block, LAYOUT, 39).is_none());
        assert!(Allocator::realloc(&debug, block, LAYOUT, Layout::new::<[u64; 50]>()).is_err());
    }
    assert_eq!(kinds(&debug), [ViolationKind::UseAfterFree; 3]);
    assert_eq!(debug.live_blocks(), 0);
}

/// D-SA-03, D-DB-03: the stripe's lock decides who was first.
#[test]
fn racing_frees_of_a_block_are_one_free_and_one_report() {
    for _ in 0..200 {
        let debug = DebugAllocator::with_config(CONFIG.stack_trace_frames(0));
        let block = make(&debug).expose_provenance();
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    start.wait();
                    // SAFETY: one of the two is the misuse.
                    unsafe { free(&debug, NonNull::with_exposed_provenance(block)) };
                });
            }
        });
        assert_eq!(kinds(&debug), [ViolationKind::DoubleFree]);
        assert_eq!(debug.deinit(), Check::Ok);
    }
}

/// D-DB-19, U-SA-03: eight threads, blocks of one freed by another, and checks meanwhile.
#[test]
fn blocks_are_freed_by_other_threads_while_everything_is_checked() {
    let debug = DebugAllocator::with_config(DebugConfig::new().stack_trace_frames(4));
    let (sender, receiver) = std::sync::mpsc::channel::<core::num::NonZero<usize>>();
    let receiver = std::sync::Mutex::new(receiver);
    let left = AtomicUsize::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let sender = sender.clone();
            let (debug, left) = (&debug, &left);
            scope.spawn(move || {
                for _ in 0..3000 {
                    sender.send(make(debug).expose_provenance()).expect("somebody listens");
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let next = receiver.lock().expect("not poisoned").try_recv();
                    match next {
                        // SAFETY: live: it was sent once.
                        Ok(block) => unsafe { free(&debug, NonNull::with_exposed_provenance(block)) },
                        Err(_) if left.load(Ordering::Acquire) == 0 => break,
                        Err(_) => std::thread::yield_now(),
                    }
                }
            });
        }
        while left.load(Ordering::Acquire) > 0 {
            assert_eq!(debug.check_all(), 0);
        }
    });
    while let Ok(block) = receiver.lock().expect("not poisoned").try_recv() {
        // SAFETY: live: it was sent once.
        unsafe { free(&debug, NonNull::with_exposed_provenance(block)) };
    }
    assert_eq!((debug.check_all(), debug.live_blocks()), (0, 0));
    assert_eq!(debug.deinit(), Check::Ok);
}

/// D-DB-20, W-29: one block that comes and goes asks the backing allocator once.
#[test]
fn a_lone_block_that_comes_and_goes_costs_no_call() {
    let counting = CountingAllocator::new(Global);
    for layout in [LAYOUT, Layout::new::<[u64; 9000]>()] {
        let debug = DebugAllocator::new_in(&counting, CONFIG);
        let turn = || {
            let block = Allocator::alloc(&debug, layout).expect("there is memory").cast();
            // SAFETY: live, and freed once.
            unsafe { Allocator::free(&debug, block, layout) };
        };
        (0..5000).for_each(|_| turn());
        let before = counting.calls();
        (0..5000).for_each(|_| turn());
        assert_eq!(counting.calls(), before);
    }
}

/// The end leaves nothing behind, also where blocks were freed late and slabs are many.
#[test]
fn all_memory_goes_back_in_the_end() {
    let backing = TestAllocator::new();
    for config in [CONFIG, CONFIG.quarantine(0).quarantine_large(0), CONFIG.never_unmap(true)] {
        let debug = DebugAllocator::new_in(&backing, config);
        for round in 1..5 {
            let layouts = (1..200).map(|n| Layout::from_size_align(n * n * round, 1 << (n % 8)));
            let blocks: Vec<_> = layouts
                .map(|layout| layout.expect("small"))
                .map(|layout| (Allocator::alloc(&debug, layout).expect("there is memory").cast(), layout))
                .collect();
            // SAFETY: each is live, and freed once.
            blocks.into_iter().for_each(|(block, layout)| unsafe { Allocator::free(&debug, block, layout) });
        }
        assert_eq!(debug.deinit(), Check::Ok);
    }
}
