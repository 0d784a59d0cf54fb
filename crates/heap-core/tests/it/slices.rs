//! Spec 15.12: slices, with every zero and every overflow.

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::items::filled;
use crate::support::{Arena, Call, Null, Recorder, SOIL};
use heap_core::{Alignment, AllocError, Allocator, AllocatorExt, Global};

/// U-AL-01
#[test]
fn an_allocator_without_memory_says_so() {
    assert_eq!(Null.alloc_slice::<u8>(10).err(), Some(AllocError));
    assert_eq!(Null.alloc_slice_zeroed::<u8>(10).err(), Some(AllocError));
    assert_eq!(Null.dupe(b"ten").err(), Some(AllocError));
    assert_eq!(Null.alloc_slice_with::<u8>(10, |_| unreachable!()).err(), Some(AllocError));
}

/// U-AL-02
#[test]
fn growing_by_ten_elements_in_place_succeeds_or_changes_nothing() {
    fn grow<T: Copy + PartialEq + core::fmt::Debug>(alloc: &dyn Allocator, value: T) {
        let slice = alloc.alloc_slice_with(100, |_| value).unwrap();
        // SAFETY: live; after a success it has ten more elements, uninitialised until written.
        unsafe {
            let count = if alloc.resize_slice(slice, 110) { 110 } else { 100 };
            let slice = NonNull::slice_from_raw_parts(slice.cast::<T>(), count);
            (100..count).for_each(|i| slice.cast::<T>().add(i).write(value));
            assert!(slice.as_ref().iter().all(|element| *element == value));
            alloc.free_slice(slice);
        }
    }
    macro_rules! each {
        ($alloc:expr, $($width:ty),+) => { $(grow::<$width>($alloc, 7 as $width);)+ };
    }
    let (arena, recorder) = (Arena::new(), Recorder::default());
    for alloc in [&arena as &dyn Allocator, &recorder, &Global] {
        each!(alloc, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64);
    }
}

/// U-AL-03, D-AL-10
#[test]
fn elements_of_size_zero_have_every_length_and_never_reach_the_allocator() {
    let ten = Null.alloc_slice::<()>(10).unwrap();
    // SAFETY: nothing is there to be misused.
    unsafe {
        let more = Null.remap_slice(ten, 200).unwrap();
        assert_eq!(more.len(), 200);
        assert!(Null.resize_slice(more, usize::MAX));
        let all = Null.realloc_slice(more, usize::MAX).unwrap();
        assert_eq!(all.len(), usize::MAX);
        assert_eq!(Null.realloc_slice(all, 0).unwrap().len(), 0);
        assert!(Null.resize_slice(ten, 0));
        Null.free_slice(ten);
    }
}

/// U-AL-04
#[test]
fn no_count_is_too_large_to_be_refused() {
    for count in [1, 1000, isize::MAX as usize, isize::MAX as usize + 1, usize::MAX - 1, usize::MAX] {
        assert_eq!(Null.alloc_slice::<u8>(count).err(), Some(AllocError));
        assert_eq!(Null.alloc_slice::<u64>(count).err(), Some(AllocError));
        assert!(Null.alloc_sentinel::<u8>(count, 0).is_err());
    }
}

/// U-AL-07
#[test]
fn a_pointer_to_an_array_is_freed_resized_and_moved_as_a_slice() {
    let recorder = Recorder::default();
    let array: NonNull<[u16; 4]> = recorder.create_with(|| [1, 2, 3, 4]).unwrap();
    // SAFETY: live; each call has the slice that the one before left.
    unsafe {
        assert!(!recorder.resize_slice::<u16>(array, 5));
        let slice: NonNull<[u16]> = recorder.remap_slice::<u16>(array, 5).unwrap();
        let slice = recorder.realloc_slice(slice, 4).unwrap();
        assert_eq!(slice.as_ref(), [1, 2, 3, 4]);
        recorder.free_slice::<u16>(slice.cast::<[u16; 4]>());
    }
}

/// D-AL-01
#[test]
fn no_elements_are_aligned_and_free_of_charge() {
    let none = Null.alloc_slice::<u64>(0).unwrap();
    assert!(none.is_empty() && none.cast::<u64>().is_aligned());
    let page = Alignment::new(4096).unwrap();
    let aligned = Null.alloc_slice_aligned::<u8>(0, page).unwrap();
    assert!(page.is_aligned(aligned.cast::<u8>().addr().get()));
    let zeroed = Null.alloc_slice_zeroed::<u64>(0).unwrap();
    let copy = Null.dupe::<u64>(&[]).unwrap();
    // SAFETY: nothing is there; `Null` would fail the test if it were asked.
    unsafe {
        Null.free_slice(none);
        Null.free_slice_aligned(aligned, page);
        Null.free_slice(zeroed);
        Null.free_slice(copy);
        Null.free_slice(NonNull::<[u64; 0]>::dangling() as NonNull<[u64]>);
    }
}

/// D-AL-02
#[test]
fn a_size_that_overflows_is_refused_before_it_reaches_the_allocator() {
    let recorder = Recorder::default();
    let slice = recorder.dupe(&[1_u64, 2]).unwrap();
    recorder.take();
    for count in [usize::MAX, usize::MAX / 8 + 1, isize::MAX as usize / 8 + 1] {
        assert_eq!(recorder.alloc_slice::<u64>(count), Err(AllocError));
        assert_eq!(recorder.alloc_slice_zeroed::<u64>(count), Err(AllocError));
        assert_eq!(recorder.alloc_slice_with::<u64>(count, |_| unreachable!()), Err(AllocError));
        // SAFETY: live; every refusal leaves it so.
        unsafe {
            assert!(!recorder.resize_slice(slice, count));
            assert_eq!(recorder.remap_slice(slice, count), None);
            assert_eq!(recorder.realloc_slice(slice, count), Err(AllocError));
        }
    }
    assert_eq!(recorder.take(), []);
    // SAFETY: live, not used again.
    unsafe { recorder.free_slice(slice) };
}

/// D-AL-03
#[test]
fn resize_and_remap_to_nothing_free_and_from_nothing_refuse() {
    let recorder = Recorder::default();
    let one = recorder.dupe(b"one").unwrap();
    let two = recorder.dupe(b"two").unwrap();
    let none = recorder.alloc_slice::<u8>(0).unwrap();
    recorder.take();
    // SAFETY: `one` and `two` are given up here; `none` has no block.
    unsafe {
        assert!(recorder.resize_slice(one, 0));
        let empty = recorder.remap_slice(two, 0).unwrap();
        assert!(empty.is_empty());
        assert_eq!(recorder.take(), [Call::Free(3), Call::Free(3)]);
        assert!(!recorder.resize_slice(none, 1));
        assert_eq!(recorder.remap_slice(none, 1), None);
        assert!(recorder.resize_slice(none, 0), "nothing to nothing");
        assert!(recorder.remap_slice(none, 0).unwrap().is_empty());
        recorder.free_slice(empty);
    }
    assert_eq!(recorder.take(), []);
}

/// D-AL-04
#[test]
fn realloc_allocates_from_nothing_frees_to_nothing_and_keeps_what_it_cannot_move() {
    let recorder = Recorder::default();
    let none = recorder.alloc_slice::<u32>(0).unwrap();
    // SAFETY: each call has the slice that the one before left.
    unsafe {
        let some = recorder.realloc_slice(none, 4).unwrap();
        assert_eq!(recorder.take(), [Call::Alloc(16)]);
        some.cast::<u32>().copy_from_nonoverlapping(NonNull::from(&[1, 2, 3, 4]).cast(), 4);
        recorder.fail.set(true);
        recorder.refuse_remap.set(true);
        assert_eq!(recorder.realloc_slice(some, 8), Err(AllocError));
        assert_eq!(some.cast::<[u32; 4]>().as_ref(), &[1, 2, 3, 4], "untouched");
        recorder.take();
        assert!(recorder.realloc_slice(some, 0).unwrap().is_empty());
        assert_eq!(recorder.take(), [Call::Free(16)]);
    }
}

/// D-AL-05
#[test]
fn realloc_asks_for_a_remap_first_and_copies_only_when_that_is_refused() {
    let recorder = Recorder::default();
    let slice = recorder.dupe(&[1_u16, 2, 3]).unwrap();
    recorder.take();
    // SAFETY: each call has the slice that the one before left.
    unsafe {
        let longer = recorder.realloc_slice(slice, 100).unwrap();
        assert_eq!(recorder.take(), [Call::Remap(6, 200)]);
        recorder.refuse_remap.set(true);
        let longer = recorder.realloc_slice(longer, 101).unwrap();
        assert_eq!(recorder.take(), [Call::Remap(200, 202), Call::Alloc(202), Call::Free(200)]);
        let shorter = recorder.realloc_slice(longer, 2).unwrap();
        assert_eq!(recorder.take(), [Call::Remap(202, 4), Call::Alloc(4), Call::Free(202)]);
        assert_eq!(shorter.as_ref(), [1, 2]);
        recorder.free_slice(shorter);
    }
}

/// D-AL-06
#[test]
fn slices_are_filled_when_fresh_when_freed_and_when_moved_away() {
    let arena = Arena::new();
    let fresh = arena.alloc_slice::<u8>(20).unwrap();
    assert_eq!(arena.look(fresh.cast(), 20), [filled(SOIL); 20]);
    assert_eq!(arena.look(fresh.cast(), 32)[20..], [SOIL; 12]);
    let zeroed = arena.alloc_slice_zeroed::<u8>(20).unwrap();
    assert_eq!(arena.look(zeroed.cast(), 20), [0; 20]);
    let copy = arena.dupe(&[5_u8; 20]).unwrap();
    assert_eq!(arena.look(copy.cast(), 20), [5; 20]);
    // SAFETY: each is given up by the call that names it.
    unsafe {
        arena.free_slice(zeroed);
        assert_eq!(arena.look(zeroed.cast(), 20), [filled(0); 20]);
        assert!(arena.resize_slice(copy, 8));
        assert_eq!(arena.look(copy.cast(), 20), [5; 20], "a cut-off tail is not filled");
        let short = NonNull::slice_from_raw_parts(copy.cast::<u8>(), 8);
        let moved = arena.realloc_slice(short, 100).unwrap();
        assert_eq!(arena.look(copy.cast(), 8), [filled(5); 8], "the block that it left");
        assert_eq!(arena.look(moved.cast(), 9)[..8], [5; 8]);
    }
}

/// D-AL-11
#[test]
fn a_copy_has_the_same_elements_and_is_another_block() {
    let recorder = Recorder::default();
    let source = [1_u32, 2, 3];
    let copy = recorder.dupe(&source).unwrap();
    // SAFETY: live until the second line.
    unsafe {
        assert_eq!(copy.as_ref(), source);
        recorder.free_slice(copy);
    }
    assert_eq!(recorder.take(), [Call::Alloc(12), Call::Free(12)]);
}

/// D-AL-12
#[test]
fn over_aligned_slices_keep_their_alignment_when_they_grow() {
    let recorder = Recorder::default();
    let page = Alignment::new(4096).unwrap();
    for refuse in [false, true] {
        recorder.refuse_remap.set(refuse);
        let words = recorder.alloc_slice_aligned::<u16>(3, page).unwrap();
        // SAFETY: each call has the slice that the one before left, with its alignment.
        unsafe {
            let more = recorder.realloc_slice_aligned(words, 5000, page).unwrap();
            assert!(page.is_aligned(more.cast::<u16>().addr().get()));
            let none = recorder.realloc_slice_aligned(more, 0, page).unwrap();
            let some = recorder.realloc_slice_aligned(none, 1, page).unwrap();
            assert!(page.is_aligned(some.cast::<u16>().addr().get()));
            recorder.free_slice_aligned(some, page);
        }
    }
    assert_eq!(recorder.alloc_slice_aligned::<u16>(1, Alignment::MAX), Err(AllocError));
}

/// D-AL-15, E-12-6
#[test]
fn a_function_returns_a_buffer_that_its_caller_owns() {
    fn zeros(alloc: &dyn Allocator, len: usize) -> Result<NonNull<[u8]>, AllocError> {
        let bytes = alloc.alloc_slice_zeroed::<u8>(len)?;
        Ok(NonNull::slice_from_raw_parts(bytes.cast(), len))
    }
    let (recorder, arena) = (Recorder::default(), Arena::new());
    for alloc in [&recorder as &dyn Allocator, &arena, &Global] {
        let buffer = zeros(alloc, 4096).unwrap();
        // SAFETY: owned here since it was returned; not used after the second line.
        unsafe {
            assert_eq!(buffer.as_ref(), [0; 4096]);
            alloc.free_slice(buffer);
        }
    }
    assert_eq!(zeros(&Null, 4096), Err(AllocError));
}

#[test]
fn a_panic_halfway_drops_what_was_made_and_leaks_nothing() {
    let recorder = Recorder::default();
    let token = Rc::new(());
    let made = catch_unwind(AssertUnwindSafe(|| {
        recorder.alloc_slice_with(10, |i| {
            assert!(i < 5, "halfway");
            Rc::clone(&token)
        })
    }));
    assert!(made.is_err());
    assert_eq!(Rc::strong_count(&token), 1);
    let size = 10 * size_of::<Rc<()>>();
    assert_eq!(recorder.take(), [Call::Alloc(size), Call::Free(size)]);
}

#[test]
fn freeing_uninitialised_elements_drops_none() {
    let recorder = Recorder::default();
    let strings: NonNull<[MaybeUninit<String>]> = recorder.alloc_slice(3).unwrap();
    // SAFETY: live, not used again.
    unsafe { recorder.free_slice(strings) };
    assert_eq!(recorder.take().len(), 2);
}
