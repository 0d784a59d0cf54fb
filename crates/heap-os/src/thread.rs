//! What C knows of a thread: `errno`, a call at its end, and one word of its own.
//!
//! For an allocator beneath C programs. Such a one cannot use Rust's thread-local storage on its hot path: in a shared
//! library each access may call the dynamic loader, which may allocate, and so come back.
//!
//! There is one word and one call for each copy of this crate: they belong to the one allocator that it is linked into.

use crate::sys::c_thread as sys;
pub use crate::sys::c_thread::ExitHandler;

/// The calling thread's `errno`; 0 where there is none.
///
/// ```
/// use heap_os::thread;
/// thread::set_errno(7);
/// assert!(thread::errno() == 7 || cfg!(not(unix)));
/// ```
#[inline]
#[must_use]
pub fn errno() -> i32 {
    sys::errno()
}

/// Sets the calling thread's `errno`. Nothing where there is none.
#[inline]
pub fn set_errno(code: i32) {
    sys::set_errno(code);
}

/// The calling thread's word: null until it sets another. Two instructions where the platform allows it (x86-64 Linux with
/// glibc, where it takes 8 bytes of the static block, also when a program loads the library later).
///
/// ```
/// use heap_os::thread;
/// assert!(thread::word().is_null());
/// ```
#[inline(always)]
#[must_use]
pub fn word() -> *mut u8 {
    sys::word()
}

/// Sets the calling thread's word. Never allocates.
#[inline]
pub fn set_word(word: *mut u8) {
    sys::set_word(word);
}

/// Has `handler` called when the calling thread ends, with a pointer that is not null. Not for the main thread when the
/// program exits. Returns whether it will be; `false` where that is not possible.
///
/// May allocate from the C library's heap. All threads name the same handler: the first one counts. Asked again during the
/// call, it is called again, up to a few rounds.
///
/// # Safety
///
/// The handler must be sound to call on any thread, after its thread-local values were destroyed, and must not unwind.
pub unsafe fn at_exit(handler: ExitHandler) -> bool {
    // SAFETY: the caller's promise is the same.
    unsafe { sys::at_exit(handler) }
}
