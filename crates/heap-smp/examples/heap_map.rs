//! Draws the heap map of a small program at work: `cargo run --release -p heap-smp --example heap_map -- map.svg`.
//!
//! Prints the statistics and the map for a terminal too.

use std::collections::BTreeMap;
use std::error::Error;

use heap_core::HeapBox;
use heap_smp::{Heap, SmpAllocator};

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::new();

fn main() -> Result<(), Box<dyn Error>> {
    // An index of words that lost two thirds of its entries, documents of all sizes, a few pictures.
    let mut index: BTreeMap<String, Vec<u32>> = (0..60_000u32)
        .map(|n| (format!("word-{}", n.wrapping_mul(2_654_435_761)), vec![n; n as usize % 9]))
        .collect();
    let mut kept = 0u32;
    index.retain(|_, _| {
        kept += 1;
        kept.is_multiple_of(3)
    });
    let documents: Vec<String> = (0..400).map(|n| "text ".repeat(n * n % 3001 + 5)).collect();
    let pictures: Vec<Vec<u8>> = (1..8).map(|n| vec![0x80; n * 500_000]).collect();
    drop(vec![1u8; 5 << 20]);

    // A request with a heap of its own, in the middle of its work.
    let request = Heap::new();
    let rows: Vec<_> = (0..20_000).map(|n| HeapBox::new_in(|| [n; 6], &request)).collect::<Result<_, _>>()?;

    let mut picture = String::new();
    GLOBAL.map().write_svg(&mut picture)?;
    if let Some(path) = std::env::args_os().nth(1) {
        std::fs::write(path, &picture)?;
    }
    println!("{}\n{}", GLOBAL.stats(), GLOBAL.map());
    println!("the request's own heap\n{}", request.stats());
    drop(rows);
    drop((index, documents, pictures));
    println!("{} bytes went back to the system", GLOBAL.purge());
    Ok(())
}
