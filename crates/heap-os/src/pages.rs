//! Raw page calls: what the operating system does with ranges of pages, with the same promises everywhere.
//!
//! For those who write allocators. Nothing here allocates, panics, unwinds or keeps a record; all of it may be
//! called below the program's global allocator, from any thread, before `main` and in thread-local destructors.
//! [`PageAllocator`](crate::PageAllocator) and [`Reservation`](crate::Reservation) are the safe faces.
//!
//! Words: a *mapping* is what one call of [`map`], [`map_aligned`] or [`reserve`] returned; a *range* is some of
//! its pages: an address and a length in bytes that are multiples of [`page_size`]. A range is *committed* when
//! it may be read and written. Lengths that are zero or no multiples of the page size are refused with
//! [`OsError::ABSURD`].
//!
//! What a platform cannot do is known when compiling: test [`RESERVES`], [`UNMAPS_PARTS`],
//! [`DECOMMIT_KEEPS_ACCESS`], [`REMAPS`] and [`MOVES_PAGES`] with a plain `if`.
//!
//! ```
//! use heap_os::pages;
//!
//! let len = 4 * pages::page_size();
//! let base = pages::map(len)?;
//! // SAFETY: the mapping is ours, whole, and not used after `unmap`.
//! unsafe {
//!     base.write_bytes(1, len);
//!     pages::decommit(base, len)?;
//!     pages::commit(base, len)?;
//!     assert_eq!(base.read(), 0);
//!     pages::unmap(base, len)?;
//! }
//! # Ok::<(), heap_os::OsError>(())
//! ```

use core::ptr::NonNull;

use crate::aligned::{self, check, check_len, map_with};
use crate::error::{MoveError, OsError};
use crate::os::Os;
pub use crate::page_size::{PAGE_SIZE_MAX, PAGE_SIZE_MIN, page_size};
use crate::parked::{Content, PARKED};
pub use crate::sys::Access;
use crate::sys::{Advice, ForkHandler, Sys};

/// [`reserve`] takes addresses only. Where `false` it takes memory too, and [`protect`] does not protect.
pub const RESERVES: bool = Os::RESERVES;
/// [`unmap`] and [`remap`] take any range. Where `false` they take whole mappings only.
pub const UNMAPS_PARTS: bool = Os::UNMAPS_PARTS;
/// A range may be touched after [`decommit`]. Where `false`, [`commit`] must come first, and may fail.
pub const DECOMMIT_KEEPS_ACCESS: bool = Os::DECOMMIT_KEEPS_ACCESS;
/// [`remap`] may succeed. Where `false` it never does.
pub const REMAPS: bool = Os::REMAPS;
/// [`move_pages`] may succeed. Where `false` it never does.
pub const MOVES_PAGES: bool = Os::MOVES_PAGES;

/// The unit of whole mappings in bytes: every mapping starts at a multiple of it. The page size, but on Windows
/// 64 KiB; lengths need be multiples of the page size only.
#[inline]
#[must_use]
pub fn granule() -> usize {
    Os::granule()
}

/// Maps `len` bytes: fresh, zero, committed, of no file and not shared. Memory is taken at the first touch, and
/// on Linux nothing is set aside before. One system call.
///
/// # Errors
///
/// [`OsError`]: the system refused, or `len` is absurd.
pub fn map(len: usize) -> Result<NonNull<u8>, OsError> {
    map_with::<Os>(len, 1, 0, Access::ReadWrite)
}

/// As [`map`], at a multiple of `align` bytes, a power of two up to the size of the address space.
///
/// Usually one system call, three for the first: the place below the last aligned mapping is asked for, or the one below
/// what the system gave. Else addresses for `len + align` are reserved, without memory, and cut to size (up to eight calls).
///
/// # Errors
///
/// [`OsError`]: the system refused, there are no such addresses, or the arguments are absurd.
pub fn map_aligned(len: usize, align: usize) -> Result<NonNull<u8>, OsError> {
    map_with::<Os>(len, align, 0, Access::ReadWrite)
}

/// As [`map_aligned`], preferably at address `hint`, which need not be free, aligned or even valid; 0: none.
///
/// # Errors
///
/// As for [`map_aligned`]. A hint never makes a mapping fail.
pub fn map_near(len: usize, align: usize, hint: usize) -> Result<NonNull<u8>, OsError> {
    map_with::<Os>(len, align, hint, Access::ReadWrite)
}

/// Reserves `len` bytes of addresses at a multiple of `align`: any touch faults until [`commit`].
///
/// # Errors
///
/// As for [`map_aligned`].
pub fn reserve(len: usize, align: usize) -> Result<NonNull<u8>, OsError> {
    map_with::<Os>(len, align, 0, Access::None)
}

/// The size of the huge pages of [`map_huge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HugeSize {
    /// The system's usual one.
    Default,
    /// 2 MiB.
    Mib2,
    /// 1 GiB.
    Gib1,
}

/// Maps `len` bytes of huge pages that the administrator set aside (Linux: `vm.nr_hugepages`): fresh, zero, committed.
/// `len` is a multiple of their size, and so are the ranges that are unmapped later.
///
/// # Errors
///
/// [`OsError`]: none are left, the system has none, or `len` is absurd.
pub fn map_huge(len: usize, size: HugeSize) -> Result<NonNull<u8>, OsError> {
    check_len("map_huge", len)?;
    let log2 = match size {
        HugeSize::Default => 0,
        HugeSize::Mib2 => 21,
        HugeSize::Gib1 => 30,
    };
    if len & ((1 << log2) - 1) != 0 {
        return Err(OsError::absurd("map_huge"));
    }
    Os::map_huge(len, log2)
}

/// Makes a range readable and writable. Committed pages keep their content, others are zero.
///
/// # Errors
///
/// [`OsError`]: no memory, or too many mappings; the range is as before.
///
/// # Safety
///
/// The range lies in one mapping of the caller.
pub unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    check("commit", base, len)?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::commit(base, len) }
}

/// Gives the memory of a range back and keeps the addresses. On success what is read next is zero; whether
/// [`commit`] must come before, [`DECOMMIT_KEEPS_ACCESS`] tells.
///
/// Locked pages (`mlockall`) are replaced by fresh ones.
///
/// # Errors
///
/// [`OsError`]: nothing can be said of the content, which is old or zero; the range is committed as before.
///
/// # Safety
///
/// The range is committed, lies in one mapping of the caller, and nobody relies on its content.
pub unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    check("decommit", base, len)?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::decommit(base, len) }
}

/// Lets the system take the memory of a range when it needs some: cheaper than [`decommit`] when the range is
/// used again soon. The content is old or zero, page by page, until the caller writes.
///
/// # Errors
///
/// [`OsError`]: refused or unsupported; nothing has changed.
///
/// # Safety
///
/// As for [`decommit`].
pub unsafe fn advise_free(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    // SAFETY: the caller's promise is the same.
    unsafe { advise(base, len, Advice::Lazy) }
}

/// Sets what may be done with a range.
///
/// # Errors
///
/// [`OsError`]: refused, for lack of mappings as a rule (a protected range in the middle of another makes three);
/// nothing has changed.
///
/// # Safety
///
/// The range is committed (if only for reads), lies in one mapping of the caller, and nobody relies on the
/// access that it loses.
pub unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
    check("protect", base, len)?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::protect(base, len, access) }
}

/// Gives a range back, addresses and all.
///
/// # Errors
///
/// [`OsError`]: the range is still mapped and the caller's (Linux refuses to cut a hole when the process has as
/// many mappings as it may have): keep it and try again later; [`decommit`] works even then.
///
/// # Safety
///
/// The range is a whole mapping of the caller, or lies in one where [`UNMAPS_PARTS`]. After success nobody uses
/// it again.
pub unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    check("unmap", base, len)?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::unmap(base, len) }
}

/// As [`unmap`], but cannot fail: what the system refuses to take back now is emptied, kept aside and unmapped
/// when a later release succeeds or a later mapping fails.
///
/// A range that is not in whole pages is ignored.
///
/// # Safety
///
/// As for [`unmap`]; the range is given up in any case.
pub unsafe fn release(base: NonNull<u8>, len: usize) {
    if check("release", base, len).is_ok() {
        // SAFETY: the caller's promise is the same.
        unsafe { PARKED.release::<Os>(base, len, Content::Unknown) };
    }
}

/// How a range uses huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HugePages {
    /// Never.
    Off,
    /// Wherever the system finds one (where it is set up to listen to advice).
    Advise,
}

/// Advises the use of huge pages for a range. Content does not change.
///
/// # Errors
///
/// [`OsError`]: refused, or the system has none to advise.
///
/// # Safety
///
/// The range is committed and lies in one mapping of the caller.
pub unsafe fn advise_huge(base: NonNull<u8>, len: usize, huge: HugePages) -> Result<(), OsError> {
    let advice = match huge {
        HugePages::Off => Advice::HugeOff,
        HugePages::Advise => Advice::HugeOn,
    };
    // SAFETY: the caller's promise is the same.
    unsafe { advise(base, len, advice) }
}

/// Takes the memory of a range now, in one call and writable, instead of at each page's first touch. Content
/// does not change.
///
/// # Errors
///
/// [`OsError`]: unsupported (Linux before 5.14, other systems), or no memory for all of it: some pages may have
/// theirs.
///
/// # Safety
///
/// As for [`advise_huge`].
pub unsafe fn prefault(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    // SAFETY: the caller's promise is the same.
    unsafe { advise(base, len, Advice::Prefault) }
}

/// Asks that the memory of a range, as far as it is not yet taken, come from one NUMA node. On failure (also for
/// want of such a system) the C library's `errno` may have changed.
///
/// # Errors
///
/// [`OsError`]: refused or unsupported; nothing has changed.
///
/// # Safety
///
/// The range lies in one mapping of the caller.
pub unsafe fn prefer_node(base: NonNull<u8>, len: usize, node: u32) -> Result<(), OsError> {
    check("prefer_node", base, len)?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::prefer_node(base, len, node) }
}

/// Changes the length of a range, in place or, if it `may_move`, elsewhere, without copying. `None`: not
/// possible, nothing has changed. What is new is zero. Moving keeps no more than page alignment.
///
/// # Safety
///
/// The range is committed and is a whole mapping of the caller, or lies in one where [`UNMAPS_PARTS`]. On success
/// bytes beyond a smaller `new_len` are gone, and if the result differs from `base`, so is the old range.
pub unsafe fn remap(
    base: NonNull<u8>,
    old_len: usize,
    new_len: usize,
    may_move: bool,
) -> Option<NonNull<u8>> {
    if !REMAPS || check("remap", base, old_len).is_err() || check("remap", base, new_len).is_err() {
        return None;
    }
    // SAFETY: the caller's promise is the same.
    unsafe { Os::remap(base, old_len, new_len, may_move) }.ok()
}

/// As [`remap`] with leave to move, and keeps the alignment of `base` to `align` bytes, a power of two.
///
/// Moving an over-aligned range takes an aligned range of addresses first, then moves the pages there.
///
/// # Safety
///
/// As for [`remap`]; `base` is a multiple of `align`.
pub unsafe fn remap_aligned(
    base: NonNull<u8>,
    old_len: usize,
    new_len: usize,
    align: usize,
) -> Option<NonNull<u8>> {
    if !REMAPS || check("remap", base, old_len).is_err() || check("remap", base, new_len).is_err() {
        return None;
    }
    // SAFETY: the caller's promise is the same.
    unsafe { aligned::remap_aligned::<Os>(base, old_len, new_len, align) }.ok()
}

/// Moves the pages of one range into another by changing page tables: nothing is copied. `from` stays mapped
/// and committed and is zero afterwards; what `to` held is gone.
///
/// # Errors
///
/// [`MoveError`]: not moved, `from` is as before. The content of `to` is not known; in the rarest case `to` is no
/// longer the caller's ([`target_lost`](MoveError::target_lost)).
///
/// # Safety
///
/// Both ranges are committed, do not overlap, lie each in one mapping of the caller, and nobody relies on the
/// content of `to`.
pub unsafe fn move_pages(from: NonNull<u8>, len: usize, to: NonNull<u8>) -> Result<(), MoveError> {
    let checked = check("move_pages", from, len).and_then(|()| check("move_pages", to, len));
    checked.map_err(|error| MoveError { error, target_lost: false })?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::move_pages(from, len, to, len, true) }
}

/// Registers functions that run around every `fork`: before it in the parent, after it in the parent, after it in
/// the child. Returns whether they are registered; `false` where there is no `fork`. May allocate from the C
/// library's own heap. There is no way to take a registration back.
///
/// # Safety
///
/// The functions must be sound to call at any `fork`, on any thread, and must not unwind.
pub unsafe fn at_fork(
    prepare: Option<ForkHandler>,
    parent: Option<ForkHandler>,
    child: Option<ForkHandler>,
) -> bool {
    Os::at_fork(prepare, parent, child)
}

/// Milliseconds since some moment before, from the cheapest clock that never goes back: good to about 10 ms, some
/// nanoseconds to read. 0 where there is no clock.
#[must_use]
pub fn now_ms() -> u64 {
    Os::now_ms()
}

/// Lets another thread that is ready run before this one goes on, where the system can; allocates nothing. For locks
/// below the program's allocator, which must not spin while their holder waits for a processor.
pub fn yield_now() {
    Os::yield_now();
}

/// The number of processors that this process may run on, at least 1. One system call.
#[must_use]
pub fn cpu_count() -> usize {
    Os::cpu_count()
}

/// The processor that runs this thread, where that is cheap to learn; it may have changed on return.
#[must_use]
pub fn current_cpu() -> Option<usize> {
    Os::current_cpu()
}

/// # Safety
/// As of [`Sys::advise`].
unsafe fn advise(base: NonNull<u8>, len: usize, advice: Advice) -> Result<(), OsError> {
    check("advise", base, len)?;
    // SAFETY: the caller's promise is the same.
    unsafe { Os::advise(base, len, advice) }
}
