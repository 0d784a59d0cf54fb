//! [`Inspect`]: every operation is seen, once, with its outcome.

use heap_compose::{Event, Inspect};
use heap_core::{AllocError, Allocator};

use crate::support::{Log, alloc, buffer, free, layout, remap, resize};

#[test]
fn every_operation_is_seen_with_its_outcome() {
    let log = Log::default();
    let heap = Inspect::new(buffer(100), |event| log.see(event));
    let block = alloc(&heap, 40);
    assert!(heap.alloc_zeroed(layout(70, 2)).is_err());
    assert!(resize(&heap, block, 40, 50));
    assert!(remap(&heap, block, 50, 500).is_none());
    free(&heap, block, 50);
    let [made, failed, resized, refused, freed] = log.take()[..] else { panic!("not five events") };
    let given = core::ptr::NonNull::slice_from_raw_parts(block, 40);
    assert_eq!(made, Event::Alloc { layout: layout(40, 1), zeroed: false, block: Ok(given) });
    assert_eq!(failed, Event::Alloc { layout: layout(70, 2), zeroed: true, block: Err(AllocError) });
    assert_eq!(resized, Event::Resize { block, layout: layout(40, 1), new_size: 50, done: true });
    assert_eq!(refused, Event::Remap { block, layout: layout(50, 1), new_size: 500, moved: None });
    assert_eq!(freed, Event::Free { block, layout: layout(50, 1) });
}

#[test]
fn a_block_can_be_read_when_its_free_is_seen() {
    let last = core::cell::Cell::new(0);
    let heap = Inspect::new(buffer(100), |event| {
        if let Event::Free { block, .. } = event {
            // SAFETY: the block is live and was written.
            last.set(unsafe { block.read() });
        }
    });
    let block = alloc(&heap, 1);
    // SAFETY: live.
    unsafe { block.write(77) };
    free(&heap, block, 1);
    assert_eq!(last.get(), 77);
}
