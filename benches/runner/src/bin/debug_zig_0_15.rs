//! Zig 0.15's `std.heap.DebugAllocator` with its own settings for a safe release build: everything checked, no traces.

use std::process::ExitCode;

use heap_bench::zig::ZigSmp;

#[global_allocator]
static GLOBAL: ZigSmp = ZigSmp;

fn main() -> ExitCode {
    heap_bench::run("debug-zig-0.15")
}
