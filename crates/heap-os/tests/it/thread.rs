//! What C knows of a thread.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use heap_os::thread::{at_exit, errno, set_errno, set_word, word};

#[test]
fn every_thread_has_a_word_of_its_own_that_starts_as_null() {
    let mut here = 1u8;
    assert!(word().is_null());
    set_word(&raw mut here);
    let there = thread::spawn(|| {
        let first = word().is_null();
        let mut there = 2u8;
        set_word(&raw mut there);
        first && word() == &raw mut there
    });
    assert!(there.join().unwrap());
    assert_eq!(word(), &raw mut here);
    set_word(std::ptr::null_mut());
}

#[test]
fn errno_is_the_threads_own() {
    if cfg!(target_os = "linux") {
        set_errno(5);
        assert!(thread::spawn(|| errno() != 5).join().unwrap());
        assert_eq!(errno(), 5);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(5));
    }
}

static ENDED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn ended(mark: *mut c_void) {
    assert!(!mark.is_null());
    ENDED.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn the_handler_runs_once_for_each_thread_that_asked() {
    // SAFETY: the handler counts, and nothing else.
    let ask = || unsafe { at_exit(ended) };
    if cfg!(unix) {
        for _ in 0..20 {
            assert!(thread::spawn(move || ask() && ask()).join().unwrap());
        }
        thread::spawn(|| {}).join().unwrap();
        assert_eq!(ENDED.load(Ordering::Relaxed), 20);
    } else {
        assert!(!ask());
    }
}
