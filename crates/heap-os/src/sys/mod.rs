//! What a platform must provide: one trait, one file a platform, one ladder that picks it.
//!
//! No policy here: rounding, alignment and checks are written once, in [`pages`](crate::pages). What a platform
//! *can* is a `const`, tested with `if`, so that every branch is compiled everywhere.

use core::ptr::NonNull;

use crate::error::{MoveError, OsError};

pub(crate) mod bounds;
#[cfg(feature = "c-allocator")]
pub(crate) mod c_heap;
#[cfg(feature = "thread")]
pub(crate) mod c_thread;
#[cfg(feature = "background")]
pub(crate) mod background;

#[cfg(any(target_family = "wasm", test))]
mod free_ranges;

#[cfg(any(miri, test))]
pub(crate) mod fake;
#[cfg(all(unix, not(miri)))]
mod unix;
#[cfg(all(target_family = "wasm", not(miri)))]
pub(crate) mod wasm;

pub(crate) mod growing;
pub(crate) mod stderr;
pub(crate) mod prefetch;
pub(crate) mod wait;

#[cfg(miri)]
use fake as imp;
#[cfg(all(target_os = "linux", not(miri)))]
#[path = "linux.rs"]
mod imp;
#[cfg(all(unix, not(target_os = "linux"), not(miri)))]
use unix as imp;
#[cfg(all(windows, not(miri)))]
#[path = "windows.rs"]
mod imp;
#[cfg(all(target_family = "wasm", not(unix), not(miri)))]
use wasm as imp;
#[cfg(not(any(miri, unix, windows, target_family = "wasm")))]
#[path = "unsupported.rs"]
mod imp;

pub(crate) use imp::Platform;

/// What may be done with pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Nothing: any touch faults.
    None,
    /// Reads only.
    Read,
    /// Reads and writes.
    ReadWrite,
}

/// Advice on how pages will be used; never changes their contents, but for [`Advice::Lazy`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    HugeOff,
    HugeOn,
    Prefault,
    Lazy,
}

/// Handlers around `fork`, as of `pthread_atfork`.
pub(crate) type ForkHandler = unsafe extern "C" fn();

/// A platform.
///
/// Everywhere: lengths are not zero and are multiples of the page size (of [`granule`](Sys::granule) for whole
/// mappings), addresses of ranges too. A refusal leaves everything as it was. Nothing allocates or panics.
///
/// # Safety
///
/// What `map` returns is fresh: it overlaps nothing that is mapped. Content is zero.
pub(crate) unsafe trait Sys {
    /// Whether `map` can hold addresses without memory behind them. Where not, `Access::None` gives memory.
    const RESERVES: bool;
    /// Whether `map` honours `align` itself. Where not, it may ignore it.
    const ALIGNS: bool;
    /// Whether a part of a mapping can be unmapped. Where not, `unmap` takes whole mappings only.
    const UNMAPS_PARTS: bool;
    /// Whether decommitted pages can be touched again without `commit`.
    const DECOMMIT_KEEPS_ACCESS: bool;
    /// Whether `remap` can do anything.
    const REMAPS: bool;
    /// Whether `move_pages` can do anything.
    const MOVES_PAGES: bool;

    /// The unit of mapping, in bytes.
    fn page_size() -> usize;

    /// The unit of whole mappings and the alignment of what `map` returns: a multiple of the page size.
    fn granule() -> usize {
        Self::page_size()
    }

    /// A fresh range of zero pages. `hint`: an address that would be liked, 0 for none.
    fn map(len: usize, align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError>;

    /// A fresh range of zero pages out of those that the administrator set aside, each of `huge_log2` as logarithm of
    /// its bytes, 0 for the system's usual size.
    fn map_huge(_len: usize, _huge_log2: u32) -> Result<NonNull<u8>, OsError> {
        Err(OsError::unsupported("map_huge"))
    }

    /// # Safety
    /// The range is a mapping of the caller (a part of one where `UNMAPS_PARTS`), and nobody uses it again.
    unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError>;

    /// # Safety
    /// The range is committed and the caller's, and nobody relies on the access that it loses.
    unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError>;

    /// Makes a reserved or decommitted range readable and writable.
    ///
    /// # Safety
    /// The range is the caller's mapping.
    unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError>;

    /// Gives the memory back and keeps the addresses; what is read next is zero.
    ///
    /// # Safety
    /// The range is the caller's mapping, committed, and nobody relies on its content.
    unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError>;

    /// # Safety
    /// The range is the caller's mapping, committed; for `Lazy`, nobody relies on its content.
    unsafe fn advise(_base: NonNull<u8>, _len: usize, _advice: Advice) -> Result<(), OsError> {
        Err(OsError::unsupported("advise"))
    }

    /// Asks that the range's memory come from one NUMA node.
    ///
    /// # Safety
    /// The range is the caller's mapping.
    unsafe fn prefer_node(_base: NonNull<u8>, _len: usize, _node: u32) -> Result<(), OsError> {
        Err(OsError::unsupported("prefer_node"))
    }

    /// # Safety
    /// The range is one whole mapping (or part, where `UNMAPS_PARTS`) of the caller, committed; what lies beyond
    /// a smaller length is given up, and so is the old address if the result differs.
    unsafe fn remap(
        _base: NonNull<u8>,
        _old_len: usize,
        _new_len: usize,
        _may_move: bool,
    ) -> Result<NonNull<u8>, OsError> {
        Err(OsError::unsupported("remap"))
    }

    /// Moves the pages of `from` to `to`, where `new_len` bytes are valid afterwards. With `keep` (the lengths are
    /// equal) `from` stays mapped and is zero, else it is gone.
    ///
    /// # Safety
    /// Both ranges are the caller's, committed, apart; nobody relies on the content of `to`.
    unsafe fn move_pages(
        _from: NonNull<u8>,
        _old_len: usize,
        _to: NonNull<u8>,
        _new_len: usize,
        _keep: bool,
    ) -> Result<(), MoveError> {
        Err(MoveError { error: OsError::unsupported("move_pages"), target_lost: false })
    }

    /// Registers handlers around `fork`.
    fn at_fork(
        _prepare: Option<ForkHandler>,
        _parent: Option<ForkHandler>,
        _child: Option<ForkHandler>,
    ) -> bool {
        false
    }

    /// Milliseconds since some fixed moment, never going back; 0 where there is no clock.
    fn now_ms() -> u64 {
        0
    }

    /// Lets another thread run.
    fn yield_now() {
        core::hint::spin_loop();
    }

    /// The processors that this process may run on, at least 1.
    fn cpu_count() -> usize {
        1
    }

    /// The processor that the calling thread runs on, where that is cheap to learn.
    fn current_cpu() -> Option<usize> {
        None
    }
}
