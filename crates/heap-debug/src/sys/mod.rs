//! What depends on the target: how a call stack is walked, a barrier that other threads feel, and faults.
//!
//! Stacks are walked by our own reading of the unwind tables where registers and tables are known, else by the
//! `backtrace` crate.

#[cfg(not(loom))]
mod gate;
#[cfg(all(
    any(target_arch = "x86", target_arch = "aarch64"),
    target_os = "linux",
    target_env = "gnu",
    not(loom)
))]
mod detour;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(loom)))]
mod rule;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(loom)))]
#[path = "walk_linux_x86_64.rs"]
mod walk;
#[cfg(not(any(loom, all(target_arch = "x86_64", target_os = "linux"))))]
#[path = "walk_generic.rs"]
mod walk;

#[cfg(all(target_os = "linux", not(loom)))]
#[path = "barrier_linux.rs"]
mod barrier;
#[cfg(not(any(loom, target_os = "linux")))]
#[path = "barrier_none.rs"]
mod barrier;
#[cfg(loom)]
#[path = "barrier_loom.rs"]
mod barrier;

#[cfg(all(unix, not(loom)))]
#[path = "fault_unix.rs"]
mod fault;
#[cfg(not(any(loom, unix)))]
#[path = "fault_none.rs"]
mod fault;

pub(crate) use barrier::{barrier_for_all, barrier_here, has_barrier};
#[cfg(not(loom))]
pub(crate) use fault::{Watch, watch_faults};
#[cfg(all(test, target_arch = "x86_64", target_os = "linux", not(loom)))]
pub(crate) use walk::look_up;
#[cfg(not(loom))]
pub(crate) use walk::{Site, after_fork, before_fork, walk};
