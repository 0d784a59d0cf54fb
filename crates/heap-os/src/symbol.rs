//! Functions found by name while the program runs.

use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

use crate::sys::c_thread as sys;

/// The address of a symbol that the program or one of its libraries exports; `None` where there is none, or no way to ask.
/// May allocate from the C library's heap.
///
/// ```
/// assert!(heap_os::symbol(c"getpid").is_some() || cfg!(not(unix)));
/// assert!(heap_os::symbol(c"no such symbol").is_none());
/// ```
#[must_use]
pub fn symbol(name: &CStr) -> Option<NonNull<c_void>> {
    sys::symbol(name)
}
