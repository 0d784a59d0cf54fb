//! Memory that grows at its end, where a platform has such: WebAssembly's, and Unix's program break.

use core::ptr::NonNull;

/// Bytes that WebAssembly's memory grows by.
pub(crate) const WASM_PAGE: usize = 64 * 1024;
/// Whether a WebAssembly module can have threads.
pub(crate) const WASM_THREADS: bool = cfg!(target_feature = "atomics");

/// `len` fresh bytes, a multiple of the page.
#[cfg(all(target_family = "wasm", not(miri)))]
pub(crate) fn memory_grow(len: usize) -> Option<NonNull<u8>> {
    super::wasm::grow(len).ok()
}

#[cfg(not(all(target_family = "wasm", not(miri))))]
pub(crate) fn memory_grow(_len: usize) -> Option<NonNull<u8>> {
    None
}

/// What lies between the linker's data and the end of the memory that the module starts with, in whole units of 16 bytes.
///
/// Not up to the end of the memory as it is now: what it has grown by is somebody's.
#[cfg(all(target_arch = "wasm32", target_os = "unknown", not(miri)))]
pub(crate) fn initial_memory() -> Option<(NonNull<u8>, usize)> {
    unsafe extern "C" {
        static __heap_base: u8;
        static __heap_end: u8;
    }
    let start = (&raw const __heap_base).addr().next_multiple_of(16);
    let len = (&raw const __heap_end).addr().wrapping_sub(start);
    let base = core::ptr::with_exposed_provenance_mut(start);
    // SAFETY: behind the stack and the data, so not null.
    Some((unsafe { NonNull::new_unchecked(base) }, len))
}

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown", not(miri))))]
pub(crate) fn initial_memory() -> Option<(NonNull<u8>, usize)> {
    None
}

/// `len` fresh bytes at the program break. Not while another thread moves it.
#[cfg(all(unix, not(miri)))]
pub(crate) fn sbrk(len: usize) -> Option<NonNull<u8>> {
    unsafe extern "C" {
        fn sbrk(len: isize) -> *mut u8;
    }
    let len = isize::try_from(len).ok()?;
    // SAFETY: moves the break up: nothing is taken from anybody.
    let base = unsafe { sbrk(len) };
    NonNull::new(base).filter(|base| base.addr().get() != usize::MAX)
}

#[cfg(not(all(unix, not(miri))))]
pub(crate) fn sbrk(_len: usize) -> Option<NonNull<u8>> {
    None
}
