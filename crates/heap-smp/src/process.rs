//! Once for the process: settings are taken over, fork handlers registered, the helper thread started. Where there is no
//! such thread, the slow calls do its work.

use core::time::Duration;

#[cfg(feature = "std")]
use heap_os::Background;

use crate::config::Settings;
use crate::core_heap::{CORE, CoreHeap};
use crate::forks;
use crate::lock::Lock;
use crate::reclaim::Watch;
use crate::seat;
use crate::sync::{AtomicBool, AtomicUsize, Ordering};

static STARTED: AtomicBool = AtomicBool::new(false);
/// A helper thread runs, or is about to.
static HELPER: AtomicBool = AtomicBool::new(false);

/// The settings allow no helper thread, or the system gave none: the calls do its work.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// The pause between two looks at the free memory: long enough that phases of a program do not lose their memory between
/// each other, short enough that an idle program is lean within a second.
const TICK: Duration = Duration::from_millis(100);
/// Ticks without anything to do after which the helper goes.
const QUIET: u32 = 20;

/// The helper. It calls the system and little else, so its stack is small; but a program's thread-local storage lies there.
#[cfg(feature = "std")]
static HELPER_THREAD: Background = Background { name: c"heap-smp", stack: 256 << 10, body: help };

/// Called by each thread's first slow path. Cheap after the first time.
#[inline]
pub(crate) fn start(settings: &Settings) {
    // The flag guards only that the handlers are registered once; the settings have a lock of their own. Acquire pairs with the
    // release below: who sees it finds the heap configured.
    if STARTED.load(Ordering::Acquire) {
        return;
    }
    start_slow(settings);
}

#[cold]
#[inline(never)]
fn start_slow(settings: &Settings) {
    CORE.configure(settings);
    if !CORE.spans.here().settings().background {
        REFUSED.store(true, Ordering::Relaxed);
    }
    if STARTED.swap(true, Ordering::Release) {
        return;
    }
    // Registration may allocate (C's own allocator, or ours again): no lock is held here. Without fork handlers (no
    // memory, or no fork on this system) all else works.
    // SAFETY: the handlers take and release locks that no thread holds for long, and do not unwind.
    let _ =
        unsafe { heap_os::pages::at_fork(Some(before_fork), Some(after_fork), Some(after_fork_in_child)) };
}

/// Starts the helper thread if none runs. No lock is held, and the caller's bins are whole: to start a thread may allocate.
#[cfg(feature = "std")]
#[cold]
#[inline(never)]
pub(crate) fn start_helper() {
    if REFUSED.load(Ordering::Relaxed) {
        // So that the slow calls for small blocks help, too: no large one may follow.
        CORE.watch();
        return help_by_call();
    }
    if HELPER.load(Ordering::Relaxed) || HELPER.swap(true, Ordering::Relaxed) {
        return;
    }
    if !HELPER_THREAD.start() {
        // Not tried again: each attempt asks the system.
        REFUSED.store(true, Ordering::Relaxed);
        HELPER.store(false, Ordering::Relaxed);
        CORE.watch();
    }
}

/// Without std there is no helper, and [`pace`](crate::pace) does its work.
#[cfg(not(feature = "std"))]
pub(crate) fn start_helper() {}

/// Whether the helper runs.
pub(crate) fn is_helper_running() -> bool {
    HELPER.load(Ordering::Relaxed)
}

#[cfg(feature = "std")]
fn help() {
    let mut watch = Watch::new();
    let mut quiet = 0;
    while quiet < QUIET {
        std::thread::sleep(TICK);
        quiet = if watch.tick(&CORE) { 0 } else { quiet + 1 };
    }
    // In this order: what becomes worth watching in between is seen by the next call.
    CORE.stop_watching();
    HELPER.store(false, Ordering::Relaxed);
}

/// Calls between two looks at the clock.
const CALLS: usize = 256;

/// The helper's work, done by calls.
#[derive(Debug)]
struct ByCall {
    watch: Watch,
    /// When the last tick was, in milliseconds.
    last: u64,
    /// Ticks since there was anything to do.
    quiet: u32,
}

static BY_CALL: Lock<ByCall> = Lock::new(ByCall { watch: Watch::by_call(), last: 0, quiet: 0 });

/// One slow call while free memory is worth watching: does the helper's work, every now and then, where there is no helper.
/// One count as a rule. No lock is held. Allocates nothing.
#[cfg(feature = "std")]
#[cold]
pub(crate) fn help_by_call() {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    if !REFUSED.load(Ordering::Relaxed)
        || !COUNT.fetch_add(1, Ordering::Relaxed).wrapping_add(1).is_multiple_of(CALLS)
    {
        return;
    }
    // Another thread that is at it is enough.
    if let Some(mut by_call) = BY_CALL.try_lock() {
        by_call.tick(&CORE, heap_os::pages::now_ms());
    }
}

#[cfg(not(feature = "std"))]
pub(crate) fn help_by_call() {}

#[cfg(any(feature = "std", test))]
impl ByCall {
    /// It is `now`, in milliseconds: one tick, if it is time for the next.
    fn tick(&mut self, core: &CoreHeap, now: u64) {
        if u128::from(now.saturating_sub(self.last)) < TICK.as_millis() {
            return;
        }
        self.last = now;
        self.quiet = if self.watch.tick(core) { 0 } else { self.quiet + 1 };
        if self.quiet >= QUIET {
            self.quiet = 0;
            core.stop_watching();
        }
    }
}

/// Closes all locks of this crate, in their order.
pub(crate) unsafe extern "C" fn before_fork() {
    // First, so that one fork at a time goes on.
    BY_CALL.lock_for_fork();
    forks::close_all();
    CORE.lock_for_fork();
}

/// Opens them again. This thread called [`before_fork`].
pub(crate) unsafe extern "C" fn after_fork() {
    // SAFETY: `before_fork` ran on this thread.
    unsafe {
        CORE.unlock_after_fork();
        forks::open_all();
        BY_CALL.unlock_after_fork();
    }
}

unsafe extern "C" fn after_fork_in_child() {
    // Threads do not survive a fork.
    HELPER.store(false, Ordering::Relaxed);
    seat::keep_own_only();
    // SAFETY: `before_fork` ran on this thread, which is this one's parent.
    unsafe {
        CORE.runs.recount_in_child();
        forks::mend_all();
        after_fork();
    }
}

#[cfg(test)]
mod tests {
    use core::alloc::Layout;
    use core::ptr::NonNull;

    use super::*;
    use crate::config::RUN_MAX;
    use crate::large;

    static HEAP: CoreHeap = CoreHeap::new();
    const NO_HELPER: Settings = Settings::new().background_thread(false);

    #[test]
    fn without_a_helper_calls_give_back_what_is_not_needed() {
        HEAP.configure(&NO_HELPER);
        let layout = Layout::from_size_align(RUN_MAX.min(8 << 20), 8).unwrap();
        let block = NonNull::new(large::alloc(&HEAP, layout, &NO_HELPER)).unwrap();
        // SAFETY: just allocated, and not used again.
        unsafe { large::free(&HEAP, block, layout) };
        assert!(HEAP.runs.held() * crate::config::UNIT >= layout.size());
        let mut by_call = ByCall { watch: Watch::new(), last: 0, quiet: 0 };
        let resident = || (HEAP.runs.held() + HEAP.spans.counts().dirty) * crate::config::UNIT;
        let full = resident();
        for now in 0..100 {
            by_call.tick(&HEAP, now);
        }
        assert_eq!(resident(), full, "not before a tick");
        for tick in 1..20 {
            by_call.tick(&HEAP, tick * 100);
        }
        assert!(resident() <= NO_HELPER.keep_min);
    }
}
