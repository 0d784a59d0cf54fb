//! jemalloc, with the crate's defaults.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

#[global_allocator]
static GLOBAL: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    heap_bench::run("jemalloc")
}
