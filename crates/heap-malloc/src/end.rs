//! The end of a process that cannot go on.

unsafe extern "C" {
    safe fn abort() -> !;
}

/// Writes a message to the standard error stream and ends the process. Allocates nothing.
#[cold]
pub(crate) fn end(message: &[u8]) -> ! {
    let _ = heap_os::stderr::write(message);
    abort()
}
