//! Models of the crate's lock-free protocols: loom runs every interleaving that the C11 memory model allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p heap-arena --lib loom`. Loom does not see raw memory, so blocks are
//! "used" by touching loom's own cells that stand for their bytes ([`memory`]): overlapping blocks, and bytes handed from
//! one thread to the next without an ordering, are races that loom reports.
#![cfg(test)]

mod arena;
mod buffer;
mod lanes;
mod memory;

use core::alloc::Layout;

use memory::GRANULE;

/// Runs a model: every interleaving, without a bound on preemptions.
fn model(f: impl Fn() + Sync + Send + 'static) {
    loom::model::Builder::new().check(f);
}

/// As [`model`], with at most so many preemptions of a thread, for what would run for hours.
fn model_bounded(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

/// A layout of whole granules.
fn granules(count: usize) -> Layout {
    Layout::from_size_align(count * GRANULE, GRANULE).unwrap()
}
