//! The page size: bounds known when compiling, the value asked once.

use crate::os::Os;
use crate::sync::{AtomicUsize, Ordering};
use crate::sys::{Sys, bounds};

/// The smallest page size, in bytes, that this target may have.
#[doc(alias = "page_size_min")]
pub const PAGE_SIZE_MIN: usize = bounds::PAGE_SIZE.0;

/// The largest page size, in bytes, that this target may have.
#[doc(alias = "page_size_max")]
pub const PAGE_SIZE_MAX: usize = bounds::PAGE_SIZE.1;

/// The system's answer; 0: not asked yet. Every thread writes the same value, so nothing is ordered by it.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// The size of a page in bytes: a power of two in `PAGE_SIZE_MIN..=PAGE_SIZE_MAX`.
///
/// A constant where the bounds are equal, else one relaxed load after the first call. Never fails: a system
/// that gives no usable answer is taken to have [`PAGE_SIZE_MAX`], whose multiples are whole pages of any size.
///
/// ```
/// let size = heap_os::page_size();
/// assert!(size.is_power_of_two() && size >= heap_os::PAGE_SIZE_MIN);
/// ```
#[inline]
#[must_use]
#[doc(alias = "pageSize")]
pub fn page_size() -> usize {
    if PAGE_SIZE_MIN == PAGE_SIZE_MAX {
        return PAGE_SIZE_MAX;
    }
    match ASKED.load(Ordering::Relaxed) {
        0 => ask(),
        size => size,
    }
}

#[cold]
#[inline(never)]
fn ask() -> usize {
    let size = default_query_page_size();
    ASKED.store(size, Ordering::Relaxed);
    size
}

/// Asks the system for the page size in bytes, without the cache.
///
/// ```
/// assert_eq!(heap_os::default_query_page_size(), heap_os::page_size());
/// ```
#[must_use]
#[doc(alias = "defaultQueryPageSize")]
pub fn default_query_page_size() -> usize {
    let size = Os::page_size();
    let usable = size.is_power_of_two() && (PAGE_SIZE_MIN..=PAGE_SIZE_MAX).contains(&size);
    if usable { size } else { PAGE_SIZE_MAX }
}
