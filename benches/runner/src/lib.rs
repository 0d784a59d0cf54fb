//! What the child processes of the benchmark share: the command line, the measurement, one line of JSON.
//!
//! Each binary sets a `#[global_allocator]` as a user would and calls [`run`]. It knows two commands:
//!
//! ```text
//! heap-bench-NAME list                                    the workloads, as a JSON array
//! heap-bench-NAME run WORKLOAD [--scale F] [--idle-ms N]  one workload once, as one line of JSON
//! ```
//!
//! A binary that is killed, that panics or that prints anything else has failed.

mod process;
mod json;
mod measure;
#[cfg(any(
    feature = "zig-0.15",
    feature = "zig-0.17",
    feature = "debug-zig-0.15",
    feature = "debug-zig-0.17"
))]
pub mod zig;
mod command;

pub use command::run;
