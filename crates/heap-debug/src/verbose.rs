//! One line on the standard error stream for each call, for [`verbose_log`](crate::DebugConfig::verbose_log).

use core::fmt::Write;

use crate::report::Line;
use crate::thread;

/// Writes the line.
#[cold]
#[inline(never)]
pub(crate) fn log(what: &str, addr: usize, size: usize, align: usize) {
    thread::reporting(|| {
        let mut line = Line::new();
        // A line that is too long is cut.
        let _ = writeln!(line, "heap-debug: {what} {size} bytes at {addr:#x} (align {align})");
        line.flush();
    });
}
