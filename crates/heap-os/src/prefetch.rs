//! Hints to the processor of what will be used soon.

use crate::sys;

/// Begins to fetch the cache line at `line`, which will be read or written soon, and does not wait for it. Never reads it as far
/// as a program can tell: the pointer may be null, or lead nowhere. One instruction on x86-64 and arm64, nothing elsewhere.
///
/// For lists that lie in the memory that they list: the next element is fetched while this one is used.
///
/// ```
/// heap_os::prefetch::read(core::ptr::null());
/// ```
#[inline(always)]
pub fn read(line: *const u8) {
    sys::prefetch::read(line);
}
