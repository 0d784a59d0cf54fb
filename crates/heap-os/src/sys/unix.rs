//! Any Unix: `mmap` and friends through rustix, and what only the C library has.
//!
//! Page size and clock are asked of the C library and not of rustix, which on Linux reads the auxiliary vector
//! for them: with its feature `alloc` that allocates, and this code runs below the program's allocator.

use core::ffi::{c_int, c_long, c_void};
use core::ptr::{NonNull, without_provenance_mut};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

use super::{Access, ForkHandler, Sys};
use crate::error::OsError;

#[cfg_attr(target_os = "linux", allow(dead_code, reason = "Linux has its own, over the functions below"))]
pub(crate) struct Platform;

// SAFETY: `mmap` without `MAP_FIXED` never replaces a mapping, and anonymous memory is zero.
unsafe impl Sys for Platform {
    const RESERVES: bool = true;
    const ALIGNS: bool = false;
    const UNMAPS_PARTS: bool = true;
    const DECOMMIT_KEEPS_ACCESS: bool = true;
    const REMAPS: bool = true;
    const MOVES_PAGES: bool = false;

    fn page_size() -> usize {
        page_size()
    }
    fn map(len: usize, _align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError> {
        map(len, hint, access, MapFlags::PRIVATE)
    }
    unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { unmap(base, len) }
    }
    unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { protect(base, len, access) }
    }
    unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the range is the caller's; access is only added.
        unsafe { protect(base, len, Access::ReadWrite) }
    }
    unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { map_over(base, len, MapFlags::PRIVATE) }
    }
    unsafe fn remap(
        base: NonNull<u8>,
        old_len: usize,
        new_len: usize,
        _may_move: bool,
    ) -> Result<NonNull<u8>, OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { remap_in_place(base, old_len, new_len) }
    }
    fn at_fork(a: Option<ForkHandler>, b: Option<ForkHandler>, c: Option<ForkHandler>) -> bool {
        at_fork(a, b, c)
    }
    fn now_ms() -> u64 {
        now_ms()
    }
    fn yield_now() {
        yield_now();
    }
}

unsafe extern "C" {
    safe fn getpagesize() -> c_int;
    safe fn sched_yield() -> c_int;
    safe fn clock_gettime(clock: c_int, time: &mut Timespec) -> c_int;
    fn pthread_atfork(
        prepare: Option<ForkHandler>,
        parent: Option<ForkHandler>,
        child: Option<ForkHandler>,
    ) -> c_int;
}

/// `struct timespec` behind the plain symbol `clock_gettime`. Two words on all 64-bit systems. On 32-bit ones the
/// plain symbol keeps 32-bit seconds in the C libraries of Linux and Android; the others have 64-bit seconds.
#[repr(C)]
struct Timespec {
    secs: Seconds,
    nanos: c_long,
}
#[cfg(any(
    target_pointer_width = "64",
    all(any(target_os = "linux", target_os = "android"), not(target_arch = "riscv32"))
))]
type Seconds = c_long;
#[cfg(not(any(
    target_pointer_width = "64",
    all(any(target_os = "linux", target_os = "android"), not(target_arch = "riscv32"))
)))]
type Seconds = i64;

/// The cheapest monotonic clock that is good to some milliseconds.
const CLOCK: c_int = if cfg!(any(target_os = "linux", target_os = "android")) {
    6 // CLOCK_MONOTONIC_COARSE
} else if cfg!(target_vendor = "apple") {
    5 // CLOCK_MONOTONIC_RAW_APPROX
} else if cfg!(target_os = "freebsd") {
    12 // CLOCK_MONOTONIC_FAST
} else if cfg!(any(target_os = "netbsd", target_os = "openbsd")) {
    3 // CLOCK_MONOTONIC
} else if cfg!(any(target_os = "dragonfly", target_os = "illumos", target_os = "solaris")) {
    4 // CLOCK_MONOTONIC (CLOCK_HIGHRES)
} else {
    1
};

pub(super) fn page_size() -> usize {
    usize::try_from(getpagesize()).unwrap_or(0)
}

pub(super) fn yield_now() {
    let _ = sched_yield();
}

pub(super) fn now_ms() -> u64 {
    let mut time = Timespec { secs: 0, nanos: 0 };
    if clock_gettime(CLOCK, &mut time) != 0 {
        return 0;
    }
    (time.secs as u64).wrapping_mul(1000).wrapping_add(time.nanos as u64 / 1_000_000)
}

pub(super) fn at_fork(
    prepare: Option<ForkHandler>,
    parent: Option<ForkHandler>,
    child: Option<ForkHandler>,
) -> bool {
    // SAFETY: the handlers are functions of this program; whoever passes them answers for what they do.
    unsafe { pthread_atfork(prepare, parent, child) == 0 }
}

pub(super) fn map(len: usize, hint: usize, access: Access, flags: MapFlags) -> Result<NonNull<u8>, OsError> {
    // SAFETY: without MAP_FIXED the address is a wish: no existing mapping is touched.
    let base = unsafe { rustix::mm::mmap_anonymous(without_provenance_mut(hint), len, prot(access), flags) };
    let base = base.map_err(|error| os_error("mmap", error))?;
    NonNull::new(base.cast()).ok_or(OsError { call: "mmap", code: OsError::UNKNOWN })
}

/// Replaces the pages of a range by fresh ones.
///
/// # Safety
/// The range is the caller's mapping, and nobody relies on its content.
pub(super) unsafe fn map_over(base: NonNull<u8>, len: usize, flags: MapFlags) -> Result<(), OsError> {
    let flags = flags | MapFlags::FIXED;
    // SAFETY: only the caller's own range is replaced.
    let same = unsafe { rustix::mm::mmap_anonymous(void(base), len, prot(Access::ReadWrite), flags) };
    same.map(drop).map_err(|error| os_error("mmap", error))
}

/// Shrinks by unmapping the end, grows if the addresses behind happen to be free.
///
/// # Safety
/// As of [`Sys::remap`].
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "Linux has a call of its own"))]
unsafe fn remap_in_place(base: NonNull<u8>, old_len: usize, new_len: usize) -> Result<NonNull<u8>, OsError> {
    if new_len < old_len {
        // SAFETY: a part of the caller's mapping, given up.
        return unsafe { unmap(base.add(new_len), old_len - new_len) }.map(|()| base);
    }
    if new_len > old_len {
        let end = base.addr().get().wrapping_add(old_len);
        let more = new_len - old_len;
        let behind = map(more, end, Access::ReadWrite, MapFlags::PRIVATE)?;
        if behind.addr().get() != end {
            // SAFETY: just mapped, used by nobody. A refusal leaves pages that are never touched.
            _ = unsafe { unmap(behind, more) };
            return Err(OsError { call: "remap", code: OsError::UNKNOWN });
        }
    }
    Ok(base)
}

/// # Safety
/// As of [`Sys::unmap`].
pub(super) unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    // SAFETY: the range is the caller's, and nobody uses it again.
    unsafe { rustix::mm::munmap(void(base), len) }.map_err(|error| os_error("munmap", error))
}

/// # Safety
/// As of [`Sys::protect`].
pub(super) unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
    let flags = MprotectFlags::from_bits_retain(prot(access).bits());
    // SAFETY: the range is the caller's, who knows that nobody relies on the access that it loses.
    unsafe { rustix::mm::mprotect(void(base), len, flags) }.map_err(|error| os_error("mprotect", error))
}

pub(super) fn os_error(call: &'static str, error: rustix::io::Errno) -> OsError {
    OsError { call, code: error.raw_os_error() }
}

pub(super) fn void(ptr: NonNull<u8>) -> *mut c_void {
    ptr.as_ptr().cast()
}

fn prot(access: Access) -> ProtFlags {
    match access {
        Access::None => ProtFlags::empty(),
        Access::Read => ProtFlags::READ,
        Access::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
    }
}
