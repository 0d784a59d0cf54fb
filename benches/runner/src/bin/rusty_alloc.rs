//! rusty_alloc, mimalloc's design written in Rust.

use std::process::ExitCode;

use rusty_alloc_api::RustyAlloc;

#[global_allocator]
static GLOBAL: RustyAlloc = RustyAlloc;

fn main() -> ExitCode {
    heap_bench::run("rusty-alloc")
}
