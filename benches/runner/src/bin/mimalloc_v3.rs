//! mimalloc version 3, what the crate builds by default.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    heap_bench::run("mimalloc-v3")
}
