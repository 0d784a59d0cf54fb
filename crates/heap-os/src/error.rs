//! [`OsError`]: the system refused; which call, and why.

/// The operating system, or this crate on its behalf, refused a call.
///
/// Carries no text, so that it can be made and passed on inside an allocator. Nothing has changed unless the
/// function that returned it says otherwise.
///
/// ```
/// let refused = heap_os::pages::map(usize::MAX).unwrap_err();
/// assert_eq!((refused.call, refused.code), ("map", heap_os::OsError::ABSURD));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{call} refused (code {code})")]
pub struct OsError {
    /// The system's name for the call that failed, or this crate's when the system was not asked.
    pub call: &'static str,
    /// The system's error number (`errno`, `GetLastError`), or one of the negative codes below.
    pub code: i32,
}

impl OsError {
    /// The system has no such call.
    pub const UNSUPPORTED: i32 = -1;
    /// The request was absurd (zero, not in whole pages, more than the address space): the system was not asked.
    pub const ABSURD: i32 = -2;
    /// The system gave no number of its own.
    pub const UNKNOWN: i32 = -3;

    /// Refused on order of a test (feature `fault-injection`); the system was not asked.
    pub const ORDERED: i32 = -4;

    /// Whether the system has no such call at all, so that asking again is pointless.
    #[must_use]
    pub const fn is_unsupported(self) -> bool {
        self.code == Self::UNSUPPORTED
    }

    pub(crate) const fn unsupported(call: &'static str) -> Self {
        Self { call, code: Self::UNSUPPORTED }
    }

    pub(crate) const fn absurd(call: &'static str) -> Self {
        Self { call, code: Self::ABSURD }
    }
}

impl From<OsError> for heap_core::AllocError {
    fn from(_: OsError) -> Self {
        Self
    }
}

/// Why [`pages::move_pages`](crate::pages::move_pages) did not move anything, and whether it did harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{error}")]
pub struct MoveError {
    /// What the system said.
    pub error: OsError,
    /// The target range is no longer the caller's: it must not be touched, unmapped or used again. The system
    /// had already dropped it when it failed, and another thread's mapping may lie there. Never seen outside of
    /// kernel memory exhaustion, but it cannot be ruled out.
    pub target_lost: bool,
}
