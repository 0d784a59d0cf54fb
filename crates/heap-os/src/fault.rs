//! Faults on order: makes the system refuse the k-th page call, every call from it on, or every n-th.
//!
//! With the feature `fault-injection` every call of [`pages`](crate::pages) passes through here first. A
//! [`Plan`] is ordered for the calling thread or for the whole process and holds until its [`Guard`] is dropped.
//! A test runs its program with the first call refused, then the second, and so on until a run is not hit:
//!
//! ```
//! use heap_os::fault::{Calls, Plan};
//! use heap_os::pages;
//!
//! let program = || -> Result<(), heap_os::OsError> {
//!     let base = pages::map(pages::page_size())?;
//!     // SAFETY: mapped just above, not used again.
//!     unsafe { pages::unmap(base, pages::page_size()) }
//! };
//! let mut k = 0;
//! loop {
//!     let guard = Plan::nth(k).of(Calls::MAP).on_this_thread();
//!     let result = program();
//!     assert_eq!(result.is_err(), guard.refused() > 0);
//!     if guard.refused() == 0 {
//!         break;
//!     }
//!     k += 1;
//! }
//! assert_eq!(k, 1);
//! ```

extern crate std;

use core::marker::PhantomData;
use core::ptr::NonNull;
use std::thread_local;

use crate::error::{MoveError, OsError};
use crate::sync::{AtomicIsize, AtomicUsize, Ordering::Relaxed};
use crate::sys::{Access, Advice, ForkHandler, Sys};

/// A set of page calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Calls(usize);

impl Calls {
    /// Fresh mappings: `map`, `map_aligned`, `reserve`, and every mapping tried on the way.
    pub const MAP: Self = Self(1);
    /// `unmap`, and the cuts that aligned mappings need.
    pub const UNMAP: Self = Self(1 << 1);
    /// `commit`.
    pub const COMMIT: Self = Self(1 << 2);
    /// `decommit`.
    pub const DECOMMIT: Self = Self(1 << 3);
    /// `protect`, and the commit of an aligned mapping that was cut to size.
    pub const PROTECT: Self = Self(1 << 4);
    /// `advise_huge`, `advise_free`, `prefault`, `prefer_node`.
    pub const ADVISE: Self = Self(1 << 5);
    /// `remap`.
    pub const REMAP: Self = Self(1 << 6);
    /// `move_pages`.
    pub const MOVE: Self = Self(1 << 7);
    /// All of them.
    pub const ALL: Self = Self(0xff);

    /// Both sets.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

/// Which calls are refused. Calls are counted from 0, only those of the plan's set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is ordered"]
pub struct Plan {
    calls: Calls,
    first: u64,
    /// Distance between refusals; `u64::MAX`: only one.
    every: u64,
}

impl Plan {
    /// Refuses call `k` and no other.
    pub const fn nth(k: u64) -> Self {
        Self { calls: Calls::ALL, first: k, every: u64::MAX }
    }

    /// Refuses call `k` and all that follow.
    pub const fn from(k: u64) -> Self {
        Self { calls: Calls::ALL, first: k, every: 1 }
    }

    /// Refuses every `n`-th call, beginning with call `n - 1`. Zero counts as one.
    pub const fn every(n: u64) -> Self {
        let n = if n == 0 { 1 } else { n };
        Self { calls: Calls::ALL, first: n - 1, every: n }
    }

    /// Confines the plan to some calls.
    pub const fn of(self, calls: Calls) -> Self {
        Self { calls, ..self }
    }

    /// Orders the refusals for the calling thread, in place of its last order.
    pub fn on_this_thread(self) -> Guard {
        THREAD.with(|state| state.order(self));
        Guard { process: false, here_only: PhantomData }
    }

    /// Orders the refusals for all threads, in place of the last such order.
    pub fn on_all_threads(self) -> Guard {
        PROCESS.order(self);
        Guard { process: true, here_only: PhantomData }
    }
}

/// An order in force. Dropping it ends the order.
#[derive(Debug)]
#[must_use = "dropping the guard ends the order"]
pub struct Guard {
    process: bool,
    // A thread's order is that thread's.
    here_only: PhantomData<*const ()>,
}

impl Guard {
    /// How many calls were refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.with(|state| state.refused.load(Relaxed)) as u64
    }

    /// How many calls of the plan's set were made so far, refused or not.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.with(|state| state.seen.load(Relaxed)) as u64
    }

    fn with<R>(&self, f: impl FnOnce(&State) -> R) -> R {
        if self.process { f(&PROCESS) } else { THREAD.with(f) }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.with(|state| state.calls.store(0, Relaxed));
    }
}

/// Bytes that this process holds in mappings made through [`pages`](crate::pages), committed or not. Exact when no
/// other thread maps at the time.
#[must_use]
pub fn mapped_bytes() -> usize {
    usize::try_from(MAPPED.load(Relaxed)).unwrap_or(0)
}

/// As [`mapped_bytes`], counting only what the calling thread mapped less what it unmapped.
#[must_use]
pub fn mapped_bytes_of_this_thread() -> isize {
    MAPPED_HERE.with(|bytes| bytes.load(Relaxed))
}

/// An order and its counts. Statistics: nothing is ordered by them.
struct State {
    /// The set of the plan; 0: no order.
    calls: AtomicUsize,
    first: AtomicUsize,
    every: AtomicUsize,
    seen: AtomicUsize,
    refused: AtomicUsize,
}

static PROCESS: State = State::new();
static MAPPED: AtomicIsize = AtomicIsize::new(0);
thread_local! {
    // No destructors: usable below a global allocator and while a thread ends.
    static THREAD: State = const { State::new() };
    static MAPPED_HERE: AtomicIsize = const { AtomicIsize::new(0) };
}

impl State {
    const fn new() -> Self {
        Self {
            calls: AtomicUsize::new(0),
            first: AtomicUsize::new(0),
            every: AtomicUsize::new(0),
            seen: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        }
    }

    fn order(&self, plan: Plan) {
        self.calls.store(0, Relaxed);
        // A count that does not fit is one that is never reached.
        self.first.store(usize::try_from(plan.first).unwrap_or(usize::MAX), Relaxed);
        self.every.store(usize::try_from(plan.every).unwrap_or(usize::MAX), Relaxed);
        self.seen.store(0, Relaxed);
        self.refused.store(0, Relaxed);
        self.calls.store(plan.calls.0, Relaxed);
    }

    fn refuses(&self, call: Calls) -> bool {
        if self.calls.load(Relaxed) & call.0 == 0 {
            return false;
        }
        let k = self.seen.fetch_add(1, Relaxed);
        let hit = k
            .checked_sub(self.first.load(Relaxed))
            .is_some_and(|past| past.checked_rem(self.every.load(Relaxed)) == Some(0));
        if hit {
            self.refused.fetch_add(1, Relaxed);
        }
        hit
    }
}

fn consult(call: Calls, name: &'static str) -> Result<(), OsError> {
    let hit = THREAD.with(|state| state.refuses(call)) | PROCESS.refuses(call);
    if hit { Err(OsError { call: name, code: OsError::ORDERED }) } else { Ok(()) }
}

fn count(bytes: isize) {
    MAPPED.fetch_add(bytes, Relaxed);
    MAPPED_HERE.with(|here| here.fetch_add(bytes, Relaxed));
}

/// A platform that refuses on order, else does what `S` does.
pub(crate) struct Refusing<S>(PhantomData<S>);

// SAFETY: every call is refused before it has any effect, or forwarded unchanged.
unsafe impl<S: Sys> Sys for Refusing<S> {
    const RESERVES: bool = S::RESERVES;
    const ALIGNS: bool = S::ALIGNS;
    const UNMAPS_PARTS: bool = S::UNMAPS_PARTS;
    const DECOMMIT_KEEPS_ACCESS: bool = S::DECOMMIT_KEEPS_ACCESS;
    const REMAPS: bool = S::REMAPS;
    const MOVES_PAGES: bool = S::MOVES_PAGES;

    fn page_size() -> usize {
        S::page_size()
    }
    fn granule() -> usize {
        S::granule()
    }
    fn map(len: usize, align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError> {
        consult(Calls::MAP, "map")?;
        S::map(len, align, hint, access).inspect(|_| count(len.cast_signed()))
    }
    fn map_huge(len: usize, huge_log2: u32) -> Result<NonNull<u8>, OsError> {
        consult(Calls::MAP, "map_huge")?;
        S::map_huge(len, huge_log2).inspect(|_| count(len.cast_signed()))
    }
    unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        consult(Calls::UNMAP, "unmap")?;
        // SAFETY: the caller's promise is the same.
        unsafe { S::unmap(base, len) }.inspect(|()| count(-len.cast_signed()))
    }
    unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
        consult(Calls::PROTECT, "protect")?;
        // SAFETY: the caller's promise is the same.
        unsafe { S::protect(base, len, access) }
    }
    unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        consult(Calls::COMMIT, "commit")?;
        // SAFETY: the caller's promise is the same.
        unsafe { S::commit(base, len) }
    }
    unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        consult(Calls::DECOMMIT, "decommit")?;
        // SAFETY: the caller's promise is the same.
        unsafe { S::decommit(base, len) }
    }
    unsafe fn advise(base: NonNull<u8>, len: usize, advice: Advice) -> Result<(), OsError> {
        consult(Calls::ADVISE, "advise")?;
        // SAFETY: the caller's promise is the same.
        unsafe { S::advise(base, len, advice) }
    }
    unsafe fn prefer_node(base: NonNull<u8>, len: usize, node: u32) -> Result<(), OsError> {
        consult(Calls::ADVISE, "prefer_node")?;
        // SAFETY: the caller's promise is the same.
        unsafe { S::prefer_node(base, len, node) }
    }
    unsafe fn remap(
        base: NonNull<u8>,
        old_len: usize,
        new_len: usize,
        may_move: bool,
    ) -> Result<NonNull<u8>, OsError> {
        consult(Calls::REMAP, "remap")?;
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { S::remap(base, old_len, new_len, may_move) };
        moved.inspect(|_| count(new_len.cast_signed() - old_len.cast_signed()))
    }
    unsafe fn move_pages(
        from: NonNull<u8>,
        old_len: usize,
        to: NonNull<u8>,
        new_len: usize,
        keep: bool,
    ) -> Result<(), MoveError> {
        consult(Calls::MOVE, "move_pages").map_err(|error| MoveError { error, target_lost: false })?;
        // SAFETY: the caller's promise is the same.
        let moved = unsafe { S::move_pages(from, old_len, to, new_len, keep) };
        let lost = |error: &MoveError| {
            if error.target_lost {
                count(-new_len.cast_signed())
            }
        };
        moved
            .inspect(|()| {
                if !keep {
                    count(-old_len.cast_signed())
                }
            })
            .inspect_err(lost)
    }
    fn at_fork(a: Option<ForkHandler>, b: Option<ForkHandler>, c: Option<ForkHandler>) -> bool {
        S::at_fork(a, b, c)
    }
    fn now_ms() -> u64 {
        S::now_ms()
    }
    fn yield_now() {
        S::yield_now();
    }
    fn cpu_count() -> usize {
        S::cpu_count()
    }
    fn current_cpu() -> Option<usize> {
        S::current_cpu()
    }
}
