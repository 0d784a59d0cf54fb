//! Real programs.
pub(crate) fn run() {}
