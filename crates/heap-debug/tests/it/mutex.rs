//! A lock of the user's own.

use core::alloc::Layout;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use heap_core::Allocator;
use heap_debug::{Check, DebugAllocator, DebugConfig, Format, Mutex, OnViolation, ViolationKind};

/// Spins, and counts.
struct Spin {
    closed: AtomicBool,
    inside: AtomicUsize,
    turns: AtomicUsize,
}

impl Spin {
    const fn new() -> Self {
        Self { closed: AtomicBool::new(false), inside: AtomicUsize::new(0), turns: AtomicUsize::new(0) }
    }
}

// SAFETY: `lock` returns after it changed `closed` from false to true, `unlock` sets it back.
unsafe impl Mutex for Spin {
    fn lock(&self) {
        while self.closed.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
        assert_eq!(self.inside.fetch_add(1, Ordering::Relaxed), 0, "one thread at a time");
        self.turns.fetch_add(1, Ordering::Relaxed);
    }

    unsafe fn unlock(&self) {
        assert_eq!(self.inside.fetch_sub(1, Ordering::Relaxed), 1, "closed before");
        self.closed.store(false, Ordering::Release);
    }
}

const CONFIG: DebugConfig =
    DebugConfig::new().on_violation(OnViolation::Record).format(Format::Silent).stack_trace_frames(0);
const LAYOUT: Layout = Layout::new::<[u64; 5]>();

/// U-DB-12
#[test]
fn a_mutex_of_ones_own_is_closed_around_every_call() {
    static SPIN: Spin = Spin::new();
    let debug = DebugAllocator::with_config(CONFIG).with_mutex(&SPIN);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for size in 1..=500 {
                    let layout = Layout::from_size_align(97 * size, 8).expect("small");
                    let block = debug.alloc(layout).expect("there is memory").cast();
                    // SAFETY: live, with its layout, once.
                    unsafe { Allocator::free(&debug, block, layout) };
                }
            });
        }
    });
    let turns = SPIN.turns.load(Ordering::Relaxed);
    assert!(turns >= 4 * 500 * 2, "{turns}");
    assert_eq!((debug.check_all(), debug.live_blocks()), (0, 0));
    assert_eq!(debug.deinit(), Check::Ok);
    assert_eq!(SPIN.inside.load(Ordering::Relaxed), 0);
}

/// What is found, is told outside of the lock.
#[test]
fn misuse_is_found_and_the_mutex_left_open() {
    static SPIN: Spin = Spin::new();
    let debug = DebugAllocator::with_config(CONFIG).with_mutex(&SPIN);
    let block = debug.alloc(LAYOUT).expect("there is memory").cast();
    // SAFETY: the second is the misuse.
    unsafe {
        Allocator::free(&debug, block, LAYOUT);
        Allocator::free(&debug, block, LAYOUT);
    }
    assert_eq!(debug.violations().next().map(|found| found.kind), Some(ViolationKind::DoubleFree));
    assert_eq!(SPIN.inside.load(Ordering::Relaxed), 0);
}

/// A fork while others are inside leaves the mutex open for the child.
#[cfg(unix)]
#[test]
fn a_child_of_a_fork_finds_the_mutex_open() {
    static SPIN: Spin = Spin::new();
    static DEBUG: DebugAllocator = DebugAllocator::with_config(CONFIG).with_mutex(&SPIN);
    fn turn() {
        let block = DEBUG.alloc(LAYOUT).expect("there is memory").cast();
        // SAFETY: live, once.
        unsafe { Allocator::free(&DEBUG, block, LAYOUT) };
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                turn();
            }
        });
        for _ in 0..20 {
            turn();
            // SAFETY: the child calls the allocator only, which is made for it, and ends at once.
            let child = unsafe { libc::fork() };
            if child == 0 {
                turn();
                // SAFETY: ends the process.
                unsafe { libc::_exit(5) };
            }
            let mut status = 0;
            // SAFETY: our child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 5));
        }
        stop.store(true, Ordering::Relaxed);
    });
}
