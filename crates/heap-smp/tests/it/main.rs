//! The integration tests of heap-smp, in one binary that runs on its own global allocator.

mod blocks;
#[cfg(feature = "malloc")]
mod by_address;
#[cfg(feature = "checked")]
mod checked;
#[cfg(feature = "checked")]
mod checked_heap;
mod child;
mod fork;
mod forked;
mod fuzzed;
mod heap;
mod heap_stress;
mod heap_threads;
mod heap_violations;
mod hostile;
mod lives;
mod memory;
mod picture;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod plugin;
#[cfg(heap_tsan)]
mod raced;
mod recount;
mod refusal;
mod rounds;
#[cfg(all(heap_asan, feature = "checked"))]
mod sanitized;
mod seeds;
mod threads;
mod violations;

use heap_smp::SmpAllocator;

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::new();

// U-SM-01 and all else that every allocator promises.
heap_test::conformance!(smp, SmpAllocator::new; sync, usable_size);
