//! The standard error stream, for the last words of a program whose heap is broken.

use crate::sys;

/// Writes to the standard error stream, past the lock of the standard library: the thread that holds it may wait for a
/// lock of the caller's. Allocates nothing. `false`: not possible here, nothing was written.
///
/// ```
/// assert!(heap_os::stderr::write(b"") || cfg!(not(unix)));
/// ```
pub fn write(text: &[u8]) -> bool {
    sys::stderr::write(text)
}
