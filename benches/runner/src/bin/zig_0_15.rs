//! Zig 0.15's `std.heap.smp_allocator`, optimised for speed.

use std::process::ExitCode;

use heap_bench::zig::ZigSmp;

#[global_allocator]
static GLOBAL: ZigSmp = ZigSmp;

fn main() -> ExitCode {
    heap_bench::run("zig-0.15")
}
