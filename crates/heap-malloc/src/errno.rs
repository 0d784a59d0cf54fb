//! `errno` as POSIX has it: [`ENOMEM`] after a failure, and untouched by all else.
//!
//! Only the slow paths make calls that may change it, so only they are wrapped.

use core::ffi::{c_int, c_void};
use core::ptr;

use heap_os::thread;

/// Not enough memory. The same number on every Unix.
pub(crate) const ENOMEM: c_int = 12;
/// Invalid argument. The same number on every Unix.
pub(crate) const EINVAL: c_int = 22;

/// Runs `work` and leaves `errno` as it was.
#[inline]
pub(crate) fn kept<R>(work: impl FnOnce() -> R) -> R {
    let before = thread::errno();
    let result = work();
    thread::set_errno(before);
    result
}

/// Runs `work`; leaves `errno` as it was, or sets it to `ENOMEM` if there is no block.
#[inline]
pub(crate) fn block(work: impl FnOnce() -> *mut u8) -> *mut c_void {
    match kept(work) {
        block if block.is_null() => failed(ENOMEM),
        block => block.cast(),
    }
}

/// Null, and says why.
#[cold]
pub(crate) fn failed(code: c_int) -> *mut c_void {
    thread::set_errno(code);
    ptr::null_mut()
}
