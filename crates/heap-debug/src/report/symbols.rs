//! From addresses to names, files and lines; and which of them are the user's own.

use std::ffi::c_void;
use std::path::Path;

/// What is known of a frame. A call that was inlined is a frame of its own.
pub(crate) struct Name<'a> {
    pub(crate) addr: usize,
    /// Empty when it is not known.
    pub(crate) function: &'a str,
    pub(crate) file: Option<&'a Path>,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Name<'_> {
    /// Whether the frame is of the user's code, and not the way from it to the allocator or from the system to it.
    pub(crate) fn is_users(&self) -> bool {
        let function = self.function.trim_start_matches(['<', '&', '*']).trim_start_matches("mut ");
        // The path of the standard library's source in every compiler that was not built here.
        let std = self.file.is_some_and(|file| file.starts_with("/rustc"));
        !std && !self.function.is_empty() && !MACHINERY.iter().any(|start| function.starts_with(start))
    }
}

/// How the names begin of what stands between a user's line and the allocator, and between the system and `main`.
const MACHINERY: [&str; 19] = [
    "alloc::",
    "core::",
    "std::",
    "hashbrown::",
    "backtrace::",
    "heap_debug::",
    "heap_core::",
    "dyn core::",
    "fn(",
    "__rust",
    "T as ",
    "__rdl",
    "__rg",
    "__libc_start",
    "_start",
    "start_thread",
    "clone",
    "__GI_",
    "test::",
];

/// C's `main`, which calls Rust's; its name is without a path.
const C_MAIN: &str = "main";

/// Calls `visit` for each frame, innermost first, until it says `false`. Allocates: only while
/// [`reporting`](crate::thread::reporting).
pub(crate) fn resolve(frames: &[usize], visit: &mut dyn FnMut(&Name<'_>) -> bool) {
    for &addr in frames {
        let (mut known, mut more) = (false, true);
        // A return address lies behind its call.
        let inside = std::ptr::without_provenance_mut::<c_void>(addr.saturating_sub(1));
        backtrace::resolve(inside, |symbol| {
            known = true;
            let function = symbol.name().map(|name| format!("{name:#}")).unwrap_or_default();
            let name = Name {
                addr,
                function: if function == C_MAIN { "_start" } else { &function },
                file: symbol.filename(),
                line: symbol.lineno().unwrap_or(0),
                column: symbol.colno().unwrap_or(0),
            };
            more = more && visit(&name);
        });
        if !known {
            more = visit(&Name { addr, function: "", file: None, line: 0, column: 0 });
        }
        if !more {
            return;
        }
    }
}
