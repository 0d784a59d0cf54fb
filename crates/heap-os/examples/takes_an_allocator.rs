//! Exercises E-12-6 and E-12-7: a function that takes the allocator and a length and returns a buffer of that length, which
//! the caller owns; called with the page allocator, and with the program's own.
//!
//! `cargo run -p heap-os --example takes_an_allocator`

use heap_core::{AllocError, Allocator, Global, HeapBox};
use heap_os::page_allocator;

/// A library does not choose where memory comes from: its caller does.
fn buffer<A: Allocator>(alloc: A, len: usize) -> Result<HeapBox<[u8], A>, AllocError> {
    HeapBox::slice_in(len, |index| index as u8, alloc)
}

fn main() -> Result<(), AllocError> {
    let from_pages = buffer(page_allocator(), 100)?;
    let from_heap = buffer(Global, 100)?;
    assert_eq!(from_pages.len(), 100, "what was asked for, although a whole page lies behind it");
    assert_eq!(*from_pages, *from_heap);
    println!("pages: {:p}, heap: {:p}", from_pages.as_ptr(), from_heap.as_ptr());
    // Each goes back to where it came from when it is dropped.
    Ok(())
}
