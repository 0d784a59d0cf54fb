//! Hard use: memory that runs out, storms of reallocations, threads by the hundred, limits under threads, odd alignments.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use heap_core::{AllocError, Allocator, Global};
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, Guard, OnViolation, ViolationKind};
use heap_test::Rng;

use crate::child;

const CONFIG: DebugConfig = DebugConfig::new().stack_trace_frames(0);

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("small")
}

/// Hands out so many bytes.
struct Budget(AtomicUsize);

// SAFETY: the blocks are `Global`'s.
unsafe impl Allocator for Budget {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let taken = |left: usize| left.checked_sub(layout.size());
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).map_err(|_| AllocError)?;
        Global.alloc(layout)
    }
    unsafe fn resize(&self, _: NonNull<u8>, _: Layout, _: usize) -> bool {
        false
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        self.0.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { Global.free(block, layout) }
    }
}

/// What is quarantined, cached or kept is given up before a request is refused.
#[test]
fn freed_memory_can_be_had_again_when_there_is_no_other() {
    let debug = DebugAllocator::new_in(Budget(AtomicUsize::new(1 << 20)), CONFIG);
    for (size, least) in [(64, 8000), (100_000, 8), (2000, 400), (64, 8000), (900_000, 1), (30_000, 20)] {
        let layout = layout(size, 8);
        let blocks: Vec<_> = core::iter::from_fn(|| debug.alloc(layout).ok()).collect();
        assert!(blocks.len() >= least, "{} blocks of {size} bytes", blocks.len());
        for block in blocks {
            // SAFETY: live, once.
            unsafe { debug.free(block.cast(), layout) };
        }
    }
    assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
}

/// Blocks that move and change under four threads, with checks meanwhile: every byte stays.
#[test]
fn a_storm_of_reallocations_loses_no_byte() {
    let debug = DebugAllocator::with_config(CONFIG.quarantine(16 << 10).quarantine_large(1 << 20));
    let storm = |seed| {
        let mut rng = Rng::new(seed);
        let mut held: Vec<(NonNull<u8>, Layout, u8)> = Vec::new();
        for turn in 0..1500_usize {
            let size = 1 + if turn.is_multiple_of(16) { rng.below(100_000) } else { rng.below(600) };
            if held.len() < 20 {
                let layout = layout(size, 1 << rng.below(8));
                let block: NonNull<u8> = debug.alloc(layout).expect("there is memory").cast();
                // SAFETY: live, of that size.
                unsafe { block.write_bytes(turn as u8, size) };
                held.push((block, layout, turn as u8));
                continue;
            }
            let at = rng.below(held.len());
            let (block, old, byte) = held[at];
            let new = layout(size, old.align());
            // SAFETY: live, with that layout; then of the new size.
            unsafe {
                let block = debug.realloc(block, old, new).expect("there is memory").cast::<u8>();
                assert!((0..size.min(old.size())).all(|i| block.add(i).read() == byte));
                block.write_bytes(byte, size);
                held[at] = (block, new, byte);
            }
        }
        for (block, layout, byte) in held {
            // SAFETY: live, with that layout, once.
            unsafe {
                assert!((0..layout.size()).all(|i| block.add(i).read() == byte));
                debug.free(block, layout);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..4).for_each(|seed| drop(scope.spawn(move || storm(seed))));
        (0..20).for_each(|_| assert_eq!(debug.check_all(), 0));
    });
    assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
}

/// Threads that come and go leave blocks to others; more of them than there are parts.
#[test]
fn hundreds_of_threads_leave_their_blocks_to_others() {
    let debug = DebugAllocator::with_config(CONFIG);
    let (first, second) = (layout(48, 8), layout(3000, 16));
    for _ in 0..10 {
        let left: Vec<usize> = std::thread::scope(|scope| {
            let work = || {
                let own = debug.alloc(first).expect("there is memory").cast();
                // SAFETY: live, once.
                unsafe { debug.free(own, first) };
                debug.alloc(second).expect("there is memory").cast::<u8>().expose_provenance().get()
            };
            let threads: Vec<_> = (0..30).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        for addr in left {
            let block = NonNull::new(core::ptr::with_exposed_provenance_mut(addr)).expect("a block");
            // SAFETY: live, once.
            unsafe { debug.free(block, second) };
        }
    }
    assert_eq!((debug.check_all(), debug.live_blocks()), (0, 0));
    assert_eq!(debug.deinit(), Check::Ok);
}

/// The limit is exact while threads race for its last bytes.
#[test]
fn a_limit_is_kept_while_threads_race_for_it() {
    const LIMIT: usize = 10_000;
    let debug = DebugAllocator::with_config(CONFIG.requested_memory_limit(Some(LIMIT)));
    let held = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for seed in 0..4 {
            let (debug, held) = (&debug, &held);
            scope.spawn(move || {
                let mut rng = Rng::new(seed);
                for _ in 0..3000 {
                    let layout = layout(1 + rng.below(4000), 8);
                    let Ok(block) = debug.alloc(layout) else { continue };
                    // Counted after it was taken, and no more before it is given back: never above the true sum.
                    let sum = held.fetch_add(layout.size(), Ordering::SeqCst) + layout.size();
                    assert!(sum <= LIMIT, "{sum}");
                    held.fetch_sub(layout.size(), Ordering::SeqCst);
                    // SAFETY: live, once.
                    unsafe { debug.free(block.cast(), layout) };
                }
            });
        }
    });
    let all = layout(LIMIT, 1);
    let block = debug.alloc(all).expect("all of it is free again").cast();
    // SAFETY: live, once.
    unsafe { debug.free(block, all) };
    assert_eq!(debug.deinit(), Check::Ok);
}

/// Each allocation of a piece of code fails once, over a debug allocator that sees what it leaves behind.
#[test]
fn code_that_survives_every_failure_is_told_from_code_that_does_not() {
    let debug = DebugAllocator::with_config(CONFIG);
    let (first, second) = (layout(24, 8), layout(5000, 8));
    let twice = |allocator: &dyn Allocator, gives_back: bool| -> Result<(), AllocError> {
        let a = allocator.alloc(first)?.cast();
        let b = allocator.alloc(second);
        if b.is_ok() || gives_back {
            // SAFETY: live, once.
            unsafe { allocator.free(a, first) };
        }
        // SAFETY: as above.
        unsafe { allocator.free(b?.cast(), second) };
        Ok(())
    };
    let careful = heap_debug::check_all_allocation_failures(&debug, |failing| twice(failing, true));
    assert!(matches!(careful, Ok(2)), "{careful:?}");
    assert_eq!(debug.live_blocks(), 0);
    let careless = heap_debug::check_all_allocation_failures(&debug, |failing| twice(failing, false));
    assert!(matches!(careless, Err(heap_debug::ExhaustError::MemoryLeak { fail_index: Some(1), .. })));
    assert_eq!((debug.live_blocks(), debug.detect_leaks().sites()[0].size), (1, 24));
    debug.deinit_without_leak_checks();
}

/// 25: what an arena handed out is a freed block's once the arena is gone.
#[test]
fn a_pointer_of_an_arena_that_is_gone_is_found_when_written_to() {
    let debug = DebugAllocator::with_config(CONFIG.on_violation(OnViolation::Record).format(Format::Silent));
    let arena = heap_arena::Arena::new_in(&debug);
    let number = Allocator::alloc(&arena, layout(8, 8)).expect("there is memory").cast::<u64>();
    drop(arena);
    // SAFETY: the misuse.
    unsafe { number.write(8) };
    assert_eq!(debug.check_all(), 1);
    let found = debug.violations().next().expect("it was found");
    assert_eq!((found.kind, found.damaged), (ViolationKind::WriteAfterFree, 8));
}

/// 31
#[test]
fn every_alignment_is_kept_in_every_way_to_get_a_block() {
    for config in [CONFIG, CONFIG.guard(Guard::All), CONFIG.slab_size(4096).quarantine(0)] {
        let debug = DebugAllocator::with_config(config);
        for log2 in 0..=24 {
            for size in [1, 17, 5000, 40_000] {
                let layout = layout(size, 1 << log2);
                let block = debug.alloc_zeroed(layout).expect("there is memory").cast::<u8>();
                assert!(block.addr().get().is_multiple_of(1 << log2));
                // SAFETY: live, of that size, once.
                unsafe {
                    assert!((0..size).all(|i| block.add(i).read() == 0));
                    block.write_bytes(7, size);
                    debug.free(block, layout);
                }
            }
        }
        assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
    }
}

/// 31: alignments beyond all reason are kept or refused, and nothing is lost.
#[test]
fn absurd_alignments_are_kept_or_refused() {
    let debug = DebugAllocator::with_config(CONFIG);
    for log2 in (25..=usize::BITS - 2).rev() {
        for size in [0, 1, 40_000, 1 << 30, isize::MAX as usize - (1 << (usize::BITS - 2))] {
            let Ok(layout) = Layout::from_size_align(size, 1 << log2) else { continue };
            for zeroed in [false, true] {
                let block = if zeroed { debug.alloc_zeroed(layout) } else { debug.alloc(layout) };
                let Ok(block) = block else { continue };
                let block = block.cast::<u8>();
                assert!(block.addr().get().is_multiple_of(1 << log2));
                // SAFETY: live, of that size, once.
                unsafe {
                    if size > 0 {
                        block.write(1);
                        block.add(size - 1).write(1);
                    }
                    debug.free(block, layout);
                }
            }
        }
    }
    assert_eq!((debug.check_all(), debug.live_blocks()), (0, 0));
    assert_eq!(debug.deinit(), Check::Ok);
}

/// Counts how often it was asked for cleared memory.
struct Clear(AtomicUsize);

// SAFETY: the blocks are `Global`'s.
unsafe impl Allocator for Clear {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Global.alloc(layout)
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Global.alloc_zeroed(layout)
    }
    unsafe fn resize(&self, _: NonNull<u8>, _: Layout, _: usize) -> bool {
        false
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { Global.free(block, layout) }
    }
}

/// A block that is asked for cleared is clear, fresh or used; fresh large ones are the backing allocator's affair.
#[test]
fn cleared_blocks_are_clear_fresh_or_used() {
    let config = CONFIG.quarantine(0).quarantine_large(1 << 20);
    let debug = DebugAllocator::new_in(Clear(AtomicUsize::new(0)), config);
    for (size, asked) in [(40, 0), (5000, 0), (40_000, 1), (700_000, 1), (3 << 20, 20)] {
        let layout = layout(size, 8);
        let before = debug.backing().0.load(Ordering::Relaxed);
        for _ in 0..20 {
            let block = debug.alloc_zeroed(layout).expect("there is memory").cast::<u8>();
            // SAFETY: live, of that size, once.
            unsafe {
                assert!((0..size).all(|i| block.add(i).read() == 0));
                block.write_bytes(7, size);
                debug.free(block, layout);
            }
        }
        let times = debug.backing().0.load(Ordering::Relaxed) - before;
        assert!((asked..=20 * asked).contains(&times), "{size} bytes: {times}");
    }
    assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
}

/// 53: a process may have some 65,000 mappings; beyond them blocks are ordinary ones.
#[cfg(target_os = "linux")]
#[test]
fn guards_that_exhaust_the_mappings_give_way_to_ordinary_blocks() {
    const NAME: &str = "guards_that_exhaust_the_mappings_give_way_to_ordinary_blocks";
    if child::is_child(NAME) {
        let config = CONFIG.on_violation(OnViolation::Record).format(Format::Silent);
        let debug = DebugAllocator::with_config(config.guard(Guard::All));
        let layout = layout(64, 8);
        let blocks: Vec<_> = (0..40_000).map(|_| debug.alloc(layout).expect("there is memory")).collect();
        let pages: std::collections::BTreeSet<_> =
            blocks.iter().map(|block| block.cast::<u8>().addr().get() / 4096).collect();
        // Guarded ones have a page each; the others share theirs.
        assert!(pages.len() > 16_384 && pages.len() < 20_000, "{} on {}", blocks.len(), pages.len());
        for block in blocks {
            // SAFETY: live, once.
            unsafe { debug.free(block.cast(), layout) };
        }
        assert_eq!((debug.check_all(), debug.deinit()), (0, Check::Ok));
        std::process::exit(0);
    }
    let output = child::run(&format!("robust::{NAME}"), NAME);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
