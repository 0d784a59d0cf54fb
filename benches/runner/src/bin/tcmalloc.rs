//! Google's tcmalloc, with the crate's defaults.

use std::process::ExitCode;

use tcmalloc_better::TCMalloc;

#[global_allocator]
static GLOBAL: TCMalloc = TCMalloc;

fn main() -> ExitCode {
    heap_bench::run("tcmalloc")
}
