//! How a call stack is walked: by our own reading of the unwind tables where registers and tables are known, else by
//! the `backtrace` crate.

mod rule;

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[path = "linux_x86_64.rs"]
mod imp;
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[path = "generic.rs"]
mod imp;

pub(crate) use imp::walk;
