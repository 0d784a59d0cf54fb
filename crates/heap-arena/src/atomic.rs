//! The one door to atomics: the core's, or loom's when its model checker runs this crate.

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

/// Loom's atomics cannot be made in constants: the functions in here are `const` in all other builds.
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis const $($rest:tt)*) => {
        #[cfg(not(loom))]
        $(#[$attr])* $vis const $($rest)*
        #[cfg(loom)]
        $(#[$attr])* $vis $($rest)*
    };
}
pub(crate) use const_fn;
