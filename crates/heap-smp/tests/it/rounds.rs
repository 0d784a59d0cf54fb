//! How often a test does the same again: seldom under a tool that runs one thread at a time, and each slowly
//! (`--cfg heap_slow_tool`, which `cargo xtask sanitize valgrind` sets).

/// Of `all` rounds those that there is time for.
pub(crate) const fn rounds(all: usize) -> usize {
    if cfg!(heap_slow_tool) { all.div_ceil(10) } else { all }
}

/// From one of many cases to the next. A prime, so that kinds which take turns all have theirs.
pub(crate) const STRIDE: usize = if cfg!(heap_slow_tool) { 11 } else { 1 };
