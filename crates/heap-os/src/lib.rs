#![doc = include_str!("../README.md")]
#![no_std]

#[cfg(any(feature = "mapping", test))]
extern crate std;

mod sync;
mod error;
mod sys;
pub mod stderr;
pub mod prefetch;
pub mod wait;
#[cfg(feature = "fault-injection")]
pub mod fault;
mod os;
mod page_size;
mod parked;
mod aligned;
pub mod pages;
#[cfg(feature = "thread")]
pub mod thread;
#[cfg(feature = "thread")]
mod symbol;
mod reservation;
mod page_allocator;
mod guarded;
#[cfg(feature = "c-allocator")]
mod c_allocator;
#[cfg(feature = "mapping")]
mod mapping;
mod growing;

#[cfg(feature = "c-allocator")]
pub use c_allocator::{CAllocator, RawCAllocator, c_allocator, raw_c_allocator};
pub use error::{MoveError, OsError};
pub use growing::{
    Break, BreakAllocator, FnBreak, ProgramBreak, SbrkAllocator, WasmAllocator, WasmMemory, WholeWasmMemory,
};
pub use guarded::GuardedPageAllocator;
#[cfg(feature = "mapping")]
pub use mapping::Mapping;
pub use page_allocator::{AddrHint, NEXT_MMAP_ADDR_HINT, PageAllocator, page_allocator};
pub use page_size::{PAGE_SIZE_MAX, PAGE_SIZE_MIN, default_query_page_size, page_size};
pub use pages::{Access, HugePages, HugeSize};
pub use reservation::Reservation;
#[cfg(feature = "thread")]
pub use symbol::symbol;
#[cfg(feature = "background")]
pub use sys::background::Background;
