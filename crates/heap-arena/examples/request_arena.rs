//! An arena for each request of a server: everything that a request needs goes at once, and after the first few requests
//! nothing is asked of the global allocator any more.
//!
//! `cargo run -p heap-arena --example request_arena`

use allocator_api2_02::vec::Vec;
use hashbrown::{DefaultHashBuilder, HashMap};
use heap_arena::{Arena, ResetMode, Scope, TypedAlloc};
use heap_core::AllocError;

/// The words of a request, counted; the answer lives in the request's arena too.
fn answer<'a>(arena: &'a Arena, request: &str) -> Result<&'a mut str, AllocError> {
    let mut counts = HashMap::with_hasher_in(DefaultHashBuilder::default(), arena);
    for word in request.split_whitespace() {
        let word = &*arena.alloc_iter(word.bytes().map(|byte| byte.to_ascii_lowercase()))?;
        *counts.entry(word).or_insert(0_u32) += 1;
    }
    let mut ranked = Vec::new_in(arena);
    ranked.extend(counts);
    ranked.sort_by(|(a, many), (b, few)| few.cmp(many).then(a.cmp(b)));
    let (word, count) = ranked.first().copied().unwrap_or_default();
    arena.alloc_fmt(format_args!(
        "{} words, most often {:?} ({count})",
        ranked.len(),
        String::from_utf8_lossy(word)
    ))
}

/// Work that needs much room for a moment, in a scope of its own: gone before the request goes on.
fn checksum(scope: &Scope<'_, '_, Arena>, text: &str) -> Result<u64, AllocError> {
    let padded = scope.alloc_slice_fill_with(4096, |n| text.as_bytes().get(n).copied().unwrap_or(0))?;
    Ok(padded.iter().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(*byte)))
}

fn main() -> Result<(), AllocError> {
    let mut arena = Arena::new();
    // A request that wants more is refused, and harms nobody.
    arena.set_limit(Some(1 << 20));
    let requests = ["To be or not to be", "that is the question", "whether tis nobler in the mind to suffer"];
    for (number, request) in requests.iter().cycle().take(9).enumerate() {
        let sum = arena.scoped(|scope| checksum(&scope, request))?;
        let text = answer(&arena, request)?;
        println!("request {number}: {text}; checksum {sum}");
        println!(
            "           {} bytes used of {} in {} chunks",
            arena.used(),
            arena.capacity(),
            arena.chunks()
        );
        arena.reset(ResetMode::RetainCapacity);
    }
    assert!(arena.alloc_slice_uninit::<u8>(2 << 20).is_err());
    println!("never more than {} bytes at once, {} held", arena.high_water(), arena.held());
    assert_eq!((arena.used(), arena.chunks()), (0, 1));
    Ok(())
}
