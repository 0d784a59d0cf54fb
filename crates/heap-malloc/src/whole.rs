//! Questions to the heap: `malloc_usable_size`, `malloc_trim`.

use core::ffi::{c_int, c_void};
use core::ptr::NonNull;

use heap_smp::by_address;

use crate::errno;

/// The bytes of a block that may be used: at least what was asked for. 0 for null and for foreign pointers.
///
/// # Safety
///
/// `block` is null or a live block. (Of others nothing is read; the answer means nothing.)
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    NonNull::new(block.cast()).and_then(by_address::block_size).unwrap_or(0)
}

/// Gives free memory back to the system, all of it whatever `pad` says. 1 if there was any, else 0.
#[cfg_attr(feature = "exports", unsafe(no_mangle))]
pub extern "C" fn malloc_trim(pad: usize) -> c_int {
    let _ = pad;
    c_int::from(errno::kept(by_address::purge))
}
