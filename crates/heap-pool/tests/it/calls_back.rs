//! A child that asks the pool above it for a slot while it serves it, as where a function of the client's sees each call.

use std::alloc::Layout;
use std::cell::RefCell;
use std::ptr::NonNull;

use heap_core::{AllocError, Allocator, Global};
use heap_pool::{PoolOptions, RawPool};

/// The global allocator, which calls a function at its next call, once.
#[derive(Default)]
struct Calling(RefCell<Option<Box<dyn FnOnce()>>>);

// SAFETY: `Global`'s; what is called changes no block.
unsafe impl Allocator for Calling {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let call = self.0.take();
        call.into_iter().for_each(|call| call());
        Global.alloc(layout)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise is the same.
        unsafe { Global.resize(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise is the same.
        unsafe { Global.free(block, layout) };
    }
}

#[test]
fn no_slot_is_lost_when_the_child_asks_for_one() {
    let child: &'static Calling = Box::leak(Box::default());
    let pool: &'static RawPool<&Calling> = Box::leak(Box::new(RawPool::new_in(Layout::new::<u64>(), child)));
    *child.0.borrow_mut() = Some(Box::new(|| _ = pool.alloc_slot().unwrap()));
    pool.alloc_slot().unwrap();
    assert_eq!(pool.live(), 2);
    let slots = pool.slots();
    let mut taken: Vec<_> = (2..slots).map(|_| pool.alloc_slot().unwrap()).collect();
    assert_eq!((pool.live(), pool.slots()), (slots, slots), "all that there were, and no others");
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), slots - 2);
}

#[test]
fn a_pool_that_may_not_grow_does_not_when_the_child_asks_for_a_slot() {
    let child: &'static Calling = Box::leak(Box::default());
    let options = PoolOptions::new().growable(false);
    let mut pool = RawPool::with_options_in(Layout::new::<u64>(), options, child);
    pool.preheat(10).unwrap();
    // From now on it may fetch them again.
    pool.reset(heap_pool::ResetMode::FreeAll);
    let pool: &'static RawPool<&Calling> = Box::leak(Box::new(pool));
    *child.0.borrow_mut() = Some(Box::new(|| _ = pool.alloc_slot()));
    while pool.alloc_slot().is_ok() {}
    assert_eq!((pool.live(), pool.slots()), (10, 10));
}
