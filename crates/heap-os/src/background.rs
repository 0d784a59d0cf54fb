//! A thread that a library starts for its own work, below the program's allocator.
//!
//! `std::thread` is not for an allocator: to start a thread it allocates, and ends the process where that fails; the new
//! thread ends the process where there is no memory for its signal stack. And a program that did not ask for a thread wants
//! its signals elsewhere.

use core::ffi::CStr;

use crate::sys::background as sys;

/// A thread of a library's own, as it will be when it is started.
///
/// On Unix its start allocates nothing from Rust's heap and cannot end the process, and the thread takes no signals. Elsewhere
/// it is a thread of the standard library.
///
/// ```
/// use heap_os::Background;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static DONE: AtomicBool = AtomicBool::new(false);
/// static WORK: Background =
///     Background { name: c"work", stack: 256 << 10, body: || DONE.store(true, Ordering::Release) };
///
/// if WORK.start() {
///     while !DONE.load(Ordering::Acquire) {
///         std::thread::yield_now();
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Background {
    /// What the system calls it, as far as it takes names: up to 15 bytes.
    pub name: &'static CStr,
    /// Bytes of its stack; the C library puts the thread's static thread-local storage there, too.
    pub stack: usize,
    /// What it does. Must not unwind: the process ends then.
    pub body: fn(),
}

impl Background {
    /// Starts the thread, and lets it go. `false`: the system has no threads, or no more. May allocate from the C
    /// library's heap.
    #[must_use]
    pub fn start(&'static self) -> bool {
        sys::start(self)
    }
}
