//! `core::alloc::Allocator`: std's own collections. Needs Rust 1.100, or a nightly (see the README).
//!
//! Names only what is stable in 1.100: the trait, `Vec` and `Box`.

use std::fmt::Display;

use crate::support::Arena;

pub(crate) use heap_core::adapt::std_allocator::FromForeign;
pub(crate) use std::alloc::{Allocator, System as TheirGlobal};
pub(crate) use std::{boxed::Box, vec::Vec};

#[path = "foreign_cases.rs"]
mod cases;

#[test]
fn a_boxed_trait_object_lives_on_an_arena() {
    let arena = Arena::new();
    let shown: Vec<Box<dyn Display, &Arena>> = vec![Box::new_in(7, &arena), Box::new_in("seven", &arena)];
    assert_eq!(shown.iter().map(ToString::to_string).collect::<Vec<_>>(), ["7", "seven"]);
    assert_eq!(arena.used(), 32);
    drop(shown);
    assert_eq!(arena.frees.get(), 2);
}

#[test]
fn one_allocator_serves_every_trait_at_once() {
    let arena = Arena::new();
    let one = Box::new_in(1, &arena);
    #[cfg(feature = "allocator-api2-02")]
    assert_eq!(*one, *allocator_api2_02::boxed::Box::new_in(1, &arena));
    #[cfg(feature = "allocator-api2-04")]
    assert_eq!(*one, *allocator_api2_04::boxed::Box::new_in(1, &arena));
    assert!(arena.used() >= 16 && *one == 1);
}
