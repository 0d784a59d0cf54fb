//! Once for the process: settings are taken over, fork handlers registered, the helper thread started.

use std::time::Duration;

use crate::config::Settings;
use crate::core_heap::CORE;
use crate::reclaim::Watch;
use crate::sync::{AtomicBool, Ordering};

static STARTED: AtomicBool = AtomicBool::new(false);
/// A helper thread runs, or is about to.
static HELPER: AtomicBool = AtomicBool::new(false);

/// The settings allow no helper thread.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The pause between two looks at the free memory: long enough that phases of a program do not lose their memory between
/// each other, short enough that an idle program is lean within a second.
const TICK: Duration = Duration::from_millis(100);
/// Ticks without anything to do after which the helper goes.
const QUIET: u32 = 20;
/// The helper's stack: it calls the system and little else.
const STACK: usize = 64 << 10;

/// Called by each thread's first slow path. Cheap after the first time.
pub(crate) fn start(settings: &Settings) {
    // Relaxed: the flag guards only that the handlers are registered once; the settings have a lock of their own.
    if STARTED.load(Ordering::Relaxed) {
        return;
    }
    CORE.configure(settings);
    REFUSED.store(!CORE.spans.lock().settings().background, Ordering::Relaxed);
    if STARTED.swap(true, Ordering::Relaxed) {
        return;
    }
    // Registration may allocate (C's own allocator, or ours again): no lock is held here. Without fork handlers (no
    // memory, or no fork on this system) all else works.
    // SAFETY: the handlers take and release locks that no thread holds for long, and do not unwind.
    let _ =
        unsafe { heap_os::pages::at_fork(Some(before_fork), Some(after_fork), Some(after_fork_in_child)) };
}

/// Starts the helper thread if none runs. No lock is held: to start a thread allocates.
#[cold]
#[inline(never)]
pub(crate) fn start_helper() {
    if REFUSED.load(Ordering::Relaxed)
        || HELPER.load(Ordering::Relaxed)
        || HELPER.swap(true, Ordering::Relaxed)
    {
        return;
    }
    let helper = std::thread::Builder::new().name(String::from("heap-smp")).stack_size(STACK);
    if helper.spawn(help).is_err() {
        HELPER.store(false, Ordering::Relaxed);
    }
}

fn help() {
    let mut watch = Watch::new();
    let mut quiet = 0;
    while quiet < QUIET {
        std::thread::sleep(TICK);
        quiet = if watch.tick(&CORE) { 0 } else { quiet + 1 };
    }
    HELPER.store(false, Ordering::Relaxed);
}

unsafe extern "C" fn before_fork() {
    CORE.lock_for_fork();
}

unsafe extern "C" fn after_fork() {
    // SAFETY: `before_fork` ran on this thread.
    unsafe { CORE.unlock_after_fork() }
}

unsafe extern "C" fn after_fork_in_child() {
    // Threads do not survive a fork.
    HELPER.store(false, Ordering::Relaxed);
    // SAFETY: `before_fork` ran on this thread.
    unsafe { CORE.unlock_after_fork() }
}
