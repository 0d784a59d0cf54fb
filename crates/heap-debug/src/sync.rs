//! The one door to atomics: the core's, or loom's when its model checker runs the lock.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering, compiler_fence,
};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering, fence};

/// Loom's atomics cannot be made in constants: these functions are `const` in all other builds.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis const $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attr])* $vis const $($rest)*
        #[cfg(loom)]
        $(#[$attr])* $vis $($rest)*
    };
}
pub(crate) use const_fn;

/// Lets others get on for a millisecond.
#[cfg_attr(loom, allow(dead_code, reason = "no model forks"))]
pub(crate) fn sleep_a_little() {
    std::thread::sleep(std::time::Duration::from_millis(1));
}

/// Lets another thread get on.
pub(crate) fn yield_now() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::thread::yield_now();
}
