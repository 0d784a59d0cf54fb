//! One binary for all integration tests of this crate.

mod pages;
#[cfg(feature = "fault-injection")]
mod fault;
