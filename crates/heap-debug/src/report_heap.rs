//! Memory for what a report needs: symbolisers allocate, and must not come back to the allocator that reports.
//!
//! One for the process. Its blocks may live on (symbolisers keep caches) and may be freed when nobody reports any
//! more, so every allocator knows them by their address. Small blocks are not reused, but for the last one.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::Alignment;
use heap_os::pages;

use crate::address_map::AddressMap;
use crate::lock::Lock;
use crate::thread;

/// Bytes asked of the system at a time, and the size from which a block has a mapping of its own.
const CHUNK: usize = 1 << 20;

/// What the map says of our memory.
static CHUNK_MARK: u8 = 0;
static MAPPING_MARK: u8 = 1;

/// Which addresses are ours.
static MAP: AddressMap<u8> = AddressMap::new();
static BUMP: Lock<Bump> = Lock::new(Bump { cursor: None, room: 0 });

/// # Invariants
///
/// - **B1** `room` bytes from `cursor` on are ours and not handed out.
struct Bump {
    cursor: Option<NonNull<u8>>,
    room: usize,
}

// SAFETY: the pointer is into memory of its own.
unsafe impl Send for Bump {}

/// Memory for a layout whose size is not zero, cleared if that is asked for; `None` when the system refuses.
pub(crate) fn alloc(layout: Layout, zeroed: bool) -> Option<NonNull<u8>> {
    if layout.size() >= CHUNK || layout.align() > pages::page_size() {
        let (len, align) = (whole(layout.size())?, layout.align().max(pages::page_size()));
        return map(len, align, &MAPPING_MARK);
    }
    let mut bump = BUMP.lock(thread::token()).ok()?;
    let align = Alignment::of_layout(layout);
    let padding = |bump: &Bump| bump.cursor.map_or(0, |at| at.addr().get().wrapping_neg() & align.mask());
    if padding(&bump) + layout.size() > bump.room {
        bump.cursor = Some(map(CHUNK, pages::page_size(), &CHUNK_MARK)?);
        bump.room = CHUNK;
    }
    let padding = padding(&bump);
    // SAFETY: B1: `padding + size <= room`.
    let block = unsafe { bump.cursor?.add(padding) };
    // SAFETY: as above.
    bump.cursor = Some(unsafe { block.add(layout.size()) });
    bump.room -= padding + layout.size();
    drop(bump);
    if zeroed {
        // Of a block that was given back, and is had again.
        // SAFETY: the block is ours until it is returned.
        unsafe { block.write_bytes(0, layout.size()) };
    }
    Some(block)
}

fn whole(size: usize) -> Option<usize> {
    size.checked_next_multiple_of(pages::page_size())
}

fn map(len: usize, align: usize, mark: &'static u8) -> Option<NonNull<u8>> {
    let base = pages::map_aligned(len, align).ok()?;
    if MAP.set(base.addr().get(), len, mark).is_none() {
        // SAFETY: a whole mapping, used by nobody. A refusal leaks it.
        let _ = unsafe { pages::unmap(base, len) };
        return None;
    }
    Some(base)
}

/// Whether an address is ours.
pub(crate) fn owns(addr: usize) -> bool {
    !MAP.get(addr).is_null()
}

/// Takes a block back.
///
/// # Safety
///
/// The block is from [`alloc`], with this layout, and nobody uses it again.
pub(crate) unsafe fn free(block: NonNull<u8>, layout: Layout) {
    let addr = block.addr().get();
    if core::ptr::eq(MAP.get(addr), &raw const MAPPING_MARK) {
        let Some(len) = whole(layout.size()) else { return };
        MAP.clear(addr, len, &raw const MAPPING_MARK);
        // SAFETY: `alloc` mapped it with this length; the caller gives it up. A refusal leaks it.
        let _ = unsafe { pages::unmap(block, len) };
        return;
    }
    let Ok(mut bump) = BUMP.lock(thread::token()) else { return };
    // SAFETY: the block's end is within its chunk, or just behind it.
    if bump.cursor == Some(unsafe { block.add(layout.size()) }) {
        bump.cursor = Some(block);
        bump.room += layout.size();
    }
}

/// Keeps other threads out across a fork.
pub(crate) fn close_for_fork() {
    BUMP.close_for_fork(thread::token());
}

/// Lets them in again.
pub(crate) fn open_after_fork(in_child: bool) {
    BUMP.open_after_fork(thread::token(), in_child);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_is_had_again_is_cleared_where_that_is_asked_for() {
        let layout = Layout::new::<[u64; 20]>();
        for _ in 0..100 {
            let dirty = alloc(layout, false).unwrap();
            // SAFETY: ours, of that size, given up once.
            unsafe {
                dirty.write_bytes(7, layout.size());
                free(dirty, layout);
            }
            let clear = alloc(layout, true).unwrap();
            // SAFETY: as above.
            unsafe {
                assert!((0..layout.size()).all(|i| clear.add(i).read() == 0));
                free(clear, layout);
            }
        }
    }
}
