#![doc = include_str!("../README.md")]

mod sync;
mod sys;
#[cfg(not(loom))]
mod thread;
#[cfg_attr(loom, allow(dead_code, reason = "the models use a part"))]
mod lock;
#[cfg(all(test, loom))]
mod loom_models;
#[cfg(not(loom))]
mod mutex;
#[cfg(not(loom))]
mod fill;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod store;
#[cfg(not(loom))]
mod address_map;
#[cfg(not(loom))]
mod trace;
#[cfg(not(loom))]
mod violation;
#[cfg(not(loom))]
mod span;
#[cfg(not(loom))]
mod span_list;
#[cfg(not(loom))]
mod inspect;
#[cfg(not(loom))]
mod findings;
#[cfg(not(loom))]
mod quarantine;
#[cfg(not(loom))]
mod stripe;
#[cfg(not(loom))]
mod large;
#[cfg(not(loom))]
mod leak_report;
#[cfg(not(loom))]
mod counts;
#[cfg(not(loom))]
mod report_heap;
#[cfg(not(loom))]
mod ledger;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
mod fault;
#[cfg(not(loom))]
mod admit;
#[cfg(not(loom))]
mod debug_allocator;
#[cfg(not(loom))]
mod verbose;
#[cfg(not(loom))]
mod operations;
#[cfg(not(loom))]
mod hot;
#[cfg(not(loom))]
mod leaks;
#[cfg(not(loom))]
mod allocator;
#[cfg(not(loom))]
mod finish;
#[cfg(not(loom))]
mod scope;
#[cfg(not(loom))]
mod profile;

#[cfg(not(loom))]
pub use config::{DebugConfig, Format, Guard, MAX_FRAMES, OnViolation};
#[cfg(not(loom))]
pub use counts::ProfileCounts;
#[cfg(not(loom))]
pub use debug_allocator::{Check, DebugAllocator, GeneralPurposeAllocator, SafeAllocator};
#[cfg(not(loom))]
pub use heap_test::{ExhaustError, FailingAllocator, check_all_allocation_failures};
#[cfg(not(loom))]
pub use leak_report::{LeakReport, LeakSite};
#[cfg(not(loom))]
pub use mutex::Mutex;
#[cfg(not(loom))]
pub use profile::{HeapProfile, Measure, ProfileSite};
#[cfg(not(loom))]
pub use scope::LeakScope;
#[cfg(not(loom))]
pub use trace::Trace;
#[cfg(not(loom))]
pub use violation::{BlockFacts, Operation, Violation, ViolationKind};
