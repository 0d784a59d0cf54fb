//! The systems that have memory which grows: WebAssembly, and Unix's program break.

use core::ptr::NonNull;

use super::break_allocator::BreakAllocator;
use super::source::{Break, FnBreak};
use crate::sys::growing;

/// The memory of a WebAssembly module. Elsewhere there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct WasmMemory;

// SAFETY: what was just grown is nobody's. Without atomics a module has one thread.
unsafe impl Break for WasmMemory {
    const THREADS: bool = growing::WASM_THREADS;

    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
        let len = (len + growing::WASM_PAGE - 1) & !(growing::WASM_PAGE - 1);
        growing::memory_grow(len).map(|base| (base, len))
    }
}

/// The memory of a WebAssembly module, and first what lies unused between its data and the end of the memory that it
/// starts with: up to a page, which a small program need not grow by then.
#[derive(Debug)]
pub struct WholeWasmMemory {
    _private: (),
}

impl WholeWasmMemory {
    /// All of it.
    ///
    /// # Safety
    ///
    /// There is one value of this type in the module, used by one allocator, and nobody else uses the memory between the
    /// linker's symbol `__heap_base` and the end of the initial memory. (A C library may.)
    #[must_use]
    pub const unsafe fn new() -> Self {
        Self { _private: () }
    }
}

// SAFETY: as for `WasmMemory`; and whoever called `new` keeps others from the initial memory.
unsafe impl Break for WholeWasmMemory {
    const THREADS: bool = growing::WASM_THREADS;

    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
        WasmMemory.grow(len)
    }
    fn initial(&self) -> Option<(NonNull<u8>, usize)> {
        growing::initial_memory()
    }
}

/// An allocator over the memory of a WebAssembly module, small in code and in what it keeps.
///
/// As the global allocator of a module, with threads or without:
///
/// ```
/// # #[cfg(target_family = "wasm")]
/// #[global_allocator]
/// static GLOBAL: heap_core::adapt::AsGlobal<heap_os::WasmAllocator> =
///     heap_core::adapt::AsGlobal::new(heap_os::WasmAllocator::new());
/// ```
///
/// Each value is an allocator of its own; they share the memory without harm. On other targets there is no memory:
/// every request is refused.
#[doc(alias = "wasm_allocator")]
pub type WasmAllocator = BreakAllocator<WasmMemory>;

impl WasmAllocator {
    /// An allocator without memory; it takes some when it needs it.
    #[must_use]
    pub const fn new() -> Self {
        Self::over(WasmMemory)
    }
}

impl Default for WasmAllocator {
    fn default() -> Self {
        Self::new()
    }
}

/// The program break of Unix: the end of the memory that a process had at its start. Elsewhere there is none.
#[derive(Debug)]
pub struct ProgramBreak {
    _private: (),
}

impl ProgramBreak {
    /// The program break.
    ///
    /// # Safety
    ///
    /// While one thread uses it no other moves the break: `sbrk` takes no lock. The C library's `malloc` moves it as a
    /// rule, so this is for programs with one thread, or whose C heap does not use the break.
    #[must_use]
    pub const unsafe fn new() -> Self {
        Self { _private: () }
    }
}

// SAFETY: `FnBreak`'s is the same.
unsafe impl Break for ProgramBreak {
    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
        // SAFETY: `sbrk` returns memory that was nobody's before, and whoever called `new` keeps others from moving the
        // break at the same time. Moves in between make a gap, which is no harm; and they may end anywhere.
        unsafe { FnBreak::new(growing::sbrk) }.grow(len)
    }
}

/// An allocator over the program break.
///
/// ```no_run
/// // SAFETY: this program has one thread.
/// let alloc = heap_os::SbrkAllocator::over(unsafe { heap_os::ProgramBreak::new() });
/// ```
#[doc(alias = "BrkAllocator")]
#[doc(alias = "brk_allocator")]
pub type SbrkAllocator = BreakAllocator<ProgramBreak>;
