//! What a lock below the allocator sleeps on: a word, and a call that says it has changed.
//!
//! Linux has futexes (Franke, Russell and Kirkwood, "Fuss, Futexes and Furwocks", 2002). Elsewhere there is nothing that
//! neither allocates nor needs to be made first, and the caller must find another way to wait. `errno` stays as it is.

use crate::sync::AtomicU32;
use crate::sys;

/// Sleeps until [`wake_one`] is called for the word, unless it is no longer `value`; may return early for no reason. `false`: not
/// possible here, returned at once.
///
/// ```
/// use heap_os::wait;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static WORD: AtomicU32 = AtomicU32::new(0);
/// let other = std::thread::spawn(|| {
///     WORD.store(1, Ordering::Release);
///     wait::wake_one(&WORD);
/// });
/// while WORD.load(Ordering::Acquire) == 0 {
///     if !wait::wait(&WORD, 0) {
///         std::thread::yield_now();
///     }
/// }
/// # other.join().unwrap();
/// ```
#[inline]
pub fn wait(word: &AtomicU32, value: u32) -> bool {
    sys::wait::wait(word, value)
}

/// Wakes one thread that waits for the word, if there is one.
#[inline]
pub fn wake_one(word: &AtomicU32) {
    sys::wait::wake_one(word);
}
