//! Stack traces: walked cheaply, each distinct one stored once, turned into names only when printed.

mod sys;
mod table;

pub(crate) use table::{MAX_TRACES, TABLE};

use crate::config::MAX_FRAMES;

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

    pub(crate) const fn id(self) -> u32 {
        self.0
    }

    /// The stack of the caller's caller and its callers, at most `depth` of them.
    ///
    /// `mark` is the address of a local variable of the caller: its frame and those inside are left out. Never
    /// allocates; [`Trace::NONE`] when the table is full.
    #[inline(never)]
    pub(crate) fn capture(depth: usize, mark: usize) -> Self {
        let mut frames = [0; MAX_FRAMES];
        let depth = depth.min(MAX_FRAMES);
        let count = sys::walk(mark, &mut frames[..depth]);
        Self(TABLE.intern(&frames[..count]))
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
        let mark = 0_u8;
        Trace::capture(8, (&raw const mark).addr())
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
        let mark = 0_u8;
        let mut ours = [0; MAX_FRAMES];
        let count = sys::walk((&raw const mark).addr(), &mut ours);
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
