//! [`Affix`]: the values beside the blocks stay theirs.

use heap_compose::Affix;
use heap_core::Allocator;

use crate::support::{buffer, layout, strict};

type Words<A> = Affix<A, u64, [u8; 3]>;

#[test]
fn affixes_go_with_their_block_wherever_it_goes() {
    let heap = Words::new(strict(), 0, [0; 3]);
    let blocks: Vec<_> = (0..50u8)
        .map(|nth| {
            let layout = layout(usize::from(nth) + 1, 1 << (nth % 8));
            let block = heap.alloc(layout).unwrap().cast::<u8>();
            // SAFETY: live with this layout.
            unsafe {
                Words::<()>::prefix(block).write(u64::from(nth));
                Words::<()>::suffix(block, layout).unwrap().write([nth; 3]);
            }
            (block, layout, nth)
        })
        .collect();
    for (block, old, nth) in blocks {
        let new = layout(old.size() * 7, old.align());
        // SAFETY: live with the old layout, and then with the new one.
        unsafe {
            let Some(moved) = heap.remap(block, old, new.size()) else {
                heap.free(block, old);
                continue;
            };
            assert_eq!(Words::<()>::prefix(moved.cast()).read(), u64::from(nth));
            assert_eq!(Words::<()>::suffix(moved.cast(), new).unwrap().read(), [nth; 3]);
            heap.free(moved.cast(), new);
        }
    }
    assert!(heap.child().live().is_empty());
}

#[test]
fn a_suffix_moves_with_the_end_and_stays_when_the_child_refuses() {
    let heap = Words::new(buffer(100), 1, [2; 3]);
    let (block, old) = (heap.alloc(layout(20, 1)).unwrap().cast::<u8>(), layout(20, 1));
    // SAFETY: live with the old layout, and with each that a resize agrees to.
    unsafe {
        Words::<()>::suffix(block, old).unwrap().write([9; 3]);
        for size in [40, 10, 77] {
            block.write_bytes(0xEE, 10);
            assert!(heap.resize(block, layout(20, 1), size));
            assert_eq!(Words::<()>::suffix(block, layout(size, 1)).unwrap().read(), [9; 3]);
            assert!(heap.resize(block, layout(size, 1), 20));
        }
        assert!(!heap.resize(block, old, 90), "no room for the suffix");
        assert_eq!(Words::<()>::suffix(block, old).unwrap().read(), [9; 3]);
        assert_eq!(Words::<()>::prefix(block).read(), 1);
        heap.free(block, old);
    }
}

#[test]
fn affixes_are_aligned_at_every_alignment_of_the_block() {
    let heap = Affix::<_, u64, u128>::new(strict(), 5, 6);
    for align in (0..13).map(|log2| 1 << log2) {
        for size in [1, 7, 16, 100] {
            let layout = layout(size, align);
            let block = heap.alloc(layout).unwrap().cast::<u8>();
            // SAFETY: live with this layout. Reading a misaligned value would abort here, with debug assertions.
            unsafe {
                assert_eq!(Affix::<(), u64, u128>::prefix(block).read(), 5);
                assert_eq!(Affix::<(), u64, u128>::suffix(block, layout).unwrap().read(), 6);
                block.write_bytes(0xFF, size);
                assert_eq!(Affix::<(), u64, u128>::prefix(block).read(), 5);
                assert_eq!(Affix::<(), u64, u128>::suffix(block, layout).unwrap().read(), 6);
                heap.free(block, layout);
            }
        }
    }
}
