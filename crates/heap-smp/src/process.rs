//! Once for the process: settings are taken over, fork handlers registered.

use crate::config::Settings;
use crate::core_heap::CORE;
use crate::sync::{AtomicBool, Ordering};

static STARTED: AtomicBool = AtomicBool::new(false);

/// Called by each thread's first slow path. Cheap after the first time.
pub(crate) fn start(settings: &Settings) {
    // Relaxed: the flag guards only that the handlers are registered once; the settings have a lock of their own.
    if STARTED.load(Ordering::Relaxed) {
        return;
    }
    CORE.configure(settings);
    if STARTED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Registration may allocate (C's own allocator, or ours again): no lock is held here. Without fork handlers (no
    // memory, or no fork on this system) all else works.
    // SAFETY: the handlers take and release locks that no thread holds for long, and do not unwind.
    let _ = unsafe { heap_os::pages::at_fork(Some(before_fork), Some(after_fork), Some(after_fork)) };
}

unsafe extern "C" fn before_fork() {
    CORE.lock_for_fork();
}

unsafe extern "C" fn after_fork() {
    // SAFETY: `before_fork` ran on this thread.
    unsafe { CORE.unlock_after_fork() }
}
