//! mimalloc version 2, which the crate builds with its feature `v2`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    heap_bench::run("mimalloc-v2")
}
