//! [`GuardedPageAllocator`]; that its guards fault is in `process`.

use std::alloc::Layout;

use heap_core::Allocator;
use heap_os::{GuardedPageAllocator, page_size};

heap_test::conformance!(suite, || GuardedPageAllocator; sync);

#[test]
fn every_block_ends_at_a_page_if_its_size_allows() {
    for (size, align) in [(1, 1), (100, 4), (4096, 1), (5000, 8), (8, 1 << 16), (1 << 20, 1 << 21)] {
        let layout = Layout::from_size_align(size, align).unwrap();
        let block = GuardedPageAllocator.alloc(layout).unwrap();
        assert_eq!(block.len(), size);
        let end = block.cast::<u8>().addr().get() + layout.pad_to_align().size();
        assert_eq!(end % page_size(), 0);
        // SAFETY: our block.
        unsafe {
            block.cast::<u8>().write_bytes(1, size);
            GuardedPageAllocator.free(block.cast(), layout);
        }
    }
}

#[test]
fn absurd_sizes_are_refused() {
    let half = 1 << (usize::BITS - 2);
    for (size, align) in [(isize::MAX as usize, 1), (half, half)] {
        assert!(GuardedPageAllocator.alloc(Layout::from_size_align(size, align).unwrap()).is_err());
    }
}
