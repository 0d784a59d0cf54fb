//! What std would bring, where the crate is built without it: a handler for panics, and a name that the C compiler's
//! start files define.
//!
//! With std come a runtime for panics, its own thread-local storage and its own constructor: five times the rest of
//! the library, and half of what it costs to load it.

use core::arch::global_asm;
use core::panic::PanicInfo;

use crate::end::end;

/// Nothing here panics on purpose; the arithmetic of a broken heap might.
#[panic_handler]
fn panicked(_: &PanicInfo<'_>) -> ! {
    end(b"heap-malloc: internal error\n")
}

// Whose fork handlers are ours: the library's, which is never unloaded. A program that the archive is linked into has
// a name of its own.
global_asm!(
    ".pushsection .bss.__dso_handle,\"aw\",@nobits",
    ".weak __dso_handle",
    ".hidden __dso_handle",
    ".type __dso_handle, @object",
    ".size __dso_handle, 8",
    ".p2align 3",
    "__dso_handle: .zero 8",
    ".popsection",
);
