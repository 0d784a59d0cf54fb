//! Telling people, or programs, what was found. Text is composed in a fixed buffer and goes to the standard error
//! stream; only the names of functions need memory, from the report's own heap.

mod line;
mod style;
mod symbols;
mod source;
mod trace;
mod dump;
mod text;
mod leaks;
mod json;

pub(crate) use json::write_string as write_json_string;
pub(crate) use line::Line;
pub(crate) use symbols::resolve;

use core::fmt;
use core::panic::AssertUnwindSafe;

use crate::config::Format;
use crate::leak_report::LeakReport;
use crate::sync::{AtomicUsize, Ordering};
use crate::thread;
use crate::violation::Violation;
use style::Style;

/// The thread that is printing, so that reports do not mix; 0: none.
static PRINTING: AtomicUsize = AtomicUsize::new(0);

/// How often a report gives its processor away for another one: far longer than any takes. The other thread may be gone:
/// the child of a fork has one thread only.
const TURNS: usize = 200_000;

/// Has the standard error stream for itself, as far as reports go, while `f` runs. Waits for another thread's report;
/// not for its own, that a signal handler interrupted.
fn alone(f: impl FnOnce()) {
    let token = thread::token();
    let mut turns = 0;
    // Acquire pairs with the release below.
    while let Err(holder) = PRINTING.compare_exchange_weak(0, token, Ordering::Acquire, Ordering::Relaxed) {
        turns += 1;
        if holder == token || turns > TURNS {
            return f();
        }
        std::thread::yield_now();
    }
    f();
    PRINTING.store(0, Ordering::Release);
}

/// Reports a violation. No lock of an allocator is held.
pub(crate) fn tell(violation: &Violation, format: Format) {
    print(format, |line, style| match format {
        Format::Json => json::write_violation(violation, line),
        Format::Text | Format::Silent => text::write_violation(violation, style, line),
    });
}

/// Reports what is left.
fn tell_leaks(report: &LeakReport, format: Format) {
    print(format, |line, style| match format {
        Format::Json => json::write_leaks(report, line),
        Format::Text | Format::Silent => leaks::write(report, style, line),
    });
}

fn print(format: Format, write: impl FnOnce(&mut Line, Style) -> fmt::Result) {
    if format == Format::Silent {
        return;
    }
    thread::reporting(|| {
        alone(|| {
            let mut line = Line::new();
            // A line never fails: what does not fit is written out first. Nothing may unwind out of an allocator, not
            // even a symboliser that stumbles over a file.
            let written = AssertUnwindSafe(|| write(&mut line, Style::of_stderr()));
            let _ = std::panic::catch_unwind(written);
            line.flush();
        });
    });
}

/// The report as for people, without colour. Finds names of functions: slow.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        thread::reporting(|| text::write_violation(self, Style::PLAIN, f))
    }
}

/// The report as for people, without colour. Finds names of functions: slow.
impl fmt::Display for LeakReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        thread::reporting(|| leaks::write(self, Style::PLAIN, f))
    }
}

impl LeakReport {
    /// Writes the report to the standard error stream.
    pub fn print(&self, format: Format) {
        tell_leaks(self, format);
    }
}
