//! Eight errors, one a run, of which `docs/debugging.md` compares what several tools say.
//!
//! `cargo run -p heap-debug --example eight_errors ERROR heap-debug`; without the last word the blocks are the system
//! allocator's, and it is for a sanitizer or valgrind to find the error. Without any it says which there are.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;

use heap_debug::{DebugAllocator, Format};

const ERRORS: [&str; 8] = [
    "double-free",
    "past-the-end",
    "before-the-start",
    "write-after-free",
    "wrong-size",
    "wrong-alignment",
    "interior-pointer",
    "leak",
];

static DEBUG: DebugAllocator = DebugAllocator::new();

type Heap = dyn GlobalAlloc + Sync;

const FORTY: Layout = Layout::new::<[u64; 5]>();

#[inline(never)]
fn make(heap: &Heap) -> *mut u8 {
    // SAFETY: the size is not zero.
    black_box(unsafe { heap.alloc(FORTY) })
}

/// # Safety
/// As of `dealloc`. Not kept here.
#[inline(never)]
unsafe fn give(heap: &Heap, block: *mut u8, layout: Layout) {
    // SAFETY: not at all.
    unsafe { heap.dealloc(black_box(block), layout) }
}

/// # Safety
/// None. That is the point.
unsafe fn commit(error: &str, heap: &Heap) {
    // As in a real program, the block is not the only one.
    let other = make(heap);
    let block = make(heap);
    // SAFETY: each is wrong in one way.
    unsafe {
        match error {
            "double-free" => {
                give(heap, block, FORTY);
                give(heap, block, FORTY);
            }
            "past-the-end" => {
                block.add(40).write(1);
                give(heap, block, FORTY);
            }
            "before-the-start" => {
                block.sub(1).write(1);
                give(heap, block, FORTY);
            }
            "write-after-free" => {
                give(heap, block, FORTY);
                block.add(8).write(1);
                // Else it is found when the memory is reused.
                DEBUG.check_all();
            }
            "wrong-size" => give(heap, block, Layout::new::<[u64; 50]>()),
            "wrong-alignment" => give(heap, block, Layout::new::<[u8; 40]>()),
            "interior-pointer" => give(heap, block.add(16), FORTY),
            "leak" => {
                give(heap, block, FORTY);
                for _ in 0..3 {
                    make(heap);
                }
            }
            _ => {
                give(heap, block, FORTY);
                println!("{}", ERRORS.join("\n"));
            }
        }
        give(heap, other, FORTY);
    }
    let leaks = DEBUG.detect_leaks();
    if !leaks.is_empty() {
        leaks.print(Format::Text);
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let ours = words.get(1).is_some_and(|word| word == "heap-debug");
    let heap: &Heap = if ours { &DEBUG } else { &System };
    // SAFETY: it is not, and should be found.
    unsafe { commit(words.first().map_or("", String::as_str), heap) }
}
