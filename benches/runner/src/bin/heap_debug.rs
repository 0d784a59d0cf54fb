//! heap-debug in its default configuration for release builds: everything checked, no traces.

use std::process::ExitCode;

use heap_debug::DebugAllocator;

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::new();

fn main() -> ExitCode {
    heap_bench::run("heap-debug")
}
