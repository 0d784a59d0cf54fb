#![doc = include_str!("../README.md")]

mod sync;
mod bits;
mod config;
mod size;
mod violation;
mod lock;
mod chain;
mod depot;
mod segment;
mod directory;
mod span_heap;
mod central;
mod huge;
mod core_heap;
mod reclaim;
mod process;
mod large;
mod thread_cache;
mod stats;
mod smp_allocator;

pub use config::Settings;
pub use smp_allocator::SmpAllocator;
pub use stats::{CLASS_COUNT, ClassStats, Stats};
