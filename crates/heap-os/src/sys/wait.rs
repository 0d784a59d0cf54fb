//! Sleeping until another thread says that a word has changed.

use crate::sync::AtomicU32;

#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn wait(word: &AtomicU32, value: u32) -> bool {
    use rustix::thread::futex;
    // Woken, interrupted or too late: the caller looks again.
    let _ = futex::wait(word, futex::Flags::PRIVATE, value, None);
    true
}

#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn wake_one(word: &AtomicU32) {
    use rustix::thread::futex;
    // There is nothing that could be refused.
    let _ = futex::wake(word, futex::Flags::PRIVATE, 1);
}

#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn wait(_word: &AtomicU32, _value: u32) -> bool {
    false
}

#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn wake_one(_word: &AtomicU32) {}
