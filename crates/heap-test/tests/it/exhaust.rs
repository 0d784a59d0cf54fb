//! `check_all_allocation_failures` and `check_backing_failures`.

use core::alloc::Layout;
use core::cell::Cell;
use std::collections::TryReserveError;
use std::error::Error;
use std::panic::catch_unwind;

use heap_core::{AllocError, Allocator, Global};
use heap_test::{
    Block, ExhaustError, FailingAllocator, check_all_allocation_failures, check_backing_failures,
};

type Failing<'a> = FailingAllocator<&'a Global>;
type Bytes<'a, 'b> = Block<'a, Failing<'b>>;

fn bytes<'a, 'b>(allocator: &'a Failing<'b>, size: usize) -> Result<Bytes<'a, 'b>, AllocError> {
    Block::alloc(allocator, Layout::array::<u8>(size).unwrap(), 1).map_err(|_| AllocError)
}

fn grow(block: &mut Bytes<'_, '_>, size: usize) -> Result<(), AllocError> {
    block.realloc(Layout::array::<u8>(size).unwrap()).map_err(|_| AllocError)
}

/// D-CK-01
#[test]
fn a_leak_is_found_with_the_index_of_the_failed_allocation() {
    let leaky = |allocator: &Failing<'_>| {
        let first = allocator.alloc(Layout::new::<u32>())?;
        let second = bytes(allocator, 10)?;
        let third = bytes(allocator, 20);
        // SAFETY: allocated above with this layout.
        unsafe { allocator.free(first.cast(), Layout::new::<u32>()) };
        drop(second);
        third.map(drop)
    };
    let found = check_all_allocation_failures(&Global, leaky).unwrap_err();
    let ExhaustError::MemoryLeak { fail_index, allocations, counters, ref trace } = found else {
        panic!("{found}")
    };
    assert_eq!((fail_index, allocations, counters.allocated_bytes), (Some(1), 3, 4));
    assert!(trace.contains("exhaust"));
    let said = found.to_string();
    let expected = "memory leak when allocation 1 of 3 fails: 1 allocations of 4 bytes, 0 frees of 0 bytes\n";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn a_leak_without_any_failure_is_found() {
    let leaky = |allocator: &Failing<'_>| bytes(allocator, 10).map(Block::forget);
    let found = check_all_allocation_failures(&Global, leaky).unwrap_err();
    assert!(matches!(found, ExhaustError::MemoryLeak { fail_index: None, .. }), "{found}");
}

/// D-CK-02
#[test]
fn swallowing_the_loss_of_memory_is_found() {
    let optimist = |allocator: &Failing<'_>| {
        drop(bytes(allocator, 1)?);
        drop(bytes(allocator, 2));
        Ok::<(), AllocError>(())
    };
    let found = check_all_allocation_failures(&Global, optimist).unwrap_err();
    assert!(matches!(found, ExhaustError::SwallowedOutOfMemory { fail_index: 1 }), "{found}");
}

/// D-CK-03
#[test]
fn fewer_allocations_in_a_later_run_are_found() {
    let runs = Cell::new(0);
    let fickle = |allocator: &Failing<'_>| {
        runs.set(runs.get() + 1);
        if runs.get() == 1 { bytes(allocator, 1).map(drop) } else { Ok(()) }
    };
    let found = check_all_allocation_failures(&Global, fickle).unwrap_err();
    let expected = ExhaustError::NondeterministicMemoryUsage { fail_index: 0, allocations: 1 };
    assert_eq!(found.to_string(), expected.to_string());
}

/// An error with a cause.
#[derive(Debug)]
struct Wrapped<E>(E);

impl<E: Error> std::fmt::Display for Wrapped<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a table could not be built")
    }
}

impl<E: Error + 'static> Error for Wrapped<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// D-CK-04, and an error counts as out of memory wherever the cause of it lies.
#[test]
fn a_careful_function_passes_after_one_run_more_than_it_allocates() {
    let runs = Cell::new(0);
    let careful = |allocator: &Failing<'_>| {
        runs.set(runs.get() + 1);
        let first = bytes(allocator, 10).map_err(Wrapped)?;
        let second = bytes(allocator, 20).map_err(Wrapped)?;
        bytes(allocator, 30).map(|third| drop((first, second, third))).map_err(Wrapped)
    };
    assert_eq!(check_all_allocation_failures(&Global, careful).unwrap(), 3);
    assert_eq!(runs.get(), 4);

    let reserving = |allocator: &Failing<'_>| -> Result<(), Box<dyn Error>> {
        let too_much: Result<(), TryReserveError> = Vec::<u8>::new().try_reserve(usize::MAX);
        let block = bytes(allocator, 1).map_err(|AllocError| Wrapped(too_much.unwrap_err()))?;
        drop(block);
        Ok(())
    };
    assert_eq!(check_all_allocation_failures(&Global, reserving).unwrap(), 1);
}

/// D-CK-04
#[test]
fn other_errors_pass_through() {
    let broken = |_: &Failing<'_>| "not a number".parse::<u32>().map(drop);
    let found = check_all_allocation_failures(&Global, broken).unwrap_err();
    assert!(found.source().unwrap().is::<std::num::ParseIntError>(), "{found}");
    assert_eq!(found.to_string(), "invalid digit found in string");
    let late = |allocator: &Failing<'_>| {
        bytes(allocator, 1).map(drop).map_err(|_| Box::<dyn Error>::from("the disk is full"))
    };
    assert_eq!(check_all_allocation_failures(&Global, late).unwrap_err().to_string(), "the disk is full");
}

/// U-CK-01: a closure carries any argument.
#[test]
fn the_function_may_take_arguments() {
    struct Sizes {
        first: usize,
        second: usize,
    }
    let both = |allocator: &Failing<'_>, sizes: &Sizes| {
        let first = bytes(allocator, sizes.first)?;
        bytes(allocator, sizes.second).map(|second| drop((first, second)))
    };
    let sizes = Sizes { first: 3, second: 5000 };
    assert_eq!(check_all_allocation_failures(&Global, |allocator| both(allocator, &sizes)).unwrap(), 2);
}

/// U-CK-02
#[test]
fn two_growing_lists_allocate_the_same_number_of_times_whatever_the_luck_in_place() {
    let two_lists = |allocator: &Failing<'_>| {
        let (mut left, mut right) = (bytes(allocator, 8)?, bytes(allocator, 8)?);
        for size in [16, 32, 64, 128] {
            grow(&mut left, size)?;
            grow(&mut right, size)?;
        }
        Ok::<(), AllocError>(())
    };
    assert_eq!(check_all_allocation_failures(&Global, two_lists).unwrap(), 10);
}

#[test]
fn an_allocator_that_survives_its_backing_passes_the_sweep() {
    assert!(check_backing_failures(1, |backing, client| client(backing)) > 100);
}

#[test]
fn backing_memory_that_is_lost_on_one_path_is_found() {
    let losing = || {
        check_backing_failures(1, |backing, client| {
            let state = backing.alloc(Layout::new::<[u64; 4]>());
            let table = backing.alloc(Layout::new::<[u64; 64]>());
            // The bug: without the one the other is not freed.
            if let (Ok(state), Ok(table)) = (state, table) {
                client(backing);
                // SAFETY: both were allocated above with these layouts.
                unsafe {
                    backing.free(state.cast(), Layout::new::<[u64; 4]>());
                    backing.free(table.cast(), Layout::new::<[u64; 64]>());
                }
            }
        })
    };
    let message = *catch_unwind(losing).unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("backing fails Once(0): blocks are lost"), "{message}");
}
