//! WebAssembly: one memory that grows and never shrinks.

use core::ptr::NonNull;

use super::{Access, Sys};
use crate::error::OsError;

pub(crate) struct Platform;

// SAFETY: memory that was just grown is nobody's, and zero.
unsafe impl Sys for Platform {
    const RESERVES: bool = false;
    const ALIGNS: bool = true;
    const UNMAPS_PARTS: bool = false;
    const DECOMMIT_KEEPS_ACCESS: bool = true;
    const REMAPS: bool = false;
    const MOVES_PAGES: bool = false;

    fn page_size() -> usize {
        super::bounds::PAGE_SIZE.1
    }
    fn map(_len: usize, _align: usize, _hint: usize, _access: Access) -> Result<NonNull<u8>, OsError> {
        Err(OsError::unsupported("map"))
    }
    unsafe fn unmap(_base: NonNull<u8>, _len: usize) -> Result<(), OsError> {
        Err(OsError::unsupported("unmap"))
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
