//! Spec 15.12: slices with a terminator.

use core::ffi::CStr;

use crate::items::filled;
use crate::support::{Arena, Call, Null, Recorder};
use heap_core::{AllocError, AllocatorExt, SentinelSlice};

/// The elements and the sentinel of a slice.
///
/// # Safety
///
/// The slice is live and initialised.
unsafe fn content<T: Copy>(slice: SentinelSlice<T>) -> Vec<T> {
    // SAFETY: the caller's promise.
    unsafe { slice.with_sentinel().as_ref() }.to_vec()
}

/// D-AL-08, D-AL-11
#[test]
fn a_terminated_copy_takes_and_gives_back_one_element_more() {
    let recorder = Recorder::default();
    let name = recorder.dupe_sentinel(b"name", 0).unwrap();
    assert_eq!((name.len(), name.is_empty(), name.elements().len()), (4, false, 4));
    // SAFETY: live and initialised until it is freed.
    unsafe {
        assert_eq!(content(name), b"name\0");
        assert_eq!(CStr::from_ptr(name.first().as_ptr().cast()), c"name");
        recorder.free_sentinel(name);
    }
    assert_eq!(recorder.take(), [Call::Alloc(5), Call::Free(5)]);
}

/// D-AL-11
#[test]
fn an_empty_terminated_copy_is_the_terminator() {
    let recorder = Recorder::default();
    let nothing = recorder.dupe_sentinel(&[], u32::MAX).unwrap();
    assert!(nothing.is_empty());
    // SAFETY: live and initialised until it is freed.
    unsafe {
        assert_eq!(content(nothing), [u32::MAX]);
        recorder.free_sentinel(nothing);
    }
    assert_eq!(recorder.take(), [Call::Alloc(4), Call::Free(4)]);
}

/// D-AL-08
#[test]
fn the_terminator_is_written_and_the_elements_are_left_to_the_client() {
    let arena = Arena::new();
    let slice = arena.alloc_sentinel::<u8>(3, b'!').unwrap();
    assert_eq!(arena.look(slice.first(), 4)[3], b'!');
    assert_eq!(arena.look(slice.first(), 3), [filled(crate::support::SOIL); 3]);
    // SAFETY: live, not used again.
    unsafe { arena.free_sentinel(slice) };
    assert_eq!(arena.look(slice.first(), 4)[3], filled(b'!'), "the terminator is part of the block");
}

/// D-AL-08
#[test]
fn realloc_counts_the_terminator_on_both_sides_and_moves_it_to_the_new_end() {
    let recorder = Recorder::default();
    let name = recorder.dupe_sentinel(&[1_u16, 2, 3], 9).unwrap();
    recorder.take();
    // SAFETY: each call has the slice that the one before left.
    unsafe {
        let short = recorder.realloc_sentinel(name, 2).unwrap();
        assert_eq!(content(short), [1, 2, 9]);
        assert_eq!(recorder.take(), [Call::Remap(8, 6)]);
        let long = recorder.realloc_sentinel(short, 3).unwrap();
        assert_eq!(content(long)[2..], [9, 9], "what was the terminator is an element now");
        assert_eq!(recorder.take(), [Call::Remap(6, 8)]);
        recorder.refuse_remap.set(true);
        let nothing = recorder.realloc_sentinel(long, 0).unwrap();
        assert_eq!(content(nothing), [9]);
        assert_eq!(recorder.take(), [Call::Remap(8, 2), Call::Alloc(2), Call::Free(8)]);
        recorder.free_sentinel(nothing);
    }
}

/// D-AL-08
#[test]
fn resize_counts_the_terminator_too_and_keeps_the_slice_when_refused() {
    let arena = Arena::new();
    let name = arena.dupe_sentinel(b"fifteen letters", 0).unwrap();
    // SAFETY: live; each call has the slice that the one before left.
    unsafe {
        assert!(arena.resize_sentinel(name, 16).is_none(), "17 bytes do not fit 16");
        assert_eq!(content(name), b"fifteen letters\0");
        let short = arena.resize_sentinel(name, 7).unwrap();
        assert_eq!(content(short), b"fifteen\0");
        let long = arena.resize_sentinel(short, 15).unwrap();
        assert_eq!((long.len(), content(long)[15]), (15, 0));
        let nothing = arena.resize_sentinel(long, 0).unwrap();
        assert_eq!((content(nothing), arena.frees.get()), (vec![0], 0));
        arena.free_sentinel(nothing);
    }
    assert_eq!(arena.frees.get(), 1);
}

/// D-AL-09, U-AL-01, U-AL-04
#[test]
fn there_is_no_room_for_a_terminator_behind_everything() {
    assert!(Null.alloc_sentinel(usize::MAX, ()).is_err());
    let recorder = Recorder::default();
    let name = recorder.dupe_sentinel(b"name", 0).unwrap();
    recorder.take();
    for count in [usize::MAX, usize::MAX - 1, isize::MAX as usize] {
        assert_eq!(recorder.alloc_sentinel::<u8>(count, 0).err(), Some(AllocError));
        // SAFETY: live; every refusal leaves it so.
        unsafe {
            assert!(recorder.resize_sentinel(name, count).is_none());
            assert_eq!(recorder.realloc_sentinel(name, count).err(), Some(AllocError));
        }
    }
    assert_eq!(recorder.take(), []);
    // SAFETY: live, not used again.
    unsafe { recorder.free_sentinel(name) };
    assert_eq!(Null.alloc_sentinel::<u8>(10, 0).err(), Some(AllocError));
    assert_eq!(Null.dupe_sentinel(b"", 0).err(), Some(AllocError), "the terminator alone needs memory");
}
