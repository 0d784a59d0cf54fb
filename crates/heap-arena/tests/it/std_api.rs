//! The standard library's own collections, by its own `Allocator`, on everything here: `Vec::new_in(&arena)`.
//!
//! Built where the trait is: with a nightly compiler, or Rust 1.100 (`cargo xtask test --only nightly`).

use std::alloc::Allocator as StdAllocator;
use std::collections::{BinaryHeap, LinkedList, VecDeque};
use std::mem::MaybeUninit;
use std::rc::Rc;
use std::sync::Arc;

use heap_arena::{Arena, BufferFirst, FixedBuffer, ResetMode, StackFallback, SyncArena, SyncFixedBuffer};
use heap_core::{Global, Owns};

use crate::support::{Meter, buffer, together};

/// Works with collections that all live in `arena`, and checks what they hold.
fn work(arena: impl StdAllocator + Copy) {
    let mut list = Vec::new_in(arena);
    list.extend(0..1000_u32);
    list.shrink_to(1001);
    list.insert(500, 7);
    let copy = list.to_vec_in(arena);
    assert!(copy.iter().copied().eq((0..500).chain([7]).chain(500..1000)));
    let boxed: Box<[u32], _> = list.into_boxed_slice();
    let one: Box<dyn Fn(usize) -> u32, _> = Box::new_in(move |nth| boxed[nth], arena);
    assert_eq!((one(499), one(500), one(501)), (499, 7, 500));
    let mut queue = VecDeque::new_in(arena);
    let mut heap = BinaryHeap::new_in(arena);
    let mut chain = LinkedList::new_in(arena);
    for n in 0..300_u32 {
        queue.push_back(n);
        queue.push_front(n);
        heap.push(n * 7 % 300);
        chain.push_back(String::from("owned"));
    }
    assert_eq!((queue[0], queue[599], heap.pop(), chain.len()), (299, 299, Some(299), 300));
    let (shared, other) = (Rc::new_in([1_u64; 20], arena), Arc::new_in("text", arena));
    assert_eq!((Rc::clone(&shared).iter().sum::<u64>(), *Arc::clone(&other)), (20, "text"));
    let nothing: Vec<(), _> = vec_of((), 1 << 10, arena);
    let aligned = Box::new_in(Wide([3; 64]), arena);
    assert_eq!((nothing.len(), std::ptr::from_ref(&*aligned).addr() % 64, aligned.0[63]), (1 << 10, 0, 3));
}

#[repr(align(64))]
struct Wide([u8; 64]);

fn vec_of<T: Clone, A: StdAllocator>(value: T, len: usize, arena: A) -> Vec<T, A> {
    let mut list = Vec::new_in(arena);
    list.resize(len, value);
    list
}

#[test]
fn collections_of_std_live_in_an_arena() {
    let mut arena = Arena::new();
    for _ in 0..3 {
        work(&arena);
        assert!(arena.used() > 0);
        arena.reset(ResetMode::RetainCapacity);
        arena.scoped(|scope| work(&scope));
        assert_eq!(arena.used(), 0);
    }
}

#[test]
fn a_std_vec_grows_in_place_at_the_end_of_an_arena() {
    let arena = Arena::with_capacity(1 << 16).unwrap();
    let mut list = Vec::new_in(&arena);
    list.push(0_u64);
    let start = list.as_ptr();
    list.extend(1..2000);
    assert_eq!(list.as_ptr(), start);
    assert!(arena.owns(std::ptr::NonNull::from(&list[0]).cast()) && arena.used() <= 2048 * 8);
    drop(list);
    assert_eq!(arena.used(), 0, "the newest block came back");
}

#[test]
fn collections_of_std_live_in_a_shared_arena() {
    let mut arena = SyncArena::new();
    together(|_| work(&arena));
    arena.reset(ResetMode::RetainCapacity);
    arena.scoped(|scope| drop(together(|_| work(&scope))));
    assert_eq!(arena.used(), 0);
    let without_lanes = SyncArena::<Global, 0>::default();
    together(|_| work(&without_lanes));
}

#[test]
fn collections_of_std_live_in_buffers() {
    let fixed = FixedBuffer::new(buffer(1 << 18));
    work(&fixed);
    let shared = SyncFixedBuffer::new(buffer(8 << 18));
    together(|_| work(&shared));
    work(&StackFallback::<1000>::default());
    let mut small = [MaybeUninit::uninit(); 1000];
    work(&BufferFirst::new(&mut small, Global));
}

#[test]
fn a_std_vec_reports_what_an_arena_refuses() {
    let arena = Arena::new_in(Meter::default());
    arena.child().allow(600);
    let mut list: Vec<u8, _> = Vec::new_in(&arena);
    list.extend([1; 100]);
    assert!(list.try_reserve(10_000).is_err() && list.try_reserve(usize::MAX).is_err());
    assert!(list.try_reserve(200).is_ok() && list.iter().all(|&byte| byte == 1));
}
