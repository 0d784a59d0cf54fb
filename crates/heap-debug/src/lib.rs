#![doc = include_str!("../README.md")]

mod sync;
mod sys;
mod thread;
mod lock;
mod fill;
mod config;
mod store;
mod address_map;
mod trace;
mod violation;
mod span;
mod inspect;
mod findings;
mod quarantine;
mod stripe;
mod large;
mod leak_report;
mod report_heap;
mod ledger;
mod report;
mod admit;
mod debug_allocator;
mod verbose;
mod operations;
mod leaks;
mod allocator;
mod finish;
mod scope;

pub use config::{DebugConfig, Format, Guard, MAX_FRAMES, OnViolation};
pub use debug_allocator::{Check, DebugAllocator, GeneralPurposeAllocator, SafeAllocator};
pub use heap_test::{ExhaustError, FailingAllocator, check_all_allocation_failures};
pub use leak_report::{LeakReport, LeakSite};
pub use scope::LeakScope;
pub use trace::Trace;
pub use violation::{BlockFacts, Operation, Violation, ViolationKind};
