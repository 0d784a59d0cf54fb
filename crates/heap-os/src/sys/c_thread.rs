//! [`thread`](crate::thread) on each platform: one ladder for `errno`, one for the word, one for the end and for names.

pub(crate) use end::{at_exit, symbol};
pub(crate) use error::{errno, set_errno};
pub(crate) use word::{set_word, word};

/// A function called at the end of a thread.
pub type ExitHandler = unsafe extern "C" fn(*mut core::ffi::c_void);

#[cfg(all(
    target_arch = "x86_64",
    target_os = "linux",
    target_env = "gnu",
    target_pointer_width = "64",
    not(miri)
))]
#[path = "word_x86_64.rs"]
mod word;

#[cfg(not(all(
    target_arch = "x86_64",
    target_os = "linux",
    target_env = "gnu",
    target_pointer_width = "64",
    not(miri)
)))]
mod word {
    extern crate std;

    use core::cell::Cell;
    use core::ptr;

    std::thread_local! {
        static WORD: Cell<*mut u8> = const { Cell::new(ptr::null_mut()) };
    }

    #[inline]
    pub(crate) fn word() -> *mut u8 {
        WORD.with(Cell::get)
    }

    #[inline]
    pub(crate) fn set_word(word: *mut u8) {
        WORD.with(|place| place.set(word));
    }
}

mod error {
    #[cfg(any(target_os = "linux", target_os = "emscripten"))]
    use libc::__errno_location as location;
    #[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
    use libc::__error as location;

    #[inline]
    pub(crate) fn errno() -> i32 {
        #[cfg(any(
            target_os = "linux",
            target_os = "emscripten",
            target_vendor = "apple",
            target_os = "freebsd"
        ))]
        // SAFETY: the place is the thread's own, and stays while it runs.
        return unsafe { *location() };
        #[cfg(not(any(
            target_os = "linux",
            target_os = "emscripten",
            target_vendor = "apple",
            target_os = "freebsd"
        )))]
        return 0;
    }

    #[inline]
    #[allow(unused_variables, reason = "not every platform has an errno")]
    pub(crate) fn set_errno(code: i32) {
        #[cfg(any(
            target_os = "linux",
            target_os = "emscripten",
            target_vendor = "apple",
            target_os = "freebsd"
        ))]
        // SAFETY: as above.
        unsafe {
            *location() = code;
        }
    }
}

#[cfg(all(unix, not(miri)))]
mod end {
    use core::ffi::{CStr, c_void};
    use core::ptr::NonNull;

    use super::ExitHandler;
    use crate::sync::{AtomicUsize, Ordering};

    /// The key, plus one; zero: none yet.
    static KEY: AtomicUsize = AtomicUsize::new(0);

    /// # Safety
    ///
    /// As for [`thread::at_exit`](crate::thread::at_exit).
    pub(crate) unsafe fn at_exit(handler: ExitHandler) -> bool {
        // Relaxed: the key is a number; what it stands for is the C library's affair.
        let mut key = KEY.load(Ordering::Relaxed);
        if key == 0 {
            match make(handler) {
                Some(made) => key = made,
                None => return false,
            }
        }
        let mark = NonNull::<u8>::dangling().as_ptr().cast_const().cast();
        // SAFETY: the key exists, and is never deleted.
        unsafe { libc::pthread_setspecific((key - 1) as libc::pthread_key_t, mark) == 0 }
    }

    pub(crate) fn symbol(name: &CStr) -> Option<NonNull<c_void>> {
        // SAFETY: the name ends with a zero.
        NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
    }

    fn make(handler: ExitHandler) -> Option<usize> {
        let mut made = 0;
        // SAFETY: the place for the key is ours; the handler is sound to call (caller of `at_exit`).
        if unsafe { libc::pthread_key_create(&mut made, Some(handler)) } != 0 {
            return None;
        }
        let mine = made as usize + 1;
        match KEY.compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Some(mine),
            Err(other) => {
                // SAFETY: made just above, and nobody else knows it.
                unsafe { libc::pthread_key_delete(made) };
                Some(other)
            }
        }
    }
}

#[cfg(not(all(unix, not(miri))))]
mod end {
    use core::ffi::{CStr, c_void};
    use core::ptr::NonNull;

    use super::ExitHandler;

    /// # Safety
    ///
    /// As for [`thread::at_exit`](crate::thread::at_exit).
    pub(crate) unsafe fn at_exit(_: ExitHandler) -> bool {
        false
    }

    pub(crate) fn symbol(_: &CStr) -> Option<NonNull<c_void>> {
        None
    }
}
