//! The system's allocator (glibc's on most Linux machines), as a program gets it that says nothing.

use std::alloc::System;
use std::process::ExitCode;

#[global_allocator]
static GLOBAL: System = System;

fn main() -> ExitCode {
    heap_bench::run("system")
}
