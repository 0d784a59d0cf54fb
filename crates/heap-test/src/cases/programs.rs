//! Random programs against the second set of books.
#![forbid(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use heap_core::Allocator;

use crate::limits::Limits;
use crate::program::Program;
use crate::replay::Failure;

/// Random programs of all operations keep alignment, content and the distance between blocks; small blocks only, then
/// all sizes, then large alignments.
///
/// # Panics
///
/// With a short program that fails, when the allocator breaks a promise.
pub fn random_programs_agree_with_the_shadow<A: Allocator>(make: impl Fn() -> A, limits: &Limits) {
    let small = limits.max_size(limits.max_size.min(256)).max_align(limits.max_align.min(16));
    let medium = limits.max_size(limits.max_size.min(40_000)).max_align(limits.max_align.min(64));
    for (shape, limits) in [small, medium, *limits].iter().enumerate() {
        for seed in 0..6 {
            check_program(&Program::from_seed(seed, 600 << (2 - shape), limits), &make, limits);
        }
    }
}

/// Replays a program on a new allocator.
///
/// # Panics
///
/// With the shortest failing program found, when the allocator breaks a promise.
pub fn check_program<A: Allocator>(program: &Program, make: impl Fn() -> A, limits: &Limits) {
    let fails = |program: &Program| -> Option<Failure> {
        // A broken allocator may panic where the whole program only gave a wrong answer.
        catch_unwind(AssertUnwindSafe(|| program.run(&make(), limits).err())).unwrap_or(None)
    };
    if let Err(failure) = program.run(&make(), limits) {
        panic!("{}", program.shrink(fails).unwrap_or(failure));
    }
}
