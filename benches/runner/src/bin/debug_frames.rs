//! heap-debug with a trace of six frames of each allocation and each free.

use std::process::ExitCode;

use heap_debug::{DebugAllocator, DebugConfig};

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::with_config(DebugConfig::new().stack_trace_frames(6));

fn main() -> ExitCode {
    heap_bench::run("debug-frames")
}
