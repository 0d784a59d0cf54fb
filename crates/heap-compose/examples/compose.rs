//! A heap for the requests of a server, made of parts: `cargo run -p heap-compose --example compose`.
//!
//! Each request has 16 KiB on the stack, and 512 KiB more from an arena that all requests use in turn; beyond that the
//! request is refused, and not the server's other work. Small blocks that a request frees are used again at once. The
//! numbers at the end of each say how large the buffer should have been.

use core::mem::MaybeUninit;

use allocator_api2_02::vec::Vec;
use heap_arena::{Arena, FixedBuffer};
use heap_compose::{BySize, Fallback, FreeList, Limit, Stats};
use heap_core::{Allocator, Usage};

/// Reads a request of so many lines and keeps them all, as a parser does.
///
/// Want of memory is a value: the caller answers "too large" and goes on.
fn serve(lines: usize, heap: &dyn Allocator) -> Result<usize, &'static str> {
    let mut parsed = Vec::new_in(heap);
    for line in 0..lines {
        let mut text = Vec::new_in(heap);
        for byte in b"GET /a/path HTTP/1.1 ".iter().cycle().take(10 + line % 100) {
            text.try_reserve(1).map_err(|_| "too large")?;
            text.push(*byte);
        }
        parsed.try_reserve(1).map_err(|_| "too large")?;
        parsed.push(text);
    }
    Ok(parsed.iter().map(Vec::len).sum())
}

fn main() {
    let mut arena = Arena::new();
    for lines in [10, 100, 1000, 10_000] {
        let mut memory = [MaybeUninit::uninit(); 16 << 10];
        let memory = Fallback::new(FixedBuffer::new(&mut memory), Limit::new(&arena, 512 << 10));
        let heap = Stats::new(BySize::new(FreeList::<_, 8, 64>::new(&memory), &memory, 64));

        let answer = serve(lines, &heap);
        let counts = heap.counts();
        println!("{lines} lines: {answer:?}");
        println!("    {} blocks, {} bytes at most", counts.allocs(), counts.high_water());
        println!("    {} bytes of the buffer are not in use", memory.primary().remaining());
        println!("    {} bytes of the arena are", memory.fallback().used());
        let sizes = counts.histogram().map(|(size, blocks)| format!("{blocks} of {size}"));
        println!("    blocks by size class: {}", sizes.collect::<std::vec::Vec<_>>().join(", "));
        assert_eq!(answer.is_ok(), lines <= 1000, "the largest one is refused");
        assert_eq!(counts.live_blocks(), 0, "a request frees what it took, also when it is refused");

        drop(heap);
        arena.reset(heap_arena::ResetMode::RetainCapacity);
    }
}
