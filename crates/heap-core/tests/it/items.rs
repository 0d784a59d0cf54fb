//! Spec 15.12: single values.

use core::cell::Cell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::support::{Arena, Call, Null, Recorder, SOIL};
use heap_core::{Alignment, AllocError, AllocatorExt};

/// What the helpers write over fresh and freed bytes in this build, where it would otherwise be `before`.
pub(crate) fn filled(before: u8) -> u8 {
    if cfg!(debug_assertions) && !cfg!(miri) { 0xAA } else { before }
}

#[test]
fn a_value_is_made_in_its_block_and_dropped_with_it() {
    let recorder = Recorder::default();
    let token = Rc::new(());
    let item = recorder.create_with(|| (5_u64, Rc::clone(&token))).unwrap();
    // SAFETY: a live, initialised value; not used after the second line.
    unsafe {
        assert_eq!(item.as_ref().0, 5);
        recorder.destroy(item);
    }
    assert_eq!(Rc::strong_count(&token), 1);
    let size = size_of::<(u64, Rc<()>)>();
    assert_eq!(recorder.take(), [Call::Alloc(size), Call::Free(size)]);
}

#[test]
fn without_memory_the_value_is_not_even_made() {
    let made = Cell::new(false);
    assert_eq!(Null.create_with(|| made.set(true)).err(), None, "() needs no memory");
    assert!(made.take());
    assert_eq!(Null.create_with(|| made.replace(true)), Err(AllocError));
    assert!(!made.get());
    assert_eq!(Null.create::<u32>(), Err(AllocError));
}

#[test]
fn a_panic_while_a_value_is_made_or_dropped_leaks_no_block() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("while dropped");
        }
    }
    let recorder = Recorder::default();
    let made = catch_unwind(AssertUnwindSafe(|| recorder.create_with(|| -> u32 { panic!("while made") })));
    assert!(made.is_err());
    assert_eq!(recorder.take(), [Call::Alloc(4), Call::Free(4)]);

    let item = recorder.create_with(|| (Bomb, 1_u8)).unwrap();
    // SAFETY: a live value, not used again.
    let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { recorder.destroy(item) }));
    assert!(dropped.is_err());
    assert_eq!(recorder.take(), [Call::Alloc(1), Call::Free(1)]);
}

#[test]
fn unsized_values_are_destroyed_with_their_own_layout() {
    let recorder = Recorder::default();
    let item: NonNull<dyn core::fmt::Debug> = recorder.create_with(|| [1_u16, 2, 3]).unwrap();
    // SAFETY: a live value, not used again.
    unsafe { recorder.destroy(item) };
    let words = recorder.alloc_slice_with(2, |i| i.to_string()).unwrap();
    // SAFETY: live values, not used again.
    unsafe { recorder.destroy(words) };
    let two = 2 * size_of::<String>();
    assert_eq!(recorder.take(), [Call::Alloc(6), Call::Free(6), Call::Alloc(two), Call::Free(two)]);
}

/// D-AL-01
#[test]
fn a_value_of_size_zero_needs_no_allocator() {
    let item = Null.create::<[u64; 0]>().unwrap();
    assert!(item.is_aligned());
    // SAFETY: nothing is there, and nothing happens.
    unsafe { Null.destroy(item) };
    let line = Alignment::new(64).unwrap();
    let item = Null.create_aligned::<()>(line).unwrap();
    assert!(line.is_aligned(item.addr().get()));
    // SAFETY: as above.
    unsafe { Null.destroy_aligned(item, line) };
}

/// D-AL-06
#[test]
fn a_fresh_block_is_filled_in_debug_builds_and_untouched_in_release_builds() {
    let arena = Arena::new();
    let item = arena.create::<[u8; 24]>().unwrap();
    assert_eq!(arena.look(item.cast(), 24), [filled(SOIL); 24]);
    assert_eq!(arena.look(item.cast(), 32)[24..], [SOIL; 8], "bytes that nobody asked for");
}

/// D-AL-07
#[test]
fn destroying_fills_as_freeing_does() {
    let arena = Arena::new();
    let item = arena.create_with(|| [3_u8; 24]).unwrap();
    // SAFETY: a live value, not used again.
    unsafe { arena.destroy(item) };
    assert_eq!(arena.look(item.cast(), 24), [filled(3); 24]);
    assert_eq!(arena.frees.get(), 1);
}

/// D-AL-12
#[test]
fn an_over_aligned_value_goes_back_with_its_alignment() {
    let recorder = Recorder::default();
    for log2 in 0..=16 {
        let align = Alignment::from_log2(log2).unwrap();
        let item: NonNull<MaybeUninit<u32>> = recorder.create_aligned(align).unwrap();
        assert!(align.max(Alignment::of::<u32>()).is_aligned(item.addr().get()));
        // SAFETY: live, and not used again. The recorder checks that the layout is the same.
        unsafe { recorder.destroy_aligned(item, align) };
    }
    assert_eq!(recorder.create_aligned::<u8>(Alignment::MAX), Err(AllocError));
    recorder.take();
    let huge = Alignment::from_log2((usize::BITS - 2) as _).unwrap();
    assert_eq!(Null.create_aligned::<u64>(huge), Err(AllocError));
}
