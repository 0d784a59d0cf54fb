//! snmalloc with the crate's feature `check`.

use std::process::ExitCode;

use snmalloc_rs::SnMalloc;

#[global_allocator]
static GLOBAL: SnMalloc = SnMalloc;

fn main() -> ExitCode {
    heap_bench::run("snmalloc-checked")
}
