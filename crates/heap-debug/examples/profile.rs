//! A heap profile of a small program, written for four readers.
//!
//! `cargo run -p heap-debug --features flamegraph --example profile [DIRECTORY]` writes `dhat-heap.json` (open it in DHAT's viewer),
//! `heap.folded`, `heap.pprof` (`pprof -http :8080 heap.pprof`) and, with the feature, `heap.svg`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use heap_debug::{DebugAllocator, DebugConfig, Measure};

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::with_config(DebugConfig::new().profile(Some(0)));

/// Words and the places where they stand.
fn index(text: &str) -> BTreeMap<String, Vec<usize>> {
    let mut index: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, word) in text.split_whitespace().enumerate() {
        index.entry(word.to_lowercase()).or_default().push(place);
    }
    index
}

fn write_text(words: usize) -> String {
    (0..words).map(|n| format!("word{} ", n * n % 997)).collect()
}

fn main() -> io::Result<()> {
    let directory = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let text = write_text(20_000);
    let index = index(&text);
    let profile = GLOBAL.profile();
    let create = |name: &str| File::create(directory.join(name));
    profile.write_dhat(&mut create("dhat-heap.json")?)?;
    profile.write_folded(Measure::TotalBytes, &mut create("heap.folded")?)?;
    profile.write_pprof(&mut create("heap.pprof")?)?;
    #[cfg(feature = "flamegraph")]
    profile.write_flamegraph(Measure::TotalBytes, &mut create("heap.svg")?)?;
    println!("{} words; {} sites, in {}", index.len(), profile.sites().len(), directory.display());
    Ok(())
}
