//! A thread that a library starts for its own work, below the program's allocator.
//!
//! `std::thread` is not for an allocator: to start a thread it allocates, and ends the process where that fails; the new
//! thread ends the process where there is no memory for its signal stack. And a program that did not ask for a thread wants
//! its signals elsewhere.
//!
//! Through the C library where that is Unix's, else through the standard library.

use core::ffi::CStr;

/// A thread of a library's own, as it will be when it is started.
///
/// On Unix its start allocates nothing from Rust's heap and cannot end the process, and the thread takes no signals. Elsewhere
/// it is a thread of the standard library.
///
/// A shared library of glibc's that starts one stays mapped for good, also when it is closed: the thread runs in its code.
///
/// ```
/// use heap_os::Background;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static DONE: AtomicBool = AtomicBool::new(false);
/// static WORK: Background =
///     Background { name: c"work", stack: 256 << 10, body: || DONE.store(true, Ordering::Release) };
///
/// if WORK.start() {
///     while !DONE.load(Ordering::Acquire) {
///         std::thread::yield_now();
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Background {
    /// What the system calls it, as far as it takes names: up to 15 bytes.
    pub name: &'static CStr,
    /// Bytes of its stack; the C library puts the thread's static thread-local storage there, too.
    pub stack: usize,
    /// What it does. Must not unwind: the process ends then.
    pub body: fn(),
}

impl Background {
    /// Starts the thread, and lets it go. `false`: the system has no threads, or no more. May allocate from the C
    /// library's heap.
    #[must_use]
    pub fn start(&'static self) -> bool {
        start(self)
    }
}

#[cfg(all(unix, not(miri)))]
fn start(what: &'static Background) -> bool {
    use core::mem::MaybeUninit;
    use core::ptr::{from_ref, null_mut};

    let mut attributes = MaybeUninit::uninit();
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let mut thread = MaybeUninit::uninit();
    // SAFETY: each value is initialised by the first call that is given it, which succeeds before the next is made. The new
    // thread inherits the mask, which is this thread's again at the end; what it is given lives for ever.
    unsafe {
        if libc::pthread_attr_init(attributes.as_mut_ptr()) != 0 {
            return false;
        }
        let attributes = attributes.as_mut_ptr();
        let mut started = libc::pthread_attr_setstacksize(attributes, what.stack) == 0
            && libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED) == 0
            && libc::sigfillset(all.as_mut_ptr()) == 0
            && libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0;
        if started {
            let what = from_ref(what).cast_mut().cast();
            started = libc::pthread_create(thread.as_mut_ptr(), attributes, run, what) == 0;
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), null_mut());
        }
        libc::pthread_attr_destroy(attributes);
        started
    }
}

#[cfg(all(unix, not(miri)))]
extern "C" fn run(what: *mut core::ffi::c_void) -> *mut core::ffi::c_void {
    // SAFETY: `start` gave a reference that lives for ever.
    let what = unsafe { &*what.cast::<Background>() };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    stay_loaded();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // SAFETY: the name ends with a zero. A refusal is no loss.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, what.name.as_ptr());
    }
    #[cfg(target_vendor = "apple")]
    // SAFETY: as above.
    unsafe {
        libc::pthread_setname_np(what.name.as_ptr());
    }
    (what.body)();
    core::ptr::null_mut()
}

/// Has the library that this code lies in stay mapped, whoever closes it: the thread runs in it. In a program this does
/// nothing. By the thread itself, because whoever started it may be what the holder of the loader's lock waits for; so a
/// library that is closed in the very moment in which the thread begins is not safe.
#[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
fn stay_loaded() {
    let mut found = core::mem::MaybeUninit::<libc::Dl_info>::uninit();
    let here = run as extern "C" fn(*mut core::ffi::c_void) -> *mut core::ffi::c_void;
    // SAFETY: `found` is written where the answer is not zero; its name is a text that lives as long as the library. Nothing is
    // loaded: a library that is there gets a mark, and one more owner.
    unsafe {
        if libc::dladdr(here as *const core::ffi::c_void, found.as_mut_ptr()) != 0 {
            let flags = libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
            libc::dlopen((*found.as_ptr()).dli_fname, flags);
        }
    }
}

#[cfg(not(all(unix, not(miri))))]
extern crate std;

#[cfg(not(all(unix, not(miri))))]
fn start(what: &'static Background) -> bool {
    let thread = std::thread::Builder::new().stack_size(what.stack);
    let thread = match what.name.to_str() {
        Ok(name) => thread.name(std::string::String::from(name)),
        Err(_) => thread,
    };
    thread.spawn(what.body).is_ok()
}
