//! Exercise E-12-8: why the page allocator is not for thousands of small blocks. Measures the answer.
//!
//! `cargo run --release -p heap-os --example small_blocks`

use std::hint::black_box;
use std::time::Instant;

use heap_core::{AllocError, Allocator, AllocatorExt, Global};
use heap_os::{PageAllocator, page_size};

const BLOCKS: usize = 1000;
const PAIRS: u32 = 20_000;

/// Nanoseconds for one block allocated, written and freed.
fn pair(alloc: &impl Allocator) -> Result<f64, AllocError> {
    let start = Instant::now();
    for number in 0..PAIRS {
        let item = alloc.create_with(|| u64::from(number))?;
        black_box(item);
        // SAFETY: created just above, not used again.
        unsafe { alloc.destroy(item) };
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(PAIRS))
}

/// Bytes of memory that each of many live blocks of 8 bytes takes, if the system tells.
fn memory(alloc: &impl Allocator) -> Result<Option<usize>, AllocError> {
    let mut items = Vec::with_capacity(BLOCKS);
    let before = resident();
    for number in 0..BLOCKS as u64 {
        items.push(alloc.create_with(|| number)?);
    }
    let after = resident();
    for item in items {
        // SAFETY: created above, not used again.
        unsafe { alloc.destroy(item) };
    }
    Ok(before.zip(after).map(|(before, after)| (after - before) / BLOCKS))
}

/// Resident memory of this process in bytes.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split(' ').nth(1)?.parse::<usize>().ok()? * page_size())
}

fn main() -> Result<(), AllocError> {
    pair(&Global)?;
    let (pages, heap) = (pair(&PageAllocator)?, pair(&Global)?);
    println!("one block of 8 bytes, allocated, written, freed:");
    println!("  page allocator {pages:8.0} ns");
    println!("  global heap    {heap:8.0} ns, {:.0} times as fast", pages / heap);
    if let Some((pages, heap)) = memory(&PageAllocator)?.zip(memory(&Global)?) {
        println!("memory of each of {BLOCKS} live blocks of 8 bytes:");
        println!("  page allocator {pages:8} bytes");
        println!("  global heap    {heap:8} bytes");
    }
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    if let Ok(limit) = limit.trim().parse::<usize>() {
        println!(
            "and there may be {limit} mappings in a process: no more blocks than that, if they lie apart"
        );
    }
    Ok(())
}
