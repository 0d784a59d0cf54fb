//! Exercise E-12-5: 4096 bytes from the page allocator, filled with zero, given back.
//!
//! `cargo run -p heap-os --example page_block`

use heap_core::{AllocError, AllocatorExt};
use heap_os::page_allocator;

fn main() -> Result<(), AllocError> {
    let pages = page_allocator();
    let slice = pages.alloc_slice_with(4096, |_| 0_u8)?;
    // SAFETY: ours until it is freed below.
    let bytes = unsafe { slice.as_ref() };
    assert!(bytes.iter().all(|&byte| byte == 0));
    println!("{} bytes of zero at {:p}", bytes.len(), bytes.as_ptr());
    // SAFETY: from `alloc_slice_with` of this allocator, and not used again.
    unsafe { pages.free_slice(slice) };
    Ok(())
}
