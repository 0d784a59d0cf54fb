//! A library's own thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use heap_os::Background;

static BLOCKED: AtomicUsize = AtomicUsize::new(0);

/// Counts the signals that the calling thread does not take, plus one.
fn count_blocked() {
    let mut blocked = 1;
    #[cfg(unix)]
    // SAFETY: asks for the mask of the calling thread, in a place of ours.
    unsafe {
        let mut mask = std::mem::MaybeUninit::uninit();
        libc::pthread_sigmask(libc::SIG_SETMASK, std::ptr::null(), mask.as_mut_ptr());
        blocked += (1..32).filter(|&signal| libc::sigismember(mask.as_ptr(), signal) == 1).count();
    }
    BLOCKED.store(blocked, Ordering::Release);
}

#[test]
fn a_background_thread_takes_no_signals_and_changes_nothing_here() {
    static COUNT: Background = Background { name: c"count", stack: 256 << 10, body: count_blocked };
    count_blocked();
    let here = BLOCKED.swap(0, Ordering::Acquire);
    assert!(COUNT.start());
    let there = loop {
        match BLOCKED.swap(0, Ordering::Acquire) {
            0 => std::thread::yield_now(),
            blocked => break blocked,
        }
    };
    // SIGKILL and SIGSTOP cannot be blocked. Elsewhere it is a thread like any other.
    assert!(there >= 30 || cfg!(not(unix)) || cfg!(miri), "{there}");
    count_blocked();
    assert_eq!(BLOCKED.load(Ordering::Acquire), here);
}

#[test]
fn a_stack_that_is_too_large_is_refused() {
    static HUGE: Background = Background { name: c"huge", stack: usize::MAX & !0xF_FFFF, body: || () };
    assert!(!HUGE.start());
}
