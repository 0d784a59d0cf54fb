//! Pages that are none: blocks of the system allocator. For Miri, which has no page tables, and for tests of the
//! code paths of platforms that cannot reserve, cut or remap.
//!
//! A mapping is unmapped whole; protection is accepted and not enforced.

extern crate std;

use core::alloc::Layout;
use core::ptr::NonNull;
use std::alloc::{GlobalAlloc, System};
use std::sync::Mutex;
use std::time::Instant;

use super::{Access, Sys};
use crate::error::OsError;

pub(crate) struct Platform;

/// Every live mapping: (address, layout). A plain array, since `Vec` may lead back here.
static LIVE: Mutex<[Option<(usize, Layout)>; 4096]> = Mutex::new([None; 4096]);

const PAGE: usize = super::bounds::PAGE_SIZE.1;

// SAFETY: blocks of the system allocator overlap nothing, and `alloc_zeroed` clears them.
unsafe impl Sys for Platform {
    const RESERVES: bool = false;
    const ALIGNS: bool = true;
    const UNMAPS_PARTS: bool = false;
    const DECOMMIT_KEEPS_ACCESS: bool = true;
    const REMAPS: bool = false;
    const MOVES_PAGES: bool = false;

    fn page_size() -> usize {
        PAGE
    }

    fn map(len: usize, align: usize, _hint: usize, _access: Access) -> Result<NonNull<u8>, OsError> {
        let full = OsError { call: "map", code: OsError::UNKNOWN };
        let layout = Layout::from_size_align(len, align.max(PAGE)).map_err(|_| full)?;
        let mut live = LIVE.lock().map_err(|_| full)?;
        let place = live.iter_mut().find(|place| place.is_none()).ok_or(full)?;
        // SAFETY: the length is not zero (trait).
        let base = NonNull::new(unsafe { System.alloc_zeroed(layout) }).ok_or(full)?;
        *place = Some((base.addr().get(), layout));
        Ok(base)
    }

    unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
        let unknown = OsError { call: "unmap", code: OsError::UNKNOWN };
        let mut live = LIVE.lock().map_err(|_| unknown)?;
        let ours = |place: &&mut Option<(usize, Layout)>| {
            place.is_some_and(|(addr, layout)| addr == base.addr().get() && layout.size() == len)
        };
        let (_, layout) = live.iter_mut().find(ours).and_then(Option::take).ok_or(unknown)?;
        // SAFETY: listed, so `map` allocated it with this layout and it is still live.
        unsafe { System.dealloc(base.as_ptr(), layout) };
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
    fn yield_now() {
        std::thread::yield_now();
    }
    fn now_ms() -> u64 {
        static START: Mutex<Option<Instant>> = Mutex::new(None);
        let Ok(mut start) = START.lock() else { return 0 };
        u64::try_from(start.get_or_insert_with(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
