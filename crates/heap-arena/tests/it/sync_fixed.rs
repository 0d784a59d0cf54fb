//! `SyncFixedBuffer`: the same as `FixedBuffer`, from several threads.

use heap_arena::SyncFixedBuffer;
use heap_core::Allocator;
use heap_test::{Limits, Rng};

use crate::support::{THREADS, assert_disjoint, at, buffer, layout, together};

/// Half of a buffer: padding takes room too.
const LIMITS: Limits = Limits::DEFAULT.total(1 << 20);

heap_test::conformance!(
    sync_fixed_buffer, || SyncFixedBuffer::new(buffer(2 << 20)), LIMITS; sync, owns, reset, usage
);
heap_test::conformance!(empty_sync_buffer, || SyncFixedBuffer::new(&mut []), Limits::NOTHING);

/// U-FB-04
#[test]
fn a_shared_buffer_passes_the_four_batteries() {
    let buffer = SyncFixedBuffer::new(buffer(800_000 * 8));
    heap_test::test_allocator(&buffer);
    heap_test::test_allocator_aligned(&buffer);
    heap_test::test_allocator_large_alignment(&buffer);
    heap_test::test_allocator_aligned_shrink(&buffer);
}

/// D-FB-06
#[test]
fn absurd_requests_are_refused_and_change_nothing() {
    let buffer = SyncFixedBuffer::new(buffer(64));
    let block = buffer.alloc(layout(8, 8)).unwrap();
    let used = buffer.used();
    for log2 in 0..usize::BITS - 1 {
        let most = isize::MAX as usize - ((1 << log2) - 1);
        for size in [most, most - 1, most / 2].into_iter().filter(|&size| size > 64) {
            assert!(buffer.alloc(layout(size, 1 << log2)).is_err());
        }
    }
    for size in [isize::MAX as usize, usize::MAX, usize::MAX - 7, usize::MAX - at(block)] {
        // SAFETY: live, with its layout.
        assert!(unsafe { !buffer.resize(block.cast(), layout(8, 8), size) });
    }
    assert_eq!(buffer.used(), used);
}

/// D-FB-09
#[test]
fn threads_that_drain_a_buffer_share_no_byte() {
    const LEN: usize = 1 << 18;
    let buffer = SyncFixedBuffer::new(buffer(LEN));
    let blocks = together(|nth| {
        let (mut rng, mut blocks) = (Rng::new(nth as u64), Vec::new());
        while let Ok(block) = buffer.alloc(layout(1 + rng.below(60), 1 << rng.below(5))) {
            blocks.push((at(block), block.len()));
        }
        blocks
    });
    let blocks: Vec<_> = blocks.into_iter().flatten().collect();
    let total: usize = blocks.iter().map(|(_, len)| len).sum();
    assert!(total <= LEN && total > LEN / 2, "{total}");
    assert_disjoint(blocks);
    assert!(buffer.used() <= LEN);
}

/// D-FB-10
#[test]
fn the_newest_block_can_be_freed_and_resized() {
    let buffer = SyncFixedBuffer::new(buffer(64));
    let old = buffer.alloc(layout(16, 1)).unwrap();
    let new = buffer.alloc(layout(16, 1)).unwrap();
    // SAFETY: both are live, with the layouts that the calls agreed to.
    unsafe {
        assert!(buffer.resize(new.cast(), layout(16, 1), 48) && buffer.used() == 64);
        assert!(!buffer.resize(new.cast(), layout(48, 1), 49));
        assert!(buffer.resize(old.cast(), layout(16, 1), 4) && buffer.used() == 64);
        assert!(!buffer.resize(old.cast(), layout(4, 1), 5));
        buffer.free(new.cast(), layout(48, 1));
        assert_eq!(buffer.used(), 16);
    }
}

/// D-FB-10: what comes back is whole, and nobody's twice.
#[test]
fn threads_that_push_and_pop_leave_the_buffer_empty_or_nearly() {
    let buffer = SyncFixedBuffer::new(buffer(1 << 16));
    together(|nth| {
        for round in 0..2000 {
            let size = 1 + (nth * 7 + round) % 50;
            let block = buffer.alloc(layout(size, 1)).unwrap();
            // SAFETY: a live block of ours alone, freed once.
            unsafe {
                block.cast::<u8>().write_bytes(nth as u8, size);
                std::hint::spin_loop();
                assert!(block.as_ref().iter().all(|&byte| usize::from(byte) == nth));
                buffer.free(block.cast(), layout(size, 1));
            }
            if buffer.used() > 1 << 15 {
                break;
            }
        }
    });
    assert!(THREADS > 1 && buffer.used() <= 1 << 16);
}

/// D-FB-11: made in a constant; the crate is `no_std`.
#[test]
fn a_static_buffer_serves_all_threads() {
    use std::ptr::NonNull;
    static mut MEMORY: [u64; 512] = [0; 512];
    // SAFETY: nobody else names the memory.
    static BUFFER: SyncFixedBuffer<'static> =
        unsafe { SyncFixedBuffer::from_raw(NonNull::new_unchecked((&raw mut MEMORY).cast()), 4096) };
    let blocks = together(|_| at(BUFFER.alloc(layout(512, align_of::<u64>())).unwrap()));
    assert_disjoint(blocks.into_iter().map(|block| (block, 512)).collect());
    assert!(BUFFER.alloc(layout(1, 1)).is_err());
}
