//! Stack traces: walked cheaply, each distinct one stored once, turned into names only when printed.

mod table;

pub(crate) use table::{MAX_TRACES, TABLE};

use crate::config::MAX_FRAMES;
use crate::sys::{self, Site};

/// The call stack of an allocation, a free or a misuse: a small handle, for traces that are equal are stored once,
/// for the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Trace(u32);

impl Trace {
    /// No trace: none was recorded.
    pub const NONE: Self = Self(0);

    /// The return addresses, innermost first; empty when none was recorded. O(1).
    #[must_use]
    pub fn frames(self) -> &'static [usize] {
        TABLE.frames(self.0)
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn of_id(id: u32) -> Self {
        Self(id)
    }

    pub(crate) const fn id(self) -> u32 {
        self.0
    }

    /// The stack of the callers of the function that `site` is in, at most `depth` of them.
    ///
    /// Never allocates; [`Trace::NONE`] when the table is full.
    ///
    /// # Safety
    ///
    /// That function has not returned.
    pub(crate) unsafe fn capture(depth: usize, site: &Site) -> Self {
        let mut frames = [0; MAX_FRAMES];
        let depth = depth.min(MAX_FRAMES);
        // SAFETY: the caller's promise.
        let count = unsafe { sys::walk(site, &mut frames[..depth]) };
        Self(TABLE.intern(&frames[..count]))
    }

    /// As [`capture`](Self::capture), in full depth and with the place of `site` itself.
    ///
    /// # Safety
    ///
    /// As of [`capture`](Self::capture).
    pub(crate) unsafe fn capture_at(site: &Site) -> Self {
        let mut frames = [site.as_return_address(); MAX_FRAMES];
        // Where it is not known, the walk itself begins there.
        let known = usize::from(frames[0] != 0);
        // SAFETY: the caller's promise.
        let count = unsafe { sys::walk(site, &mut frames[known..]) };
        Self(TABLE.intern(&frames[..known + count]))
    }
}

impl core::fmt::Debug for Trace {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Trace({}, {} frames)", self.0, self.frames().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn inner() -> Trace {
        let site = Site::here();
        // SAFETY: this function has not returned.
        unsafe { Trace::capture(8, &site) }
    }

    #[inline(never)]
    fn outer() -> [Trace; 2] {
        core::array::from_fn(|_| inner())
    }

    #[test]
    fn equal_stacks_are_one_trace_and_start_at_the_caller() {
        let [first, second] = outer();
        assert_eq!(first, second);
        assert!(!first.is_none());
        let mut names = Vec::new();
        for &frame in first.frames() {
            backtrace::resolve((frame - 1) as *mut _, |symbol| {
                names.push(symbol.name().map(|name| name.to_string()).unwrap_or_default());
            });
        }
        assert!(names.iter().any(|name| name.contains("outer")), "{names:?}");
        assert!(!names.iter().any(|name| name.contains("::inner")), "{names:?}");
        assert!(first.frames().len() > 3, "{names:?}");
    }

    #[test]
    fn our_walk_sees_what_the_unwinder_sees() {
        let mut ours = [0; MAX_FRAMES];
        // SAFETY: this function has not returned.
        let count = unsafe { sys::walk(&Site::here(), &mut ours) };
        let mut theirs = Vec::new();
        backtrace::trace(|frame| {
            theirs.push(frame.ip().addr());
            true
        });
        theirs.retain(|&frame| frame != 0);
        let ours = &ours[..count];
        assert!(count > 3 && theirs.windows(count).any(|frames| frames == ours), "{ours:x?}\n{theirs:x?}");
    }
}
