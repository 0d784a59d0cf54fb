//! A target without pages that we know of: compiles, and refuses everything.

use core::ptr::NonNull;

use super::{Access, Sys};
use crate::error::OsError;

pub(crate) struct Platform;

// SAFETY: nothing is ever returned.
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
        Err(OsError::unsupported("protect"))
    }
    unsafe fn commit(_base: NonNull<u8>, _len: usize) -> Result<(), OsError> {
        Err(OsError::unsupported("commit"))
    }
    unsafe fn decommit(_base: NonNull<u8>, _len: usize) -> Result<(), OsError> {
        Err(OsError::unsupported("decommit"))
    }
}
