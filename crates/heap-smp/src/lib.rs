#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test, loom)), no_std)]
#![cfg_attr(
    not(feature = "std"),
    allow(dead_code, unused_imports, reason = "the allocator of Rust programs needs std")
)]

mod sync;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "blocks travel in lists of addresses"))]
mod chain;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
mod publish;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
mod lock;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
mod board;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "blocks travel in lists of addresses"))]
mod depot;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
mod tag;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
mod rows;
#[cfg(all(test, loom))]
mod loom_models;

#[cfg(not(loom))]
mod bits;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod division;
#[cfg(not(loom))]
mod size;
#[cfg(not(loom))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "blocks travel in lists of addresses"))]
mod overflow;
#[cfg(not(loom))]
mod violation;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/secret.rs"]
mod secret;
#[cfg(all(feature = "checked", not(heap_asan), not(loom)))]
#[path = "checked/hints_none.rs"]
mod hints;
#[cfg(all(feature = "checked", heap_asan, not(loom)))]
#[path = "checked/hints_asan.rs"]
mod hints;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/canary.rs"]
mod canary;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/states.rs"]
mod states;
#[cfg(all(not(feature = "checked"), not(loom)))]
#[path = "front/no_states.rs"]
mod states;
#[cfg(not(loom))]
mod segment;
#[cfg(not(loom))]
mod directory;
#[cfg(not(loom))]
mod span_heap;
#[cfg(not(loom))]
mod span_heaps;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/hardening.rs"]
mod hardening;
#[cfg(all(not(feature = "checked"), not(loom)))]
#[path = "front/no_hardening.rs"]
mod hardening;
#[cfg(all(not(feature = "std"), not(loom)))]
mod nobody;
#[cfg(not(loom))]
mod seat;
#[cfg(not(loom))]
mod corner;
#[cfg(not(loom))]
mod run_cache;
#[cfg(not(loom))]
mod roll;
#[cfg(not(loom))]
mod central;
#[cfg(not(loom))]
mod groups;
#[cfg(not(loom))]
mod trim;
#[cfg(not(loom))]
mod huge;
#[cfg(not(loom))]
mod huge_roll;
#[cfg(not(loom))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "blocks travel in lists of addresses"))]
mod core_heap;
#[cfg(not(loom))]
mod reclaim;
#[cfg(not(loom))]
mod forks;
#[cfg(not(loom))]
mod process;
#[cfg(all(feature = "malloc", not(loom)))]
mod pace;
#[cfg(not(loom))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "blocks with a guard are asked for otherwise"))]
mod large;
#[cfg(not(loom))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "for caches that link blocks"))]
mod floor;
#[cfg(not(loom))]
#[cfg_attr(feature = "checked", allow(dead_code, reason = "for caches that link blocks"))]
mod thread_cache;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/cache.rs"]
mod checked_cache;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/lending.rs"]
mod lending;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/large.rs"]
mod large_front;
#[cfg(all(not(feature = "checked"), not(loom)))]
#[path = "front/large.rs"]
mod large_front;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "front/checked.rs"]
mod front;
#[cfg(all(feature = "std", not(feature = "checked"), not(loom)))]
#[path = "front/fast.rs"]
mod front;
#[cfg(not(loom))]
mod thread_number;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "checked/bins.rs"]
mod bins;
#[cfg(all(not(feature = "checked"), not(loom)))]
#[path = "front/bins.rs"]
mod bins;
#[cfg(not(loom))]
mod private;
#[cfg(not(loom))]
mod registry;
#[cfg(not(loom))]
mod private_large;
#[cfg(all(feature = "checked", not(loom)))]
#[path = "front/private_checked.rs"]
mod private_front;
#[cfg(all(feature = "std", not(feature = "checked"), not(loom)))]
#[path = "front/private_fast.rs"]
mod private_front;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod stats_text;
#[cfg(not(loom))]
mod stretch;
#[cfg(not(loom))]
mod map_svg;
#[cfg(not(loom))]
mod heap_map;
#[cfg(not(loom))]
mod validate;
#[cfg(all(feature = "std", not(loom)))]
mod smp_allocator;
#[cfg(all(feature = "std", not(loom)))]
mod heap;
#[cfg(all(feature = "malloc", not(loom)))]
pub mod by_address;

#[cfg(not(loom))]
pub use config::Settings;
#[cfg(all(feature = "std", not(loom)))]
pub use heap::Heap;
#[cfg(not(loom))]
pub use heap_map::HeapMap;
#[cfg(all(feature = "std", not(loom)))]
pub use smp_allocator::SmpAllocator;
#[cfg(not(loom))]
pub use stats::{CLASS_COUNT, ClassStats, Stats};
