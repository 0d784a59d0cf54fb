//! heap-smp with its feature `checked`.

use std::process::ExitCode;

use heap_smp::SmpAllocator;

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::new();

fn main() -> ExitCode {
    heap_bench::run("heap-smp-checked")
}
