//! Blocks of every size: class boundaries, alignments, changes of size.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::{Allocator, UsableSize};
use heap_smp::SmpAllocator;

const SMP: SmpAllocator = SmpAllocator::new();

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

fn alloc(layout: Layout) -> NonNull<u8> {
    let block = SMP.alloc(layout).unwrap().cast::<u8>();
    assert_eq!(block.addr().get() % layout.align(), 0, "{layout:?}");
    block
}

/// Writes the whole length, reads the ends back, and frees.
fn use_up(layout: Layout) {
    let block = alloc(layout);
    // SAFETY: the block is ours and that long.
    unsafe {
        block.write_bytes(0xa5, layout.size());
        assert_eq!((block.read(), block.add(layout.size() - 1).read()), (0xa5, 0xa5));
        SMP.free(block, layout);
    }
}

/// D-SM-07
#[test]
fn both_sides_of_each_class_boundary_work() {
    for log2 in 0..=25 {
        for size in [(1usize << log2) - 1, 1 << log2, (1 << log2) + 1] {
            if size > 0 {
                use_up(layout(size, 1));
                use_up(layout(size, 16));
            }
        }
    }
    for size in [32 << 10, (32 << 10) + 1, 16 << 20, (16 << 20) + 1, 40 << 20] {
        use_up(layout(size, 8));
    }
}

/// D-SM-08
#[test]
fn alignment_above_the_length_decides() {
    for log2 in 0..=26 {
        for size in [1, 8, 100, 5000, 40_000] {
            use_up(layout(size, 1 << log2));
        }
    }
}

/// D-SM-05
#[test]
fn resize_stays_within_a_size_class() {
    let old = layout(100, 8);
    let block = alloc(old);
    // SAFETY: the block is live, and its layout follows each success.
    unsafe {
        assert_eq!(SMP.usable_size(block, old), if cfg!(feature = "checked") { 100 } else { 112 });
        assert!(SMP.resize(block, old, 112));
        assert!(SMP.resize(block, layout(112, 8), 97));
        assert!(!SMP.resize(block, layout(97, 8), 96));
        assert!(!SMP.resize(block, layout(97, 8), 113));
        assert!(SMP.remap(block, layout(97, 8), 4000).is_none());
        SMP.free(block, layout(97, 8));
    }
}

/// D-SM-06
#[test]
fn no_resize_crosses_between_slabs_and_runs() {
    for (from, to) in [(20 << 10, 64 << 10), (64 << 10, 20 << 10)] {
        let old = layout(from, 8);
        let block = alloc(old);
        // SAFETY: the block is live and keeps its layout, since every change is refused.
        unsafe {
            block.write_bytes(7, from);
            assert!(!SMP.resize(block, old, to));
            assert!(SMP.remap(block, old, to).is_none());
            assert_eq!((block.read(), block.add(from - 1).read()), (7, 7));
            SMP.free(block, old);
        }
    }
}

/// D-SM-09, and the content of blocks that move by their pages.
#[test]
fn large_blocks_grow_and_shrink_with_content_and_alignment() {
    for align in [8, 4096, 1 << 16, 1 << 21, 1 << 26] {
        let mut now = layout(64 << 10, align);
        let mut block = alloc(now);
        for size in [100 << 10, 1 << 20, 3 << 20, 2 << 20, 9 << 20, 17 << 20, 70 << 20, 5 << 20, 33 << 10] {
            let next = layout(size, align);
            // SAFETY: the block is live with its layout; marks are inside.
            unsafe {
                block.write(1);
                block.add(33 << 10).sub(1).write(2);
                block = SMP.realloc(block, now, next).unwrap().cast();
                assert_eq!((block.read(), block.add(33 << 10).sub(1).read()), (1, 2), "{next:?}");
                block.add(size - 1).write(3);
            }
            assert_eq!(block.addr().get() % align, 0, "{next:?}");
            now = next;
        }
        // SAFETY: live with this layout.
        unsafe { SMP.free(block, now) };
    }
}

#[test]
fn zeroed_blocks_are_zero_on_dirty_memory() {
    for size in [8, 1000, 30_000, 40_000, 1 << 20, 5 << 20, 20 << 20] {
        let layout = layout(size, 8);
        for _ in 0..3 {
            let block = SMP.alloc_zeroed(layout).unwrap().cast::<u8>();
            // SAFETY: the block is ours and that long.
            unsafe {
                let bytes = std::slice::from_raw_parts_mut(block.as_ptr(), size);
                assert!(bytes.iter().all(|&byte| byte == 0), "{size}");
                bytes.fill(0xff);
                SMP.free(block, layout);
            }
        }
    }
}

#[test]
fn absurd_requests_are_refused_and_change_nothing() {
    let before = SMP.stats();
    let half = isize::MAX as usize / 2 + 1;
    for layout in [layout(isize::MAX as usize - 4095, 1), layout(half, half), layout(2 * half - 4096, 4096)] {
        for block in [SMP.alloc(layout), SMP.alloc_zeroed(layout)] {
            // A process of 32 bits has 2 GiB where the system keeps none of the four for itself.
            assert!(block.is_err() || usize::BITS < 64, "{layout:?}");
            // SAFETY: just allocated.
            let _ = block.map(|block| unsafe { SMP.free(block.cast(), layout) });
        }
    }
    let small = layout(100 << 10, 8);
    let block = alloc(small);
    // SAFETY: the block is live, and keeps its layout.
    unsafe {
        for size in [isize::MAX as usize - 7, isize::MAX as usize / 8 * 7, usize::MAX] {
            assert!(!SMP.resize(block, small, size));
            assert!(SMP.remap(block, small, size).is_none());
        }
        SMP.free(block, small);
    }
    assert_eq!(SMP.stats().huge_blocks, before.huge_blocks);
}
