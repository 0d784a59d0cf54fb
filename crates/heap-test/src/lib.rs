#![doc = include_str!("../README.md")]

mod sync;
mod rng;
mod fault;
mod pattern;
mod shadow;
mod limits;
mod block;
mod program;
mod replay;
mod replay_threads;
pub mod cases;
mod conformance;

pub use block::{Block, Detached};
pub use cases::batteries::{
    test_allocator, test_allocator_aligned, test_allocator_aligned_shrink, test_allocator_large_alignment,
};
pub use fault::Fault;
pub use limits::Limits;
pub use program::{OP_BYTES, Op, Program, SLOTS};
pub use replay::{Failure, Summary};
pub use rng::Rng;
pub use shadow::Shadow;
