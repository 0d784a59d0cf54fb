//! What every foreign trait does with our allocators. Compiled once for each: `super` names the trait, `Vec` and `Box`.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{Allocator, Box, FromForeign, TheirGlobal, Vec};
use crate::support::{Arena, Call, Null, Recorder};
use heap_core::AllocatorExt;

fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// Bytes at a block.
///
/// # Safety
///
/// They are live and initialised.
unsafe fn bytes(block: NonNull<[u8]>, len: usize) -> std::vec::Vec<u8> {
    // SAFETY: the caller's promise.
    unsafe { NonNull::slice_from_raw_parts(block.cast::<u8>(), len).as_ref() }.to_vec()
}

#[test]
fn a_vec_lives_on_an_arena() {
    let arena = Arena::new();
    let mut numbers = Vec::new_in(&arena);
    numbers.extend(0..1000_u32);
    assert!(numbers.iter().copied().eq(0..1000));
    numbers.truncate(3);
    numbers.shrink_to_fit();
    assert_eq!(numbers.as_slice(), [0, 1, 2]);
    assert!(arena.used() >= 4000);
    let clone = numbers.clone();
    drop(numbers);
    assert_eq!(clone.as_slice(), [0, 1, 2]);
}

#[test]
fn a_vec_gives_back_exactly_what_it_took() {
    let recorder = Recorder::default();
    let mut words = Vec::new_in(&recorder);
    (0..100).for_each(|i| words.push(i.to_string()));
    words.reserve(1000);
    words.shrink_to_fit();
    assert_eq!(words[99], "99");
    drop(words);
    let calls = recorder.take();
    let moves = calls.iter().filter(|call| matches!(call, Call::Remap(..))).count();
    assert!(moves >= 5, "growth goes to remap: {calls:?}");
    assert_eq!(calls.iter().filter(|call| matches!(call, Call::Alloc(_))).count(), 1, "{calls:?}");
}

#[test]
fn a_vec_lives_behind_a_handle() {
    let arena = Arena::new();
    let handle: &dyn heap_core::Allocator = &arena;
    let mut numbers = Vec::new_in(handle);
    numbers.extend([1, 2, 3]);
    assert_eq!(numbers.as_slice(), [1, 2, 3]);
    let shared: &(dyn heap_core::Allocator + Send + Sync) = &heap_core::Global;
    assert_eq!(*Box::new_in(5, shared), 5);
}

#[test]
fn a_box_may_own_its_allocator() {
    let boxed = Box::new_in([7_u64; 8], Arena::new());
    let moved = core::hint::black_box(boxed);
    assert_eq!(*moved, [7; 8]);
}

#[test]
fn out_of_memory_comes_through() {
    assert!(Allocator::allocate(&Null, layout(1, 1)).is_err());
    assert!(Allocator::allocate_zeroed(&Null, layout(1, 1)).is_err());
    assert!(Vec::<u8, _>::new_in(Null).try_reserve(1).is_err());
}

#[test]
fn grow_and_shrink_remap_and_copy_only_when_that_is_refused() {
    let recorder = Recorder::default();
    let block = Allocator::allocate(&recorder, layout(8, 8)).unwrap();
    // SAFETY: each call has the block that the one before left, and its layout.
    unsafe {
        block.cast::<u8>().write_bytes(1, 8);
        let block = Allocator::grow(&recorder, block.cast(), layout(8, 8), layout(80, 8)).unwrap();
        let block = Allocator::shrink(&recorder, block.cast(), layout(80, 8), layout(16, 8)).unwrap();
        assert_eq!(recorder.take(), [Call::Alloc(8), Call::Remap(8, 80), Call::Remap(80, 16)]);
        recorder.refuse_remap.set(true);
        let block = Allocator::grow(&recorder, block.cast(), layout(16, 8), layout(32, 8)).unwrap();
        assert_eq!(recorder.take(), [Call::Remap(16, 32), Call::Alloc(32), Call::Free(16)]);
        recorder.refuse_remap.set(false);
        let block = Allocator::shrink(&recorder, block.cast(), layout(32, 8), layout(9, 64)).unwrap();
        assert_eq!(recorder.take(), [Call::Alloc(9), Call::Free(32)], "another alignment");
        assert_eq!(bytes(block, 8), [1; 8]);
        let none = Allocator::shrink(&recorder, block.cast(), layout(9, 64), layout(0, 64)).unwrap();
        assert_eq!((none.len(), recorder.take()), (0, vec![Call::Alloc(0), Call::Free(9)]));
    }
}

#[test]
fn a_failed_grow_leaves_the_block() {
    let recorder = Recorder::default();
    let block = Allocator::allocate(&recorder, layout(8, 8)).unwrap();
    recorder.fail.set(true);
    recorder.refuse_remap.set(true);
    // SAFETY: live, as every failure leaves it.
    unsafe {
        block.cast::<u8>().write_bytes(1, 8);
        assert!(Allocator::grow(&recorder, block.cast(), layout(8, 8), layout(80, 8)).is_err());
        assert!(Allocator::grow_zeroed(&recorder, block.cast(), layout(8, 8), layout(80, 8)).is_err());
        assert!(Allocator::shrink(&recorder, block.cast(), layout(8, 8), layout(4, 8)).is_err());
        assert_eq!(bytes(block, 8), [1; 8]);
        Allocator::deallocate(&recorder, block.cast(), layout(8, 8));
    }
}

#[test]
fn grow_zeroed_clears_from_the_old_layout_on_also_what_the_client_had_written() {
    let arena = Arena::new();
    let block = Allocator::allocate(&arena, layout(10, 1)).unwrap();
    assert_eq!(block.len(), 16);
    // SAFETY: all of the returned length may be used; each call has the block and a layout that fits it.
    unsafe {
        block.cast::<u8>().write_bytes(9, 16);
        let grown = Allocator::grow_zeroed(&arena, block.cast(), layout(10, 1), layout(14, 1)).unwrap();
        assert_eq!(grown.cast::<u8>(), block.cast::<u8>(), "in place");
        assert_eq!(bytes(grown, 14), [[9; 10].as_slice(), &[0; 4]].concat());
        let moved = Allocator::grow_zeroed(&arena, grown.cast(), layout(14, 1), layout(40, 1)).unwrap();
        assert_eq!(bytes(moved, moved.len()), [[9; 10].as_slice(), &[0; 38]].concat());
    }
}

#[test]
fn grow_zeroed_that_must_move_takes_zeroed_memory() {
    let recorder = Recorder::default();
    recorder.refuse_remap.set(true);
    let block = Allocator::allocate_zeroed(&recorder, layout(8, 8)).unwrap();
    // SAFETY: each call has the block that the one before left, and its layout.
    unsafe {
        let block = Allocator::grow_zeroed(&recorder, block.cast(), layout(8, 8), layout(4096, 8)).unwrap();
        assert_eq!(bytes(block, 4096), [0; 4096]);
        Allocator::deallocate(&recorder, block.cast(), layout(4096, 8));
    }
    let expected = [
        Call::AllocZeroed(8),
        Call::Remap(8, 4096),
        Call::AllocZeroed(4096),
        Call::Free(8),
        Call::Free(4096),
    ];
    assert_eq!(recorder.take(), expected);
}

#[test]
fn from_and_to_nothing_a_block_is_taken_and_given() {
    let arena = Arena::new();
    // SAFETY: each call has the block that the one before left, and its layout.
    unsafe {
        let none = Allocator::allocate(&arena, layout(0, 64)).unwrap();
        assert_eq!((none.len(), arena.used()), (0, 0));
        let some = Allocator::grow_zeroed(&arena, none.cast(), layout(0, 64), layout(10, 64)).unwrap();
        assert_eq!(bytes(some, some.len()), [0; 16]);
        let none = Allocator::shrink(&arena, some.cast(), layout(10, 64), layout(0, 64)).unwrap();
        assert_eq!((none.len(), arena.frees.get()), (0, 1));
        Allocator::deallocate(&arena, none.cast(), layout(0, 64));
    }
    assert_eq!(arena.frees.get(), 1);
    let recorder = Recorder::default();
    // SAFETY: as above.
    unsafe {
        let none = Allocator::allocate(&recorder, layout(0, 8)).unwrap();
        let some = Allocator::grow(&recorder, none.cast(), layout(0, 8), layout(8, 8)).unwrap();
        Allocator::deallocate(&recorder, some.cast(), layout(8, 8));
        let some = Allocator::grow_zeroed(&recorder, none.cast(), layout(0, 8), layout(8, 8)).unwrap();
        Allocator::deallocate(&recorder, some.cast(), layout(8, 8));
    }
    let remapped = recorder.take().into_iter().any(|call| matches!(call, Call::Remap(..)));
    assert!(!remapped, "a block without memory cannot be moved");
}

#[test]
fn a_foreign_allocator_serves_as_ours() {
    let foreign = FromForeign(TheirGlobal);
    let slice = foreign.alloc_slice_with(10, |i| i).unwrap();
    // SAFETY: each call has the slice that the one before left.
    unsafe {
        assert!(!foreign.resize_slice(slice, 11) && foreign.resize_slice(slice, 10));
        let longer = foreign.remap_slice(slice, 1000).unwrap();
        let shorter = foreign.remap_slice(longer, 3).unwrap();
        assert_eq!(shorter.as_ref(), [0, 1, 2]);
        foreign.free_slice(shorter);
        let zeroed = foreign.alloc_slice_zeroed::<u8>(100).unwrap();
        assert_eq!(zeroed.cast::<[u8; 100]>().as_ref(), &[0; 100]);
        foreign.free_slice(zeroed);
    }
    // On 32 bits that may be had. Looked at by `black_box`, so that the compiler does not leave the allocation out.
    #[cfg(target_pointer_width = "64")]
    assert!(core::hint::black_box(foreign.alloc_slice::<u8>(isize::MAX as usize)).is_err());
    // And ours again as theirs, through both.
    let mut numbers = Vec::new_in(FromForeign(&foreign));
    numbers.extend([1, 2, 3]);
    assert_eq!(numbers.as_slice(), [1, 2, 3]);
}

#[test]
fn a_foreign_allocator_is_not_asked_for_nothing() {
    let arena = Arena::new();
    let foreign = FromForeign(&arena);
    let none = heap_core::Allocator::alloc(&foreign, layout(0, 8)).unwrap();
    assert_eq!(none.len(), 0);
    // SAFETY: a block of size zero of this allocator.
    unsafe {
        assert_eq!(heap_core::Allocator::remap(&foreign, none.cast(), layout(0, 8), 8), None);
        heap_core::Allocator::free(&foreign, none.cast(), layout(0, 8));
    }
    let zeroed = heap_core::Allocator::alloc_zeroed(&foreign, layout(0, 8)).unwrap();
    assert_eq!((zeroed.len(), arena.used()), (0, 0));
}
