//! [`Cascade`]: when children are made, and when they go.

use core::alloc::Layout;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;
use std::rc::Rc;

use heap_arena::Arena;
use heap_compose::{Cascade, Limit};
use heap_core::{AllocError, Allocator, Owns, Reset, Usage};
use heap_test::CountingAllocator;

use crate::support::{Strict, alloc, free, layout, remap, resize, strict};

/// Makes arenas of `len` bytes that do not grow, over one child that sees all.
fn arenas<'a>(
    child: &'a Strict,
    len: usize,
) -> Cascade<Arena<&'a Strict>, impl Fn(usize) -> Option<Arena<&'a Strict>>> {
    Cascade::new(move |bytes| {
        let arena = Arena::with_capacity_in(bytes.max(len), child).ok()?;
        arena.set_limit(Some(arena.held()));
        Some(arena)
    })
}

#[test]
fn a_full_child_is_followed_by_another_and_an_empty_one_goes() {
    let child = strict();
    let heap = arenas(&child, 1000);
    assert_eq!((heap.count(), child.live().len()), (0, 0), "nothing is asked for before the first request");
    let blocks: Vec<_> = (0..6).map(|_| alloc(&heap, 400)).collect();
    assert_eq!((heap.count(), child.live().len()), (3, 3));
    free(&heap, blocks[2], 400);
    assert_eq!(heap.count(), 3, "a block of it is left");
    free(&heap, blocks[3], 400);
    assert_eq!((heap.count(), child.live().len()), (2, 2), "a child from the middle goes");
    for nth in [0, 1, 4, 5] {
        free(&heap, blocks[nth], 400);
    }
    assert_eq!((heap.count(), child.live().len()), (1, 1), "the newest stays");
    drop(heap);
    assert!(child.live().is_empty());
}

#[test]
fn the_newest_child_goes_when_it_is_empty_and_too_small() {
    let child = strict();
    let heap = arenas(&child, 1000);
    let small = alloc(&heap, 10);
    free(&heap, small, 10);
    let large = alloc(&heap, 5000);
    assert_eq!(heap.count(), 1);
    free(&heap, large, 5000);
}

#[test]
fn older_children_serve_what_still_fits() {
    let child = strict();
    let heap = arenas(&child, 1000);
    let blocks = [alloc(&heap, 600), alloc(&heap, 900)];
    assert_eq!(heap.count(), 2);
    let third = alloc(&heap, 200);
    assert_eq!(heap.count(), 2);
    assert!(heap.used() >= 1700 && heap.capacity() >= heap.used());
    assert!(heap.owns(third) && !heap.owns(core::ptr::NonNull::from(&0_u8)));
    assert!(resize(&heap, third, 200, 100), "the block's own child is asked");
    assert!(
        !resize(&heap, third, 100, 0) && remap(&heap, third, 100, 0).is_none(),
        "its end would not be seen"
    );
    free(&heap, third, 100);
    free(&heap, blocks[0], 600);
    free(&heap, blocks[1], 900);
}

#[test]
fn a_child_that_disappoints_is_dropped_and_asked_for_no_more() {
    let child = strict();
    let asked = RefCell::new(Vec::new());
    let heap = Cascade::new(|bytes| {
        asked.borrow_mut().push(bytes);
        // Room for the child's own place in the list, and for little else.
        Some(Limit::new(Arena::new_in(&child), 200))
    });
    assert!(heap.alloc(layout(1000, 8)).is_err());
    assert_eq!((heap.count(), asked.borrow().len(), child.live().len()), (0, 1, 0));
    assert!(asked.borrow()[0] >= 1000, "a child is told what it must hold");
    assert!(heap.alloc(layout(isize::MAX as usize - 8, 8)).is_err(), "nor is anything absurd asked for");
}

#[test]
fn no_child_is_out_of_memory() {
    let open = Cell::new(false);
    let heap = Cascade::new(|_| open.get().then(Arena::new));
    assert!(heap.alloc(layout(8, 8)).is_err());
    open.set(true);
    let block = alloc(&heap, 8);
    free(&heap, block, 8);
}

#[test]
fn a_reset_drops_the_children_with_all_their_blocks() {
    let child = CountingAllocator::new(strict());
    let mut heap = Cascade::new(|bytes| {
        let arena = Arena::with_capacity_in(bytes, &child).ok()?;
        arena.set_limit(Some(arena.held()));
        Some(arena)
    });
    for _ in 0..10 {
        alloc(&heap, 500);
    }
    assert!(heap.count() >= 5);
    heap.reset();
    assert_eq!((heap.count(), child.inner().live().len()), (0, 0));
    alloc(&heap, 500);
}

/// Handles of one allocator are one allocator (A5): whichever of them is found, none goes while a block of it lives.
#[test]
fn children_may_be_handles_of_one_allocator() {
    let child = strict();
    let arena = Rc::new(Arena::new_in(&child));
    let heap = Cascade::new(move |bytes| Some(Handle(Rc::clone(&arena), Cell::new(bytes))));
    let blocks: Vec<_> = (0..5).map(|_| alloc(&heap, 100)).collect();
    assert_eq!(heap.count(), 5);
    for block in blocks {
        assert!(!child.live().is_empty(), "the arena lives as long as its blocks");
        free(&heap, block, 100);
        free(&heap, alloc(&heap, 1000), 1000);
    }
    drop(heap);
    assert!(child.live().is_empty());
}

/// A share of an arena, with a budget that it does not get back.
struct Handle<'a>(Rc<Arena<&'a Strict>>, Cell<usize>);

// SAFETY: every call goes to the arena, which all handles share and keep alive.
unsafe impl Allocator for Handle<'_> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let rest = self.1.get().checked_sub(layout.size() + layout.align()).ok_or(AllocError)?;
        self.1.set(rest);
        self.0.alloc(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.resize(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { self.0.free(block, layout) }
    }
}

// SAFETY: the arena's answer.
unsafe impl Owns for Handle<'_> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.0.owns(block)
    }
}
