//! rpmalloc, with the crate's defaults.

use std::process::ExitCode;

use rpmalloc::RpMalloc;

#[global_allocator]
static GLOBAL: RpMalloc = RpMalloc;

fn main() -> ExitCode {
    heap_bench::run("rpmalloc")
}
