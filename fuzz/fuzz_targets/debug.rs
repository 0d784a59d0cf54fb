//! A client of the debug allocator that does right and wrong as its bytes say, and knows what has to be said of it: each
//! planted error is found, as what it is, and no other is.
#![no_main]

#[path = "../../crates/heap-debug/tests/it/client.rs"]
mod client;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| client::replay(bytes));

libfuzzer_sys::fuzz_mutator!(|bytes: &mut [u8], size: usize, max_size: usize, seed: u32| {
    heap_fuzz::mutate(bytes, size, max_size, seed)
});
