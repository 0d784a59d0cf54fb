//! Micro workloads: one pattern of calls, repeated, for finding what a real program's figure is made of.
//!
//! All are written with `Vec` and `Box`, as users' code is; each block carries a number that is checked before
//! the block is freed.

pub(crate) mod block;
pub(crate) mod pair;
mod batch;
mod realloc;
mod remote;
mod threads;

use crate::workload::Workload;

/// All micro workloads, in the order of the report.
pub(crate) fn list() -> Vec<Workload> {
    let mut list = pair::list();
    list.extend(batch::list());
    list.extend(realloc::list());
    list.extend(remote::list());
    list.extend(threads::list());
    list
}
