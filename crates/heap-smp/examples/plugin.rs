//! A shared library whose global allocator is heap-smp: for programs that load such a library, and close it again.

use heap_smp::SmpAllocator;

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::new();

/// Takes and frees so much that the allocator's helper thread starts, and returns how many bytes that was.
#[unsafe(no_mangle)]
pub extern "C" fn plugin_work() -> usize {
    let blocks: Vec<Vec<u8>> = (1..=64).map(|n| vec![n as u8; 200 << 10]).collect();
    blocks.iter().map(Vec::len).sum()
}
