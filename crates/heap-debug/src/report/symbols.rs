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
        !self.file.is_some_and(is_library)
            && !self.function.is_empty()
            && !MACHINERY.iter().any(|start| function.starts_with(start))
    }
}

/// Whether a file is the standard library's: where every compiler that was not built here had it, or, when it was built here or
/// its sources are installed, where they are.
fn is_library(file: &Path) -> bool {
    let parts = ["rustlib", "src", "rust", "library"];
    file.starts_with("/rustc") || {
        let mut rest = file.iter().skip_while(|part| *part != parts[0]);
        parts.iter().all(|part| rest.next().is_some_and(|have| have == *part))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_users(function: &str, file: &str) -> bool {
        Name { addr: 1, function, file: Some(Path::new(file)), line: 1, column: 1 }.is_users()
    }

    /// A function of the library that is named after the user's, wherever the library's sources are.
    #[test]
    fn the_library_is_known_by_its_path() {
        let call_once = "<program::main::{closure#0} as core::ops::function::FnOnce<()>>::call_once";
        for library in [
            "/rustc/59807616e/library/core/src/ops/function.rs",
            "/usr/lib/rustlib/src/rust/library/core/src/ops/function.rs",
            "/home/me/.rustup/toolchains/nightly/lib/rustlib/src/rust/library/core/src/ops/function.rs",
        ] {
            assert!(!is_users(call_once, library), "{library}");
        }
        for users in ["src/main.rs", "/home/me/rustlib/src/main.rs", "/home/rust/library/src/lib.rs"] {
            assert!(is_users("program::main", users), "{users}");
        }
    }
}
