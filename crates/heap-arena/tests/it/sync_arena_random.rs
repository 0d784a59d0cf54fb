//! `SyncArena` at random, over a child that fails.

use std::sync::atomic::{AtomicUsize, Ordering};

use heap_arena::{ResetMode, SyncArena};
use heap_core::Allocator;
use heap_test::Rng;

use crate::support::{SharedMeter, layout, together};

/// Allocates, reallocates and frees at random; checks at the end that nobody else wrote into what is left.
fn work(arena: &impl Allocator, nth: usize, seed: u64, failures: &AtomicUsize) {
    let mut rng = Rng::new(seed);
    let mut live = Vec::new();
    for _ in 0..300 {
        let now = layout(1 + rng.below(400), 1 << rng.below(5));
        match arena.alloc(now) {
            Ok(block) => {
                // SAFETY: ours alone.
                unsafe { block.cast::<u8>().write_bytes(nth as u8, now.size()) };
                live.push((block, now));
            }
            Err(_) => drop(failures.fetch_add(1, Ordering::Relaxed)),
        }
        let Some((block, old)) = live.pop() else { continue };
        // SAFETY: live, ours alone, with this layout; given up where the calls say so.
        unsafe {
            assert!(block.cast::<u8>().as_ref() == &(nth as u8));
            match rng.below(4) {
                0 => arena.free(block.cast(), old),
                1 => {
                    let new = layout(1 + rng.below(600), old.align());
                    let moved = arena.realloc(block.cast(), old, new);
                    let (kept, kept_layout) = moved.map_or((block, old), |moved| (moved, new));
                    kept.cast::<u8>().write_bytes(nth as u8, kept_layout.size());
                    live.push((kept, kept_layout));
                }
                _ => live.push((block, old)),
            }
        }
    }
    for (block, layout) in live {
        // SAFETY: live, ours alone, and `layout.size()` bytes are initialised.
        let bytes = unsafe { std::slice::from_raw_parts(block.cast::<u8>().as_ptr(), layout.size()) };
        assert!(bytes.iter().all(|&byte| usize::from(byte) == nth));
    }
}

/// U-AR-04: a child that fails at random; the three modes keep their bounds.
#[test]
fn random_work_over_a_failing_child_keeps_content_and_bounds() {
    let meter = SharedMeter::default();
    let mut arena = SyncArena::<_, 2>::new_in(&meter);
    for round in 0..12 {
        meter.0.lock().unwrap().allow(20_000 * (round % 4));
        let failures = AtomicUsize::new(0);
        together(|nth| work(&arena, nth, (round * 100 + nth) as u64, &failures));
        assert!(round % 4 != 0 || failures.into_inner() > 0, "the child was to fail");
        meter.0.lock().unwrap().allow_all();
        let before = arena.capacity();
        match round % 3 {
            0 => {
                assert!(arena.reset(ResetMode::RetainCapacity));
                assert_eq!(arena.capacity(), before);
            }
            1 => {
                assert!(arena.reset(ResetMode::RetainWithLimit(3000)));
                assert!(arena.capacity() <= 3000);
            }
            _ => {
                assert!(arena.reset(ResetMode::FreeAll));
                assert_eq!((arena.capacity(), meter.0.lock().unwrap().live_blocks()), (0, 0));
            }
        }
    }
}
