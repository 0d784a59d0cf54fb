#![doc = include_str!("../README.md")]

mod sync;
mod rng;
mod fault;
mod pattern;
mod shadow;
mod limits;
mod block;
mod failing;
mod counting;
mod validation;
mod test_allocator;
mod program;
mod replay;
mod replay_threads;
mod shrink;
mod exhaust;
pub mod cases;
mod conformance;
mod itself;

pub use block::{Block, Detached};
pub use cases::batteries::{
    test_allocator, test_allocator_aligned, test_allocator_aligned_shrink, test_allocator_large_alignment,
};
pub use counting::{Calls, CountingAllocator};
pub use exhaust::{ExhaustError, check_all_allocation_failures, check_backing_failures};
pub use failing::{Counters, FailingAllocator, Failures};
pub use fault::Fault;
pub use itself::itself;
pub use limits::Limits;
pub use program::{OP_BYTES, Op, Program, SLOTS};
pub use replay::{Failure, Summary};
pub use rng::Rng;
pub use shadow::Shadow;
pub use test_allocator::TestAllocator;
pub use validation::ValidationAllocator;
