//! Values in arenas: the typed interface.

use std::cell::Cell;

use heap_arena::{Arena, TypedAlloc};
use heap_core::AllocError;

use crate::support::Meter;

#[test]
fn values_of_all_kinds_come_out_as_they_went_in() {
    let arena = Arena::new();
    let number = arena.alloc_value(7u128).unwrap();
    let text = arena.alloc_str("naïve").unwrap();
    let empty = arena.alloc_str("").unwrap();
    let copied = arena.alloc_slice_copy(&[1.5, 2.5]).unwrap();
    let cloned = arena.alloc_slice_clone(&["a", "b"].map(String::from)).unwrap();
    let made = arena.alloc_slice_fill_with(3, |n| n * 10).unwrap();
    let unit = arena.alloc_value(()).unwrap();
    let lazily = arena.alloc_with(|| [9u8; 300]).unwrap();
    assert_eq!((*number, &*text, &*empty, &*copied), (7, "naïve", "", &[1.5, 2.5][..]));
    assert_eq!(
        (&*cloned, &*made, *unit, lazily[299]),
        (&["a", "b"].map(String::from)[..], &[0, 10, 20][..], (), 9)
    );
    // SAFETY: strings put into an arena are not dropped by it; each of these is dropped once, here.
    unsafe { std::ptr::drop_in_place(cloned) };
}

#[test]
fn over_aligned_and_zero_sized_values_are_where_they_should_be() {
    #[repr(align(256))]
    struct Wide(#[expect(dead_code)] u8);
    #[repr(align(64))]
    struct Nothing;
    let arena = Arena::new();
    for _ in 0..5 {
        assert_eq!(std::ptr::from_mut(arena.alloc_value(Wide(1)).unwrap()).addr() % 256, 0);
        assert_eq!(std::ptr::from_mut(arena.alloc_value(Nothing).unwrap()).addr() % 64, 0);
    }
    assert_eq!(arena.alloc_iter((0..1000).map(|_| Nothing)).unwrap().len(), 1000);
    assert!(arena.alloc_slice_uninit::<Nothing>(usize::MAX).is_ok());
}

/// An iterator that says what it likes about its length.
struct Liar {
    left: u32,
    hint: usize,
}

impl Iterator for Liar {
    type Item = u32;
    fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        Some(self.left)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.hint, Some(self.hint))
    }
}

#[test]
fn an_iterator_that_lies_about_its_length_is_collected_all_the_same() {
    let arena = Arena::new();
    for hint in [0, 1, 3, 1000] {
        let values = arena.alloc_iter(Liar { left: 100, hint }).unwrap();
        assert!(values.iter().eq((0..100).rev().collect::<Vec<_>>().iter()));
    }
    let used = arena.used();
    assert_eq!(arena.alloc_iter(Liar { left: 100, hint: usize::MAX }), Err(AllocError));
    assert_eq!(arena.used(), used);
}

#[test]
fn an_iterator_may_allocate_from_the_same_arena() {
    let arena = Arena::new();
    let words =
        arena.alloc_iter((0..50).filter(|n| n % 2 == 0).map(|n| arena.alloc_str(&n.to_string()).unwrap()));
    let words = words.unwrap();
    assert!(words.iter().zip((0..50).step_by(2)).all(|(word, n)| **word == n.to_string()));
}

#[test]
fn a_collected_slice_takes_no_more_room_than_it_needs() {
    let arena = Arena::new();
    arena.alloc_iter((0..1000u32).filter(|n| *n < 10)).unwrap();
    assert_eq!(arena.used(), 40);
    arena.alloc_iter((0..1000u32).filter(|n| *n > 5000)).unwrap();
    assert_eq!(arena.used(), 40);
}

/// Counts its drops.
#[derive(Debug)]
struct Counted<'a>(&'a Cell<usize>);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

#[test]
fn a_panicking_iterator_leaves_no_value_and_no_memory_behind() {
    let drops = Cell::new(0);
    let arena = Arena::new();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = arena.alloc_iter((0..10).map(|n| {
            assert!(n < 5, "as asked");
            Counted(&drops)
        }));
    }));
    assert!(panicked.is_err());
    assert_eq!((drops.get(), arena.used()), (5, 0));
}

#[test]
fn a_refused_value_is_dropped_and_closures_are_not_called() {
    let drops = Cell::new(0);
    let arena = Arena::new_in(Meter::default());
    arena.child().allow(0);
    assert!(arena.alloc_value(Counted(&drops)).is_err());
    assert!(arena.alloc_with(|| -> Counted { unreachable!("there is no room") }).is_err());
    assert!(arena.alloc_slice_fill_with(3, |_| -> Counted { unreachable!("there is no room") }).is_err());
    assert!(arena.alloc_drop(String::from("x")).is_err());
    assert_eq!(drops.get(), 1);
    arena.child().allow(600);
    assert!(arena.alloc_iter((0..1000).filter(|_| true).map(|_| Counted(&drops))).is_err());
    assert!(drops.get() > 1);
    assert!(arena.alloc_slice_uninit::<u64>(usize::MAX / 8 + 1).is_err());
}

#[test]
fn a_value_that_is_not_dropped_by_the_arena_stays_undropped() {
    let drops = Cell::new(0);
    let arena = Arena::new();
    arena.alloc_value(Counted(&drops)).unwrap();
    arena.alloc_iter([Counted(&drops), Counted(&drops)]).unwrap();
    drop(arena);
    assert_eq!(drops.get(), 0);
}
