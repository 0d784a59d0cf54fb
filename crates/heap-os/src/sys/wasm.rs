//! WebAssembly: one memory, which grows and never shrinks. What is unmapped is kept for the next `map`.

use core::cell::UnsafeCell;
use core::ptr::{NonNull, with_exposed_provenance_mut};

use super::free_ranges::FreeRanges;
use super::{Access, Sys};
use crate::error::OsError;
use crate::sync::SpinLock;

pub(crate) struct Platform;

const PAGE: usize = super::bounds::PAGE_SIZE.1;

struct Pages {
    lock: SpinLock,
    free: UnsafeCell<FreeRanges<PAGE>>,
}

// SAFETY: `free` is used under `lock` only.
unsafe impl Sync for Pages {}

static PAGES: Pages = Pages { lock: SpinLock::new(), free: UnsafeCell::new(FreeRanges::new()) };

// SAFETY: memory that was just grown is nobody's, and zero; what comes from the list was given up by its owner, and is
// cleared.
unsafe impl Sys for Platform {
    const RESERVES: bool = false;
    const ALIGNS: bool = true;
    const UNMAPS_PARTS: bool = true;
    const DECOMMIT_KEEPS_ACCESS: bool = true;
    const REMAPS: bool = false;
    const MOVES_PAGES: bool = false;

    fn page_size() -> usize {
        PAGE
    }

    fn map(len: usize, align: usize, _hint: usize, _access: Access) -> Result<NonNull<u8>, OsError> {
        let align = align.max(PAGE);
        if let Some(used) = with_free(|free| free.take(len, align)) {
            // SAFETY: just taken off the list, so ours.
            unsafe { used.write_bytes(0, len) };
            return Ok(used);
        }
        if align == PAGE {
            return grow(len);
        }
        let span = len.checked_add(align - PAGE).ok_or(OsError::absurd("memory.grow"))?;
        let raw = grow(span)?;
        let head = raw.addr().get().wrapping_neg() & (align - 1);
        let tail = span - head - len;
        // SAFETY: `head <= align - PAGE`: all parts lie in the span, which is ours and in whole pages.
        unsafe {
            give(raw, head);
            give(raw.add(head + len), tail);
            Ok(raw.add(head))
        }
    }

    unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the caller gives the range up.
        unsafe { give(base, len) };
        Ok(())
    }
    unsafe fn protect(_base: NonNull<u8>, _len: usize, _access: Access) -> Result<(), OsError> {
        Ok(())
    }
    unsafe fn commit(_base: NonNull<u8>, _len: usize) -> Result<(), OsError> {
        Ok(())
    }
    unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        // SAFETY: the range is the caller's, and nobody relies on its content.
        unsafe { base.write_bytes(0, len) };
        Ok(())
    }
}

fn with_free<R>(section: impl FnOnce(&mut FreeRanges<PAGE>) -> R) -> R {
    // SAFETY: under the lock, and sections do not nest.
    PAGES.lock.with(|| section(unsafe { &mut *PAGES.free.get() }))
}

/// # Safety
/// The caller gives the range up; it is whole pages, maybe none.
unsafe fn give(base: NonNull<u8>, len: usize) {
    if len != 0 {
        // SAFETY: the caller's promise is the same.
        with_free(|free| unsafe { free.give(base, len) });
    }
}

/// `len` fresh bytes at the end of the memory.
pub(crate) fn grow(len: usize) -> Result<NonNull<u8>, OsError> {
    let refused = OsError { call: "memory.grow", code: OsError::UNKNOWN };
    let old = memory_grow(len / PAGE);
    if old == usize::MAX {
        return Err(refused);
    }
    // Fresh memory belongs to no object, so the only provenance it can have is an exposed one.
    let base = with_exposed_provenance_mut(old * PAGE);
    // SAFETY: a module that runs has a stack, so its memory had a first page before.
    Ok(unsafe { NonNull::new_unchecked(base) })
}

#[cfg(target_arch = "wasm32")]
fn memory_grow(pages: usize) -> usize {
    core::arch::wasm32::memory_grow::<0>(pages)
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_grow(_pages: usize) -> usize {
    // The instruction is not stable for the other widths.
    usize::MAX
}
