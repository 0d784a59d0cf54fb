//! Windows: `VirtualAlloc` and `VirtualFree`. A mapping is released as a whole or not at all.

use core::ffi::c_void;
use core::ptr::{NonNull, null, without_provenance_mut};

use windows_sys::Win32::Foundation::GetLastError;
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_DECOMMIT, MEM_RELEASE, MEM_RESERVE, MEM_RESET, MEMORY_BASIC_INFORMATION, PAGE_NOACCESS,
    PAGE_READONLY, PAGE_READWRITE, VirtualAlloc, VirtualFree, VirtualProtect, VirtualQuery,
};
use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, GetTickCount64, SYSTEM_INFO};
use windows_sys::Win32::System::Threading::{GetCurrentProcessorNumber, SwitchToThread};

use super::{Access, Advice, Sys};
use crate::error::OsError;

pub(crate) struct Platform;

// SAFETY: `VirtualAlloc` with MEM_RESERVE never replaces a mapping, and committed pages are zero.
unsafe impl Sys for Platform {
    const RESERVES: bool = true;
    const ALIGNS: bool = false;
    const UNMAPS_PARTS: bool = false;
    const DECOMMIT_KEEPS_ACCESS: bool = false;
    const REMAPS: bool = true;
    const MOVES_PAGES: bool = false;

    fn page_size() -> usize {
        system_info().dwPageSize as usize
    }

    fn granule() -> usize {
        // Fixed since the first NT, and asking costs more than the answer is worth.
        64 * 1024
    }

    fn map(len: usize, _align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError> {
        let (kind, protection) = match access {
            Access::None => (MEM_RESERVE, PAGE_NOACCESS),
            Access::Read => (MEM_RESERVE | MEM_COMMIT, PAGE_READONLY),
            Access::ReadWrite => (MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE),
        };
        let wanted = without_provenance_mut::<c_void>(hint).cast_const();
        for at in [wanted, null()] {
            // SAFETY: reserving takes free addresses only.
            if let Some(base) = NonNull::new(unsafe { VirtualAlloc(at, len, kind, protection) }.cast()) {
                return Ok(base);
            }
            if at.is_null() {
                break;
            }
        }
        Err(last_error("VirtualAlloc"))
    }

    unsafe fn unmap(base: NonNull<u8>, _len: usize) -> Result<(), OsError> {
        // SAFETY: `base` is the start of a whole mapping, says the caller, and nobody uses it again.
        check("VirtualFree", unsafe { VirtualFree(base.as_ptr().cast(), 0, MEM_RELEASE) })
    }

    unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
        let protection = match access {
            Access::None => PAGE_NOACCESS,
            Access::Read => PAGE_READONLY,
            Access::ReadWrite => PAGE_READWRITE,
        };
        let mut old = 0;
        // SAFETY: the range is the caller's, who knows that nobody relies on the access that it loses.
        check("VirtualProtect", unsafe { VirtualProtect(base.as_ptr().cast(), len, protection, &mut old) })
    }

    unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the range is the caller's; what is committed already keeps its content.
        let same = unsafe { VirtualAlloc(base.as_ptr().cast(), len, MEM_COMMIT, PAGE_READWRITE) };
        if same.is_null() { Err(last_error("VirtualAlloc")) } else { Ok(()) }
    }

    unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: nobody relies on the content, says the caller.
        check("VirtualFree", unsafe { VirtualFree(base.as_ptr().cast(), len, MEM_DECOMMIT) })
    }

    unsafe fn advise(base: NonNull<u8>, len: usize, advice: Advice) -> Result<(), OsError> {
        if advice != Advice::Lazy {
            return Err(OsError::unsupported("advise"));
        }
        // SAFETY: nobody relies on the content, says the caller; the protection is ignored with MEM_RESET.
        let same = unsafe { VirtualAlloc(base.as_ptr().cast(), len, MEM_RESET, PAGE_READWRITE) };
        if same.is_null() { Err(last_error("VirtualAlloc")) } else { Ok(()) }
    }

    /// Shrinks by giving back the memory of the end, not its addresses; grows into such an end.
    unsafe fn remap(
        base: NonNull<u8>,
        old_len: usize,
        new_len: usize,
        _may_move: bool,
    ) -> Result<NonNull<u8>, OsError> {
        if new_len < old_len {
            // SAFETY: the end of the caller's mapping, given up.
            return unsafe { Self::decommit(base.add(new_len), old_len - new_len) }.map(|()| base);
        }
        let more = new_len - old_len;
        if more != 0 && !is_our_reserve(base, old_len, more) {
            return Err(OsError { call: "remap", code: OsError::UNKNOWN });
        }
        // SAFETY: addresses of the caller's own mapping, and nobody else uses them.
        if more == 0 { Ok(base) } else { unsafe { Self::commit(base.add(old_len), more) }.map(|()| base) }
    }

    fn now_ms() -> u64 {
        // SAFETY: no arguments, no preconditions.
        unsafe { GetTickCount64() }
    }
    fn yield_now() {
        // SAFETY: no arguments, no preconditions.
        let _ = unsafe { SwitchToThread() };
    }
    fn cpu_count() -> usize {
        (system_info().dwNumberOfProcessors as usize).max(1)
    }
    fn current_cpu() -> Option<usize> {
        // SAFETY: no arguments, no preconditions.
        Some(unsafe { GetCurrentProcessorNumber() } as usize)
    }
}

/// Whether the `more` bytes behind the first `len` belong to the same mapping and have no memory.
fn is_our_reserve(base: NonNull<u8>, len: usize, more: usize) -> bool {
    let mut info = MEMORY_BASIC_INFORMATION::default();
    let end = base.as_ptr().wrapping_add(len).cast_const().cast();
    // SAFETY: asks about an address, which need not be valid; `info` is a place for the answer.
    let known = unsafe { VirtualQuery(end, &mut info, size_of::<MEMORY_BASIC_INFORMATION>()) };
    known != 0
        && info.State == MEM_RESERVE
        && info.AllocationBase.addr() == base.addr().get()
        && info.RegionSize >= more
}

fn system_info() -> SYSTEM_INFO {
    let mut info = SYSTEM_INFO::default();
    // SAFETY: `info` is a place for the answer.
    unsafe { GetSystemInfo(&mut info) };
    info
}

fn check(call: &'static str, result: i32) -> Result<(), OsError> {
    if result == 0 { Err(last_error(call)) } else { Ok(()) }
}

fn last_error(call: &'static str) -> OsError {
    // SAFETY: no arguments, no preconditions.
    OsError { call, code: unsafe { GetLastError() }.cast_signed() }
}
