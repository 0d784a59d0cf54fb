//! Private heaps: what every allocator promises, and that all goes with the heap.

use std::alloc::Layout;
use std::ptr::NonNull;

use heap_core::{Allocator, HeapBox, Owns, Reset, Usage};
use heap_smp::{Heap, SmpAllocator};

use crate::child;

heap_test::conformance!(private, Heap::new; sync, reuses, owns, usable_size, reset, usage);

const SMP: SmpAllocator = SmpAllocator::new();
const SMALL: Layout = Layout::new::<[u64; 8]>();
const LARGE: Layout = Layout::new::<[u64; 64 << 10]>();
const HUGE: Layout = Layout::new::<[u64; 4 << 20]>();

fn alloc(heap: &Heap, layout: Layout) -> NonNull<u8> {
    heap.alloc(layout).unwrap().cast()
}

/// # Safety
///
/// As for `Allocator::free`.
unsafe fn free(heap: &Heap, block: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's promise is the same.
    unsafe { heap.free(block, layout) }
}

/// Blocks of all kinds, none of which is freed.
fn leak(heap: &Heap) {
    for size in (1..40_000).step_by(97).chain([100_000, 1 << 20, 3 << 20, 20 << 20, 40 << 20]) {
        let block = alloc(heap, Layout::from_size_align(size, 8).unwrap());
        // SAFETY: the block is ours and that long.
        unsafe { block.write_bytes(0xa5, size.min(1 << 20)) };
    }
}

#[test]
fn a_dropped_heap_leaves_nothing_behind() {
    child::passes("heap::a_dropped_heap_leaves_nothing_behind", || {
        let before = SMP.stats();
        let heap = Heap::new();
        leak(&heap);
        let during = SMP.stats();
        // On 32 bits the block of 3 MiB has a mapping of its own, too.
        let huge = if usize::BITS < 64 { 3 } else { 2 };
        assert!(
            during.private_bytes > 10 << 20 && during.huge_blocks == before.huge_blocks + huge,
            "{during:?}"
        );
        assert_eq!(heap.validate(), Ok(()));
        assert_eq!(SMP.validate(), Ok(()));
        drop(heap);
        let after = SMP.stats();
        assert_eq!((after.private_bytes, after.huge_blocks), (0, before.huge_blocks));
        assert_eq!(after.run_bytes, before.run_bytes, "the state is gone too");
        assert_eq!(SMP.validate(), Ok(()));
    });
}

#[test]
fn a_heap_takes_its_memory_where_the_one_before_left_it() {
    child::passes("heap::a_heap_takes_its_memory_where_the_one_before_left_it", || {
        let round = || {
            let heap = Heap::new();
            let blocks: Vec<_> = (0..10_000).map(|_| alloc(&heap, SMALL)).collect();
            assert!(blocks.iter().all(|&block| heap.owns(block)));
        };
        round();
        let once = SMP.stats().reserved_bytes;
        (0..500).for_each(|_| round());
        assert_eq!(SMP.stats().reserved_bytes, once);
        assert_eq!(SMP.validate(), Ok(()));
    });
}

#[test]
fn a_heap_that_is_not_used_takes_nothing() {
    child::passes("heap::a_heap_that_is_not_used_takes_nothing", || {
        let before = SMP.stats();
        static UNUSED: Heap = Heap::new();
        let mut heaps: Vec<_> = (0..100).map(|_| Heap::default()).collect();
        for heap in &mut heaps {
            assert_eq!((heap.purge(), heap.used(), heap.capacity()), (0, 0, 0));
            heap.reset();
            heap.claim();
            assert!(heap.alloc(Layout::new::<()>()).is_ok(), "a size of zero takes none");
        }
        assert!(!UNUSED.owns(NonNull::from(&before).cast()));
        assert_eq!(SMP.stats().run_bytes, before.run_bytes);
        drop(heaps);
    });
}

#[test]
fn a_heap_is_reset_again_and_again() {
    child::passes("heap::a_heap_is_reset_again_and_again", || {
        let mut heap = Heap::new();
        let mut reserved = 0;
        for round in 0..50 {
            leak(&heap);
            assert!(heap.used() > 64 << 20 && heap.used() <= heap.capacity());
            heap.reset();
            assert_eq!((heap.used(), heap.capacity()), (0, 0));
            assert_eq!(heap.validate(), Ok(()));
            if round == 0 {
                reserved = SMP.stats().reserved_bytes;
            }
        }
        assert_eq!(SMP.stats().reserved_bytes, reserved);
        assert_eq!(SMP.validate(), Ok(()));
    });
}

#[test]
fn owns_tells_the_blocks_of_heaps_apart_to_the_last_byte() {
    let (a, b) = (Heap::new(), Heap::new());
    for layout in [SMALL, LARGE, HUGE] {
        let (of_a, of_b, of_all) =
            (alloc(&a, layout), alloc(&b, layout), SMP.alloc(layout).unwrap().cast::<u8>());
        for at in [0, layout.size() / 2, layout.size() - 1] {
            // SAFETY: inside the blocks.
            let (of_a, of_b, of_all) = unsafe { (of_a.add(at), of_b.add(at), of_all.add(at)) };
            assert_eq!((a.owns(of_a), a.owns(of_b), a.owns(of_all)), (true, false, false), "{layout:?} {at}");
            assert_eq!((b.owns(of_a), b.owns(of_b), b.owns(of_all)), (false, true, false), "{layout:?} {at}");
        }
        // SAFETY: allocated above with this layout.
        unsafe {
            SMP.free(of_all, layout);
            free(&a, of_a, layout);
        }
        assert!(layout == SMALL || !a.owns(of_a), "a large block that was freed belongs to nobody");
    }
}

#[test]
fn large_blocks_stay_their_heaps_when_they_grow_shrink_and_move() {
    let heap = Heap::new();
    let mut size = 40 << 10;
    let mut block = alloc(&heap, Layout::from_size_align(size, 8).unwrap());
    // SAFETY: the block is that long.
    unsafe { block.write_bytes(7, size) };
    for next in [80 << 10, 1 << 20, 5 << 20, 30 << 20, 70 << 20, 20 << 20, 3 << 20, 50 << 10] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        let next_layout = Layout::from_size_align(next, 8).unwrap();
        // SAFETY: the block is live, and has this layout.
        block = unsafe { heap.realloc(block, layout, next_layout) }.unwrap().cast();
        // SAFETY: as above; the first bytes were written.
        let bytes = unsafe { core::slice::from_raw_parts(block.as_ptr(), 40 << 10) };
        assert!(bytes.iter().all(|&byte| byte == 7));
        size = next;
        assert!(heap.owns(block) && heap.used() >= size && heap.used() <= heap.capacity());
        assert_eq!(heap.validate(), Ok(()));
    }
    // SAFETY: live, with this layout.
    unsafe { free(&heap, block, Layout::from_size_align(size, 8).unwrap()) };
    assert_eq!(heap.used(), 0);
}

#[test]
fn a_purged_heap_keeps_its_blocks_and_little_else() {
    let heap = Heap::new();
    let blocks: Vec<_> = (0..100_000usize).map(|n| HeapBox::new_in(|| n, &heap).unwrap()).collect();
    let full = heap.capacity();
    let kept: Vec<_> = blocks.into_iter().step_by(50_000).collect();
    assert!(heap.purge() > 0, "{full}");
    assert_eq!(heap.purge(), 0, "once is enough");
    assert!(heap.capacity() < full / 4, "{} of {full}", heap.capacity());
    assert_eq!(kept.iter().map(|number| **number).collect::<Vec<_>>(), [0, 50_000]);
    assert_eq!(heap.validate(), Ok(()));
}

#[test]
fn zeroed_blocks_of_a_second_heap_are_zero() {
    let layout = Layout::from_size_align(200_000, 8).unwrap();
    for size in [100, 200_000] {
        let layout = Layout::from_size_align(size, 8).unwrap();
        for _ in 0..20 {
            let heap = Heap::new();
            for _ in 0..20 {
                let block = heap.alloc_zeroed(layout).unwrap();
                // SAFETY: the block is ours.
                unsafe {
                    assert!(block.as_ref().iter().all(|&byte| byte == 0));
                    block.cast::<u8>().write_bytes(0xff, size);
                }
            }
        }
    }
    assert!(Heap::new().alloc_zeroed(layout).is_ok());
}
