//! A debug allocator as the global one: every allocation of this process, the test harness's included, goes through it.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;

use heap_debug::{DebugAllocator, DebugConfig, Format, LeakScope, OnViolation, ViolationKind, leak_check};

const CONFIG: DebugConfig = DebugConfig::new().on_violation(OnViolation::Record).format(Format::Silent);

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::with_config(CONFIG.profile(Some(64 << 10)));

/// The tests of this file look at the same list of violations: one at a time.
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[test]
fn collections_strings_and_threads_work() {
    let words: std::collections::HashMap<String, usize> =
        (0..2000).map(|n| (format!("word {n}"), n)).collect();
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let words = words.clone();
            std::thread::spawn(move || words[&format!("word {n}")])
        })
        .collect();
    let sum: usize = threads.into_iter().map(|thread| thread.join().expect("no panic")).sum();
    assert_eq!(sum, 28);
}

#[test]
fn a_box_that_is_dropped_twice_is_found_and_the_report_survives_its_own_allocations() {
    let _alone = ONE_AT_A_TIME.lock();
    GLOBAL.forget_violations();
    let twice = Box::into_raw(Box::new([7_u64; 5]));
    // SAFETY: the second is the misuse.
    unsafe {
        drop(Box::from_raw(twice));
        drop(Box::from_raw(twice));
    }
    let found = GLOBAL.violations().next().expect("it was found");
    assert_eq!(found.kind, ViolationKind::DoubleFree);
    // Names are looked up, while this very allocator is in use by all that runs.
    let text = found.to_string();
    assert!(text.contains("tests/global.rs") && text.contains("freed again at"), "{text}");
    assert!(text.contains("Box::into_raw(Box::new"), "{text}");
    drop(text);
    assert_eq!((GLOBAL.check_all(), GLOBAL.forget_violations()), (0, 1));
}

#[test]
fn scopes_count_what_their_thread_allocates() {
    let numbers = leak_check!(GLOBAL, {
        let numbers: Vec<u32> = (0..100).collect();
        numbers.iter().sum::<u32>()
    });
    assert_eq!(numbers, 4950);
    let scope = LeakScope::enter(&GLOBAL);
    let kept = String::from("kept");
    assert_eq!((scope.leaks().blocks(), scope.leaks().bytes()), (1, 4));
    drop(kept);
}

/// 41: blocks are taken and given back in thread-local destructors, after everything else of the thread is gone.
#[test]
fn thread_local_destructors_may_allocate_and_free() {
    struct Last(RefCell<Vec<String>>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.borrow_mut().push("late".repeat(10));
        }
    }
    thread_local!(static LAST: Last = const { Last(RefCell::new(Vec::new())) });
    for _ in 0..200 {
        let thread = std::thread::spawn(|| LAST.with(|last| last.0.borrow_mut().push(String::from("early"))));
        thread.join().expect("no panic");
    }
}

/// 43: a child of a busy process allocates, frees and checks.
#[test]
fn forks_of_a_busy_process_go_on() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    drop(std::hint::black_box(vec![1_u8; 100]));
                }
            });
        }
        for _ in 0..30 {
            // SAFETY: the child calls nothing but the allocator, which is made for it, and ends at once.
            let child = unsafe { libc::fork() };
            assert!(child >= 0);
            if child == 0 {
                let block = std::hint::black_box(vec![1_u8; 1000]);
                drop(block);
                GLOBAL.check_all();
                // SAFETY: ends the process.
                unsafe { libc::_exit(5) };
            }
            let mut status = 0;
            // SAFETY: our child.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((libc::WIFEXITED(status), libc::WEXITSTATUS(status)), (true, 5));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

/// 27, 17: what only `GlobalAlloc` allows.
#[test]
fn zero_sizes_and_null_pointers_are_recorded() {
    let _alone = ONE_AT_A_TIME.lock();
    GLOBAL.forget_violations();
    // SAFETY: all of it is misuse.
    unsafe {
        let none = GLOBAL.alloc(Layout::new::<()>());
        assert!(!none.is_null());
        GLOBAL.dealloc(none, Layout::new::<()>());
        GLOBAL.dealloc(std::ptr::null_mut(), Layout::new::<u64>());
    }
    let kinds: Vec<_> = GLOBAL.violations().map(|violation| violation.kind).collect();
    assert_eq!(kinds, [ViolationKind::ZeroSize, ViolationKind::ZeroSize, ViolationKind::NullPointer]);
    GLOBAL.forget_violations();
}

#[test]
fn the_profile_sees_the_program() {
    let kept: Vec<Vec<u8>> = (0..100).map(|_| vec![1; 100_000]).collect();
    let live: usize = GLOBAL.profile().sites().iter().map(|site| site.counts.live_bytes).sum();
    assert!(live > 8_000_000, "{live}");
    drop(kept);
}
