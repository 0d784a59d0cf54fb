#![doc = include_str!("../README.md")]
#![cfg_attr(standalone, no_std)]

mod end;
#[cfg(standalone)]
mod standalone;
mod errno;
mod malloc;
mod aligned;
mod sized;
mod whole;
mod bad_alloc;
mod cpp;

pub use aligned::{aligned_alloc, memalign, posix_memalign, pvalloc, valloc};
pub use cpp::{
    delete, delete_aligned, delete_aligned_nothrow, delete_array, delete_array_aligned,
    delete_array_aligned_nothrow, delete_array_nothrow, delete_array_sized, delete_array_sized_aligned,
    delete_nothrow, delete_sized, delete_sized_aligned, new, new_aligned, new_aligned_nothrow, new_array,
    new_array_aligned, new_array_aligned_nothrow, new_array_nothrow, new_nothrow,
};
pub use malloc::{calloc, free, malloc, realloc, reallocarray};
pub use sized::{free_aligned_sized, free_sized};
pub use whole::{
    MallInfo, MallInfo2, cfree, mallinfo, mallinfo2, malloc_stats, malloc_trim, malloc_usable_size, mallopt,
};
