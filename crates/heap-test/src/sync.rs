//! The door to atomics: every atomic of this crate is named through it.
#![forbid(unsafe_code)]

pub(crate) use core::sync::atomic::{AtomicUsize, Ordering};
