//! [`BreakAllocator`](heap_os::BreakAllocator) at the bounds of what addresses can say, which are near on 32 bits.

use heap_core::Allocator;

use crate::growing::{PAGE, layout, new, numbered};

/// The sums of an absurd request overflow on 32 bits once there is memory. A panic there would hold the lock for good.
#[test]
fn after_absurd_requests_the_next_call_is_served() {
    let alloc = new();
    let block = numbered(&alloc, 3 * PAGE);
    for align in (0..usize::BITS - 1).map(|log2| 1 << log2) {
        let largest = layout(isize::MAX as usize + 1 - align, align);
        assert!(alloc.alloc(largest).is_err(), "{largest:?}");
        assert!(alloc.alloc_zeroed(largest).is_err(), "{largest:?}");
    }
    // SAFETY: our block; what is refused leaves it as it is.
    unsafe {
        for size in [isize::MAX as usize - PAGE, isize::MAX as usize, isize::MAX as usize + 1, usize::MAX] {
            assert!(!alloc.resize(block, layout(3 * PAGE, 1), size));
            assert!(alloc.remap(block, layout(3 * PAGE, 1), size).is_none());
        }
        alloc.free(block, layout(3 * PAGE, 1));
    }
    numbered(&alloc, 3 * PAGE);
}

/// Sizes that fit into `isize`, but not at this alignment: no layout has them.
#[test]
fn a_size_that_is_no_layout_is_refused() {
    let alloc = new();
    let (align, page) = (1 << 20, layout(PAGE, 1 << 20));
    let block = alloc.alloc(page).unwrap().cast();
    // SAFETY: our block; what is refused leaves it as it is.
    unsafe {
        assert!(!alloc.resize(block, page, isize::MAX as usize + 2 - align));
        assert!(alloc.remap(block, page, isize::MAX as usize + 2 - align).is_none());
        alloc.free(block, page);
    }
}

/// Two pieces at the ends of 32 bits: the map of what lies between counts more bytes than an address has.
#[cfg(all(target_pointer_width = "32", target_os = "linux"))]
#[test]
fn a_map_from_end_to_end_of_the_addresses_is_large_enough() {
    use std::cell::RefCell;
    use std::ptr::NonNull;

    use heap_os::{Break, BreakAllocator, pages};

    /// What is left of the pieces; the last is next.
    struct Pieces(RefCell<Vec<(NonNull<u8>, usize)>>);

    // SAFETY: mappings that are never undone, each handed out once, in ascending order; one thread.
    unsafe impl Break for Pieces {
        const THREADS: bool = false;
        fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
            self.0.borrow_mut().pop().filter(|&(_, have)| len <= have)
        }
    }

    // Alone: other tests would have the addresses.
    crate::process::succeeds("break_bounds::a_map_from_end_to_end_of_the_addresses_is_large_enough", || {
        let (low_len, high_len) = (16 * PAGE, 160 << 20);
        let low = pages::map_near(low_len, 1, (16 << 20) + low_len).unwrap();
        let high = pages::map_near(high_len, 1, 0).unwrap();
        let distance = high.addr().get().wrapping_sub(low.addr().get());
        assert!(
            high > low && distance > usize::MAX / 5 * 4,
            "{low:?} and {high:?} do not lie as this test needs"
        );
        let alloc = BreakAllocator::over(Pieces(RefCell::new(vec![(high, high_len), (low, low_len)])));
        let blocks: Vec<_> = (0..200).map(|_| numbered(&alloc, 100_000)).collect();
        assert!(blocks.iter().any(|&block| block > high));
        for block in blocks {
            // SAFETY: our blocks.
            unsafe { alloc.free(block, layout(100_000, 1)) };
        }
        assert!(alloc.alloc(layout(20_000_000, 1)).is_ok(), "they became one");
    });
}
