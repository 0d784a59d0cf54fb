//! Stacks are the allocators of other libraries, too, with no wrapper.

use std::hash::RandomState;

use allocator_api2_02::vec::Vec;
use heap_arena::Arena;
use heap_compose::{BySize, Fallback, FreeList, Limit, Null, Quantized, Scoped, Stats, ToSizeClass, Zeroize};
use heap_core::Global;

use crate::support::buffer;

#[test]
fn a_hash_map_lives_in_a_stack() {
    let heap = Stats::new(BySize::new(FreeList::<_, 8, 128>::new(Arena::new()), Global, 128));
    let mut squares = hashbrown::HashMap::with_hasher_in(RandomState::new(), &heap);
    for n in 0..1000_u64 {
        squares.insert(n, n * n);
    }
    assert!((0..1000).all(|n| squares[&n] == n * n));
    drop(squares);
    assert_eq!((heap.counts().live_blocks(), heap.counts().live_bytes()), (0, 0));
}

#[test]
fn vectors_grow_from_the_buffer_into_the_heap_and_shrink() {
    let heap = Zeroize::new(Quantized::<_, ToSizeClass>::new(Fallback::new(buffer(1000), Global)));
    let mut numbers = Vec::new_in(&heap);
    for n in 0..10_000_u32 {
        numbers.push(n);
    }
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert!(numbers.iter().copied().eq(0..10));
}

#[test]
fn a_vector_is_refused_what_the_limit_refuses() {
    let heap = Limit::new(Scoped::new(Global), 1000);
    let mut bytes: Vec<u8, _> = Vec::new_in(&heap);
    assert!(bytes.try_reserve_exact(1001).is_err());
    assert!(bytes.try_reserve_exact(1000).is_ok());
    assert!(Vec::<u8, _>::new_in(Null).try_reserve(1).is_err());
}

/// A stack of parts without state is of size zero, so a vector of it is no larger than a vector.
#[test]
fn a_stack_without_state_costs_a_vector_nothing() {
    type Plain = Zeroize<Quantized<Fallback<Null, Global>, ToSizeClass>>;
    assert_eq!(size_of::<Vec<u8, Plain>>(), size_of::<std::vec::Vec<u8>>());
}
