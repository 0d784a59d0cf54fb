//! Forks in bad places: while others' fork handlers allocate, and from a signal handler that interrupted the allocator.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use heap_core::Allocator;
use heap_debug::{DebugAllocator, DebugConfig, Format, OnViolation};

use crate::child;

const CONFIG: DebugConfig =
    DebugConfig::new().on_violation(OnViolation::Record).format(Format::Silent).stack_trace_frames(0);
const LAYOUT: Layout = Layout::new::<[u64; 5]>();

static DEBUG: DebugAllocator = DebugAllocator::with_config(CONFIG);

/// A block that comes, moves and goes.
fn turn() {
    let block = DEBUG.alloc(LAYOUT).expect("there is memory").cast::<u8>();
    let new = Layout::new::<[u64; 50]>();
    // SAFETY: live, with its layout, once.
    unsafe {
        block.write_bytes(7, LAYOUT.size());
        let moved = DEBUG.realloc(block, LAYOUT, new).expect("there is memory").cast::<u8>();
        assert!((0..LAYOUT.size()).all(|i| moved.add(i).read() == 7));
        Allocator::free(&DEBUG, moved, new);
    }
}

/// Ends a child of a fork: with 5 if nothing was found wrong.
fn end_child() -> ! {
    turn();
    let found = DEBUG.check_all() + DEBUG.violations().count();
    // SAFETY: ends the process.
    unsafe { libc::_exit(if found == 0 { 5 } else { 6 }) }
}

fn forks_well(pid: libc::pid_t) -> bool {
    let mut status = 0;
    // SAFETY: our child.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 5
}

/// Runs `f` while another thread uses the allocator, too, blocks of the first thread's stripe among them.
fn beside_another(f: impl FnOnce()) {
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                turn();
                let left = LEFT.swap(0, Ordering::Acquire);
                if let Some(block) = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(left)) {
                    // SAFETY: live, and swapped out once.
                    unsafe { Allocator::free(&DEBUG, block, LAYOUT) };
                }
            }
        });
        for _ in 0..100 {
            let block = DEBUG.alloc(LAYOUT).expect("there is memory").cast::<u8>();
            let left = LEFT.swap(block.expose_provenance().get(), Ordering::Release);
            if let Some(block) = NonNull::new(core::ptr::with_exposed_provenance_mut::<u8>(left)) {
                // SAFETY: live, and swapped out once.
                unsafe { Allocator::free(&DEBUG, block, LAYOUT) };
            }
        }
        f();
        stop.store(true, Ordering::Relaxed);
    });
}

fn in_a_child(name: &str, f: impl FnOnce()) {
    if child::is_child(name) {
        f();
        assert_eq!((DEBUG.check_all(), DEBUG.violations().count()), (0, 0));
        std::process::exit(0);
    }
    let output = child::run(&format!("forks::{name}"), name);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Handlers that were registered before the allocator's run inside of them, when every lock is closed.
#[test]
fn fork_handlers_of_others_may_allocate() {
    unsafe extern "C" fn handler() {
        turn();
    }
    in_a_child("fork_handlers_of_others_may_allocate", || {
        // SAFETY: the handler may be called at any time.
        unsafe { libc::pthread_atfork(Some(handler), Some(handler), Some(handler)) };
        turn();
        beside_another(|| {
            for _ in 0..20 {
                // SAFETY: the child calls the allocator only, which is made for it, and ends at once.
                let pid = unsafe { libc::fork() };
                if pid == 0 {
                    end_child();
                }
                assert!(forks_well(pid));
                turn();
            }
        });
    });
}

/// The locks that the interrupted call has stay closed, in the parent, and in the child, which goes on with that call.
#[test]
fn a_fork_from_a_signal_handler_leaves_the_interrupted_call_its_locks() {
    static CHILD: AtomicBool = AtomicBool::new(false);
    static FORKS: AtomicUsize = AtomicUsize::new(0);
    static BAD: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn handler(_: libc::c_int) {
        // SAFETY: the child goes on where the parent was interrupted, then ends.
        match unsafe { libc::fork() } {
            0 => CHILD.store(true, Ordering::Relaxed),
            pid => {
                FORKS.fetch_add(1, Ordering::Relaxed);
                BAD.fetch_add(usize::from(!forks_well(pid)), Ordering::Relaxed);
            }
        }
    }
    in_a_child("a_fork_from_a_signal_handler_leaves_the_interrupted_call_its_locks", || {
        turn();
        beside_another(|| {
            // SAFETY: a handler for a signal that this thread alone is sent.
            unsafe { libc::signal(libc::SIGUSR1, handler as *const () as libc::sighandler_t) };
            // SAFETY: says who this is.
            let thread = unsafe { libc::pthread_self() } as usize;
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for _ in 0..40 {
                        std::thread::sleep(std::time::Duration::from_millis(1));
                        // SAFETY: that thread runs until this one is joined.
                        unsafe { libc::pthread_kill(thread as libc::pthread_t, libc::SIGUSR1) };
                    }
                    done.store(true, Ordering::Relaxed);
                });
                while !done.load(Ordering::Relaxed) {
                    turn();
                    if CHILD.load(Ordering::Relaxed) {
                        end_child();
                    }
                }
            });
        });
        let (forks, bad) = (FORKS.load(Ordering::Relaxed), BAD.load(Ordering::Relaxed));
        assert!(forks > 0 && bad == 0, "{bad} of {forks}");
    });
}
