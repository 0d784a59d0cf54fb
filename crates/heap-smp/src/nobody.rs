//! What stands in for a number in thread-local storage where there is no std: no thread has one.
#![forbid(unsafe_code)]

/// A number that is the same for all threads and never changes, with the methods of a `LocalKey<Cell<usize>>`.
pub(crate) struct Nobody(pub(crate) usize);

impl Nobody {
    pub(crate) fn get(&self) -> usize {
        self.0
    }

    pub(crate) fn set(&self, _: usize) {}

    pub(crate) fn replace(&self, _: usize) -> usize {
        self.0
    }
}
