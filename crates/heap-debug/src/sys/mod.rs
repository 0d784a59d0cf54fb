//! What depends on the target: how a call stack is walked, a barrier that other threads feel, and faults.
//!
//! Stacks are walked by our own reading of the unwind tables where registers and tables are known, else by the
//! `backtrace` crate.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod rule;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "walk_linux_x86_64.rs"]
mod walk;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[path = "walk_generic.rs"]
mod walk;

#[cfg(target_os = "linux")]
#[path = "barrier_linux.rs"]
mod barrier;
#[cfg(not(target_os = "linux"))]
#[path = "barrier_none.rs"]
mod barrier;

#[cfg(unix)]
#[path = "fault_unix.rs"]
mod fault;
#[cfg(not(unix))]
#[path = "fault_none.rs"]
mod fault;

pub(crate) use barrier::{barrier_for_all, has_barrier};
pub(crate) use fault::{Watch, watch_faults};
pub(crate) use walk::{Site, walk};
