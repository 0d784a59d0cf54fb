//! Marks, rewinds and scopes of an arena.

use std::cell::RefCell;

use heap_arena::{Arena, Rewind, ScopeGuard, TypedAlloc};
use heap_core::{AllocError, Allocator};

use crate::support::{Meter, at, layout};

#[test]
fn a_rewind_returns_to_the_mark_and_keeps_what_was_before() {
    let arena = Arena::new();
    let kept = arena.alloc(layout(100, 1)).unwrap();
    // SAFETY: ours.
    unsafe { kept.cast::<u8>().write_bytes(0x11, 100) };
    let mark = arena.mark();
    let first = arena.alloc(layout(50, 1)).unwrap();
    for _ in 0..100 {
        arena.alloc(layout(500, 8)).unwrap();
    }
    let high = arena.used();
    // SAFETY: nothing made since the mark is used.
    unsafe { arena.rewind(mark) };
    assert_eq!((arena.used(), arena.high_water()), (100, high));
    assert_eq!(at(arena.alloc(layout(50, 1)).unwrap()), at(first));
    // SAFETY: made before the mark.
    assert!(unsafe { kept.as_ref() }.iter().all(|&byte| byte == 0x11));
}

#[test]
fn a_rewind_to_the_very_start_works() {
    let arena = Arena::new_in(Meter::default());
    let mark = arena.mark();
    for _ in 0..3 {
        arena.alloc(layout(5000, 8)).unwrap();
        // SAFETY: nothing made since the mark is used.
        unsafe { arena.rewind(mark) };
        assert_eq!((arena.used(), arena.chunks()), (0, 1));
    }
    assert_eq!(arena.child().calls.get().alloc, 1, "the chunk serves each round");
}

#[test]
fn scopes_across_a_chunk_border_settle_without_child_calls() {
    let mut arena = Arena::new_in(Meter::default());
    arena.alloc(layout(300, 1)).unwrap();
    let mut round = |sizes: &[usize]| {
        let mut guard = arena.scope();
        let scope = guard.enter();
        for &size in sizes {
            scope.alloc(layout(size, 1)).unwrap();
        }
        drop(guard);
        assert_eq!(arena.used(), 300);
        arena.child().calls.get().alloc
    };
    for _ in 0..4 {
        round(&[100, 400, 3000, 10, 5000]);
    }
    let calls = round(&[100, 400, 3000, 10, 5000]);
    for _ in 0..10 {
        assert_eq!(round(&[100, 400, 3000, 10, 5000]), calls);
    }
    assert!(arena.chunks() <= 2);
    assert_eq!(arena.held(), arena.child().live_bytes());
    drop(arena);
}

#[test]
fn a_spare_that_does_not_fit_gives_way_when_memory_is_short() {
    let arena = Arena::new_in(Meter::default());
    arena.set_limit(Some(4096));
    arena.alloc(layout(100, 1)).unwrap();
    let mark = arena.mark();
    arena.alloc(layout(2000, 1)).unwrap();
    // SAFETY: nothing made since the mark is used.
    unsafe { arena.rewind(mark) };
    assert_eq!(arena.child().sizes(), [512, 2016]);
    arena.alloc(layout(3000, 1)).unwrap();
    assert_eq!(arena.child().sizes(), [512, 3016]);
    assert!(arena.alloc(layout(2000, 1)).is_err());
}

#[test]
fn nested_scopes_return_one_by_one() {
    let mut arena = Arena::new();
    let depth_3 = arena.scoped(|mut one| {
        let a = one.alloc_value(1)?;
        let sum = one.scoped(|mut two| {
            let b = two.alloc_value(2)?;
            let mut guard: ScopeGuard<'_, _> = two.scope();
            let three = guard.enter();
            let c = three.alloc_slice_copy(&[3; 100])?;
            Ok::<_, AllocError>(c.iter().sum::<i32>() + *b)
        })?;
        let d = one.alloc_value(4)?;
        assert_eq!(at(d.into()), at((&mut *a).into()) + 4, "the inner scopes left nothing");
        Ok::<_, AllocError>(sum + *a + *d)
    });
    assert_eq!(depth_3, Ok(300 + 2 + 1 + 4));
    assert_eq!(arena.used(), 0);
}

#[test]
fn collections_live_in_a_scope() {
    let mut arena = Arena::new();
    let total = arena.scoped(|scope| {
        let mut list = allocator_api2_02::vec::Vec::new_in(&scope);
        list.extend(0..1000);
        list.iter().sum::<i32>()
    });
    assert_eq!((total, arena.used()), (499_500, 0));
}

struct Noted<'a>(u32, &'a RefCell<Vec<u32>>);

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        self.1.borrow_mut().push(self.0);
    }
}

#[test]
fn a_scope_drops_its_values_in_reverse_before_the_outer_ones() {
    let log = RefCell::new(Vec::new());
    let mut arena = Arena::new();
    arena.scoped(|mut outer| {
        outer.alloc_drop(Noted(1, &log)).map_err(drop).unwrap();
        outer.scoped(|inner| {
            inner.alloc_drop(Noted(2, &log)).map_err(drop).unwrap();
            inner.alloc_drop(Noted(3, &log)).map_err(drop).unwrap();
        });
        outer.alloc_drop(Noted(4, &log)).map_err(drop).unwrap();
    });
    assert_eq!(*log.borrow(), [3, 2, 4, 1]);
}

#[test]
fn a_leaked_guard_drops_nothing_and_the_arena_lives_on() {
    let mut arena = Arena::new();
    {
        let log = RefCell::new(Vec::new());
        let mut guard = arena.scope();
        guard.enter().alloc_drop(Noted(1, &log)).map_err(drop).unwrap();
        std::mem::forget(guard);
    }
    assert!(arena.used() > 0);
    arena.reset(heap_arena::ResetMode::FreeAll);
    assert_eq!(arena.used(), 0);
}

#[test]
fn a_panic_in_a_scope_rewinds_it() {
    let log = RefCell::new(Vec::new());
    let mut arena = Arena::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        arena.scoped(|scope| {
            scope.alloc_drop(Noted(1, &log)).map_err(drop).unwrap();
            panic!("as asked");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!((arena.used(), log.into_inner()), (0, vec![1]));
}

#[test]
fn a_rewind_drops_what_was_registered_since_the_mark() {
    let one = std::sync::Arc::new(());
    let arena = Arena::new();
    arena.alloc_drop(one.clone()).unwrap();
    let mark = arena.mark();
    arena.alloc_drop(one.clone()).unwrap();
    arena.alloc_drop(one.clone()).unwrap();
    assert_eq!(std::sync::Arc::strong_count(&one), 4);
    // SAFETY: nothing made since the mark is used.
    unsafe { arena.rewind(mark) };
    assert_eq!(std::sync::Arc::strong_count(&one), 2);
    drop(arena);
    assert_eq!(std::sync::Arc::strong_count(&one), 1);
}
