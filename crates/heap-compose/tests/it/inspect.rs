//! [`Inspect`]: every operation is seen, once, with its outcome.

use core::cell::RefCell;

use heap_arena::Arena;
use heap_compose::{Cascade, Event, Inspect, Scoped};
use heap_core::{AllocError, Allocator, Owns};

use crate::support::{Log, Strict, alloc, buffer, free, layout, remap, resize, strict};

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

/// Calls a function at the next event of a kind, once.
struct Once {
    kind: fn(&Event) -> bool,
    call: RefCell<Option<Box<dyn FnOnce()>>>,
}

impl Once {
    fn leaked(kind: fn(&Event) -> bool) -> &'static Self {
        Box::leak(Box::new(Self { kind, call: RefCell::default() }))
    }

    fn at_next(&self, call: impl FnOnce() + 'static) {
        *self.call.borrow_mut() = Some(Box::new(call));
    }

    fn see(&self, event: Event) {
        let call = if (self.kind)(&event) { self.call.borrow_mut().take() } else { None };
        call.into_iter().for_each(|call| call());
    }
}

/// Each of the cascade's children has one block, and what sees the calls frees that of an older one.
#[test]
fn children_of_a_cascade_may_lose_their_last_block_while_they_are_asked() {
    let kinds: [fn(&Event) -> bool; 2] = [
        |event| matches!(event, Event::Alloc { block: Ok(_), .. }),
        |event| matches!(event, Event::Alloc { block: Err(_), .. }),
    ];
    for kind in kinds {
        let once = Once::leaked(kind);
        let child: &'static Strict = Box::leak(Box::new(strict()));
        let heap = Box::leak(Box::new(Cascade::new(move |bytes: usize| {
            let arena = Arena::with_capacity_in(bytes.max(1000), child).ok()?;
            arena.set_limit(Some(arena.held()));
            Some(Inspect::new(arena, |event| once.see(event)))
        })));
        let blocks = [500, 700, 900].map(|size| (alloc(&*heap, size), size));
        assert_eq!(heap.count(), 3);
        let heap = &*heap;
        let [(oldest, _), (middle, _), _] = blocks;
        once.at_next(move || {
            free(heap, middle, 700);
            free(heap, oldest, 500);
        });
        // Only the oldest has room for it.
        let block = heap.alloc(layout(200, 1)).unwrap().cast::<u8>();
        assert!(once.call.borrow().is_none(), "called");
        assert!(heap.owns(block), "its child is there");
        // SAFETY: our block.
        unsafe { block.write_bytes(1, 200) };
        free(heap, block, 200);
        free(heap, blocks[2].0, 900);
        assert_eq!((heap.count(), child.live().len(), child.faults()), (1, 1, vec![]));
    }
}

#[test]
fn neighbours_of_a_block_that_moves_in_a_scope_may_go_meanwhile() {
    let once = Once::leaked(|event| matches!(event, Event::Remap { moved: Some(_), .. }));
    let child: &'static Strict = Box::leak(Box::new(strict()));
    let scope = Box::into_raw(Box::new(Scoped::new(Inspect::new(child, |event| once.see(event)))));
    // SAFETY: it lives until the end of this function.
    let heap = unsafe { &*scope };
    let [before, block, behind] = [100, 100, 100].map(|size| alloc(heap, size));
    once.at_next(move || {
        free(heap, before, 100);
        free(heap, behind, 100);
    });
    remap(heap, block, 100, 100_000).unwrap();
    assert!(once.call.borrow().is_none(), "called");
    // SAFETY: not used again.
    drop(unsafe { Box::from_raw(scope) });
    assert_eq!((child.live(), child.faults()), (vec![], vec![]));
}
