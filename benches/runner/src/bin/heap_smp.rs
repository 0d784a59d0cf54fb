//! heap-smp, as a user writes it.

use std::process::ExitCode;

use heap_smp::SmpAllocator;

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::new();

fn main() -> ExitCode {
    heap_bench::run("heap-smp")
}
