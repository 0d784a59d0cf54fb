//! dhat, which profiles: a backtrace of each allocation, live and total bytes by site, no checks.

use std::process::ExitCode;

#[global_allocator]
static GLOBAL: dhat::Alloc = dhat::Alloc;

fn main() -> ExitCode {
    // Profiles as ever, but writes no file.
    let _profiler = dhat::Profiler::builder().testing().build();
    heap_bench::run("debug-dhat")
}
