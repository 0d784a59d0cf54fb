//! Values that give their block back themselves.

use std::rc::Rc;

use crate::support::{Arena, Call, Null, Recorder};
use heap_core::{AllocError, HeapBox};

#[test]
fn a_box_drops_its_value_and_gives_the_block_back() {
    let recorder = Recorder::default();
    let token = Rc::new(());
    let mut boxed = HeapBox::new_in(|| (Rc::clone(&token), 1_u8), &recorder).unwrap();
    boxed.1 += 1;
    assert_eq!(boxed.1, 2);
    drop(boxed);
    assert_eq!(Rc::strong_count(&token), 1);
    let size = size_of::<(Rc<()>, u8)>();
    assert_eq!(recorder.take(), [Call::Alloc(size), Call::Free(size)]);
}

#[test]
fn slices_and_text_are_boxed_with_all_their_elements() {
    let recorder = Recorder::default();
    let token = Rc::new(());
    let tokens = HeapBox::slice_in(3, |_| Rc::clone(&token), &recorder).unwrap();
    assert_eq!((tokens.len(), Rc::strong_count(&token)), (3, 4));
    drop(tokens);
    assert_eq!(Rc::strong_count(&token), 1);
    let text = HeapBox::print_in(format_args!("{}-{}", 1, 2), &recorder).unwrap();
    assert_eq!((text.to_string(), format!("{text:?}")), ("1-2".into(), "\"1-2\"".into()));
    assert_eq!(*HeapBox::copy_in(b"abc", &recorder).unwrap(), *b"abc");
}

#[test]
fn a_box_goes_to_pieces_and_together_again() {
    let recorder = Recorder::default();
    let (item, alloc) = HeapBox::into_raw(HeapBox::new_in(|| 5_u32, &recorder).unwrap());
    assert_eq!(recorder.take(), [Call::Alloc(4)], "nothing was given back");
    // SAFETY: both from `into_raw`; only the type of the pointer is another.
    let any: HeapBox<dyn std::any::Any, _> = unsafe { HeapBox::from_raw(item, alloc) };
    assert_eq!(any.downcast_ref::<u32>(), Some(&5));
    drop(any);
    assert_eq!(recorder.take(), [Call::Free(4)]);
}

#[test]
fn a_box_may_own_its_allocator_and_be_moved_with_it() {
    let boxed = HeapBox::copy_in(&[1_u64, 2, 3], Arena::new()).unwrap();
    let moved = Box::new(boxed);
    assert_eq!(**moved, [1, 2, 3]);
    assert_eq!(HeapBox::allocator(&moved).used(), 32);
}

#[test]
fn without_memory_there_is_no_box() {
    assert_eq!(HeapBox::new_in(|| 1, Null).err(), Some(AllocError));
    assert_eq!(HeapBox::slice_in(usize::MAX, |i| i, Null).err(), Some(AllocError));
    assert_eq!(HeapBox::new_in(|| (), Null).err(), None, "() needs no memory");
}
