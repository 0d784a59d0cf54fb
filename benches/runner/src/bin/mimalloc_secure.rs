//! mimalloc version 3 with the crate's feature `secure`.

use std::process::ExitCode;

use mimalloc::MiMalloc;

#[global_allocator]
static GLOBAL: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    heap_bench::run("mimalloc-secure")
}
