#![doc = include_str!("../README.md")]

mod sync;
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
mod report_heap;
mod ledger;

pub use config::{DebugConfig, Format, Guard, MAX_FRAMES, OnViolation};
pub use trace::Trace;
pub use violation::{BlockFacts, Operation, Violation, ViolationKind};
