//! One binary for all integration tests of this crate.

mod pages;
mod page_allocator;
mod growing;
mod break_allocator;
mod guarded;
mod reservation;
#[cfg(feature = "mapping")]
mod mapping;
#[cfg(feature = "c-allocator")]
mod c_allocator;
#[cfg(feature = "fault-injection")]
mod fault;
#[cfg(feature = "thread")]
mod thread;
#[cfg(feature = "background")]
mod background;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod program_break;
mod break_bounds;
mod break_random;
