//! Real programs and micro workloads that exercise an allocator.
//!
//! Each [`Workload`] prepares its input, runs, and checks its own result. Nothing here knows which allocator it
//! runs on: the library has no `#[global_allocator]`, so it is compiled once and linked into
//! one program per allocator (`heap-bench`). All work is decided by a fixed seed and the [`Scale`], so two runs
//! at one scale do the same and report the same check.
//!
//! ```
//! use heap_workloads::{Scale, find};
//! let workload = find("pair-64").expect("listed");
//! let job = workload.prepare(Scale::new(0.001));
//! let outcome = job();
//! assert!(outcome.ok, "{}", outcome.check);
//! ```
#![forbid(unsafe_code)]

mod workload;
mod rng;
#[cfg(feature = "some-real")]
#[cfg_attr(not(feature = "real"), allow(dead_code, reason = "the others use more of it"))]
mod text;
#[cfg(feature = "some-real")]
mod sum;
mod micro;
mod scale;
#[cfg(feature = "some-real")]
mod real;

pub use workload::{Job, Outcome, Scale, Suite, Workload};

/// Every workload: the real programs first, then the micro workloads and those that are shared by threads, each in the order they are reported.
#[must_use]
pub fn all() -> Vec<Workload> {
    let mut list = Vec::new();
    #[cfg(feature = "some-real")]
    list.extend(real::list());
    list.extend(micro::list());
    list.extend(scale::list());
    list
}

/// The workload called `name`, if there is one.
#[must_use]
pub fn find(name: &str) -> Option<Workload> {
    all().into_iter().find(|workload| workload.name == name)
}
