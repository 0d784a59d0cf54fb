//! Allocators over memory that grows and is never given back.

mod free_blocks;
mod source;
mod break_allocator;
mod systems;

pub use break_allocator::BreakAllocator;
pub use source::{Break, FnBreak};
pub use systems::{ProgramBreak, SbrkAllocator, WasmAllocator, WasmMemory, WholeWasmMemory};
