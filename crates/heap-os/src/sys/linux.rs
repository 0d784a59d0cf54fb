//! Linux: what any Unix has, and `madvise`, `mremap`, NUMA and processor numbers.

use core::ffi::{c_int, c_long};
use core::ptr::NonNull;

use rustix::io::Errno;
use rustix::mm::{self, Advice as Madvice, MapFlags, MremapFlags, ProtFlags};

use super::unix::{self, os_error, void};
use super::{Access, Advice, ForkHandler, Sys};
use crate::error::{MoveError, OsError};

pub(crate) struct Platform;

/// No swap is set aside: what is never touched costs nothing, also where memory is not overcommitted freely.
const FLAGS: MapFlags = MapFlags::PRIVATE.union(MapFlags::NORESERVE);

// SAFETY: `mmap` without `MAP_FIXED` never replaces a mapping, and anonymous memory is zero.
unsafe impl Sys for Platform {
    const RESERVES: bool = true;
    const ALIGNS: bool = false;
    const UNMAPS_PARTS: bool = true;
    const DECOMMIT_KEEPS_ACCESS: bool = true;
    const REMAPS: bool = true;
    const MOVES_PAGES: bool = true;

    fn page_size() -> usize {
        unix::page_size()
    }
    fn map(len: usize, _align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError> {
        unix::map(len, hint, access, FLAGS)
    }
    fn map_huge(len: usize, huge_log2: u32) -> Result<NonNull<u8>, OsError> {
        // MAP_HUGE_SHIFT: the logarithm stands in the flags' upper bits.
        let flags = MapFlags::PRIVATE | MapFlags::HUGETLB | MapFlags::from_bits_retain(huge_log2 << 26);
        unix::map(len, 0, Access::ReadWrite, flags)
    }
    unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { unix::unmap(base, len) }
    }
    unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { unix::protect(base, len, access) }
    }
    unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the range is the caller's; access is only added.
        unsafe { unix::protect(base, len, Access::ReadWrite) }
    }

    unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // Locked pages (mlockall) refuse the first; kernels before 5.18 the second too. Fresh pages over the old
        // ones always do, unless the process is out of mappings.
        for advice in [Madvice::LinuxDontNeed, Madvice::LinuxDontneedLocked] {
            // SAFETY: nobody relies on the content, says the caller.
            if unsafe { mm::madvise(void(base), len, advice) }.is_ok() {
                return Ok(());
            }
        }
        // SAFETY: the caller's promise is the same.
        unsafe { unix::map_over(base, len, FLAGS) }
    }

    unsafe fn advise(base: NonNull<u8>, len: usize, advice: Advice) -> Result<(), OsError> {
        let advice = match advice {
            Advice::HugeOff => Madvice::LinuxNoHugepage,
            Advice::HugeOn => Madvice::LinuxHugepage,
            Advice::Prefault => Madvice::LinuxPopulateWrite,
            Advice::Lazy => Madvice::LinuxFree,
        };
        // SAFETY: the range is the caller's; only `Lazy` touches content, and there nobody relies on it.
        unsafe { mm::madvise(void(base), len, advice) }.map_err(|error| os_error("madvise", error))
    }

    unsafe fn prefer_node(base: NonNull<u8>, len: usize, node: u32) -> Result<(), OsError> {
        // SAFETY: the caller's promise is the same.
        unsafe { prefer_node(base, len, node) }
    }

    unsafe fn remap(
        base: NonNull<u8>,
        old_len: usize,
        new_len: usize,
        may_move: bool,
    ) -> Result<NonNull<u8>, OsError> {
        let flags = if may_move { MremapFlags::MAYMOVE } else { MremapFlags::empty() };
        // SAFETY: the range is the caller's mapping; what shrinks away or moves is given up.
        let moved = unsafe { mm::mremap(void(base), old_len, new_len, flags) };
        let moved = moved.map_err(|error| os_error("mremap", error))?;
        NonNull::new(moved.cast()).ok_or(OsError { call: "mremap", code: OsError::UNKNOWN })
    }

    unsafe fn move_pages(
        from: NonNull<u8>,
        old_len: usize,
        to: NonNull<u8>,
        new_len: usize,
        keep: bool,
    ) -> Result<(), MoveError> {
        let flags = if keep { MremapFlags::MAYMOVE | MremapFlags::DONTUNMAP } else { MremapFlags::MAYMOVE };
        // SAFETY: both ranges are the caller's, and the content of `to` is given up.
        let moved = unsafe { mm::mremap_fixed(void(from), old_len, new_len, flags, void(to)) };
        moved.map(drop).map_err(|error| mend(to, new_len, error))
    }

    fn at_fork(a: Option<ForkHandler>, b: Option<ForkHandler>, c: Option<ForkHandler>) -> bool {
        unix::at_fork(a, b, c)
    }
    fn now_ms() -> u64 {
        unix::now_ms()
    }
    fn yield_now() {
        unix::yield_now();
    }
    fn cpu_count() -> usize {
        let set = rustix::thread::sched_getaffinity(None);
        set.map_or(1, |set| set.count() as usize).max(1)
    }
    fn current_cpu() -> Option<usize> {
        usize::try_from(sched_getcpu()).ok()
    }
}

unsafe extern "C" {
    // glibc reads the number from the thread's rseq area, musl asks the vDSO: no system call.
    safe fn sched_getcpu() -> c_int;
    fn syscall(number: c_long, ...) -> c_long;
}

/// `mremap` removes the target before it can fail for lack of kernel memory: puts fresh pages back in its place.
#[cold]
fn mend(to: NonNull<u8>, len: usize, error: Errno) -> MoveError {
    let flags = FLAGS | MapFlags::FIXED_NOREPLACE;
    // SAFETY: `NOREPLACE`: no existing mapping is touched.
    let mended = unsafe { mm::mmap_anonymous(void(to), len, ProtFlags::READ | ProtFlags::WRITE, flags) };
    // "Exists" has two reasons: the target was never removed, or another thread's mapping lies there by now. Unless
    // the refusal is one that comes first, nobody can tell, so the worse is assumed.
    let target_lost = mended.is_err() && !up_front(error);
    MoveError { error: os_error("mremap", error), target_lost }
}

/// Refusals of `mremap` that come before anything is removed: bad flags, no such call, sealed pages.
fn up_front(error: Errno) -> bool {
    matches!(error, Errno::INVAL | Errno::NOSYS | Errno::PERM)
}

/// `mbind`'s number, where it is known; rustix does not have the call, and the C library neither.
const MBIND: Option<c_long> = if cfg!(all(target_arch = "x86_64", target_pointer_width = "64")) {
    Some(237)
} else if cfg!(any(target_arch = "aarch64", target_arch = "riscv64", target_arch = "loongarch64")) {
    Some(235)
} else if cfg!(target_arch = "x86") {
    Some(274)
} else if cfg!(target_arch = "powerpc64") {
    Some(259)
} else if cfg!(target_arch = "s390x") {
    Some(268)
} else {
    None
};

/// # Safety
/// The range is the caller's mapping.
unsafe fn prefer_node(base: NonNull<u8>, len: usize, node: u32) -> Result<(), OsError> {
    const PREFERRED: c_long = 1;
    const NODES: usize = 1024;
    let Some(number) = MBIND else { return Err(OsError::unsupported("mbind")) };
    let mut mask = [0_usize; NODES / usize::BITS as usize];
    let word = node as usize / usize::BITS as usize;
    let Some(slot) = mask.get_mut(word) else { return Err(OsError::absurd("mbind")) };
    *slot = 1 << (node % usize::BITS);
    let max_node = NODES as c_long + 1;
    // SAFETY: the arguments are mbind's (addr, len, mode, mask, maxnode, flags); it reads the mask only, and changes
    // where the range's future pages come from, not its content.
    let result = unsafe {
        syscall(number, base.as_ptr(), len as c_long, PREFERRED, mask.as_ptr(), max_node, 0 as c_long)
    };
    if result == 0 { Ok(()) } else { Err(OsError { call: "mbind", code: OsError::UNKNOWN }) }
}
