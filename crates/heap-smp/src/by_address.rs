//! The heap as C sees it: blocks go back without a layout, and their size is found from the address.
//!
//! An address names its segment (two loads in the [directory](crate::directory)), the segment's books name the span, and the
//! span its class or length. That is what the layout spares Rust: none of it is on the path of
//! [`SmpAllocator`](crate::SmpAllocator). Threads have caches of their own here, apart from those of Rust callers in the
//! same process; slabs, depots and large blocks are shared.
//!
//! Fast and slow functions come in pairs, so that the caller can keep `errno` around the slow one alone. No
//! helper thread is started from here: memory goes back during calls, some of which look at the clock.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::SizeClasses;

use crate::config::{SMALL_MAX, UNIT};
use crate::core_heap::CORE;
use crate::directory::Owner;
use crate::hardening;
use crate::large;
use crate::pace;
use crate::reclaim;
use crate::segment::Kind;
use crate::size::CLASS;
use crate::sync::Ordering;
use crate::thread_cache::c_cache::{self, Bin, C_ALIGN, SETTINGS};
use crate::violation::{Violation, report};

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a slab of this class.
    Slab(usize),
    /// In a run or a mapping of its own, of so many bytes.
    Large(usize),
}

impl Place {
    /// Bytes that a client may use there.
    fn len(self) -> usize {
        match self {
            Self::Slab(class) => CLASS[class].slot as usize,
            Self::Large(len) => len,
        }
    }
}

/// Where the block at `addr` lies, which need not be one.
#[inline(always)]
fn place_of(addr: usize) -> Option<Place> {
    match CORE.directory.owner_of(addr)? {
        Owner::Segment(segment) => {
            let span = segment.span_at(addr)?;
            match span.kind() {
                Kind::Slab => Some(Place::Slab(span.class())),
                Kind::Run => Some(Place::Large(span.units() * UNIT)),
                Kind::None => None,
            }
        }
        Owner::Huge(record) => Some(Place::Large(record.len.load(Ordering::Relaxed))),
    }
}

/// The class of the slab that `addr` lies in, if it does.
#[inline(always)]
fn slab_class(addr: usize) -> Option<usize> {
    match CORE.directory.owner_of(addr)? {
        Owner::Segment(segment) => segment.slab_class(addr),
        Owner::Huge(_) => None,
    }
}

/// A block of at least `size` bytes (one, for 0) aligned to 16, if the calling thread has one at hand; else null. O(1).
///
/// ```
/// use core::ptr::NonNull;
/// use heap_smp::by_address;
/// let block = NonNull::new(by_address::alloc_slow(100)).unwrap();
/// let size = by_address::block_size(block).unwrap();
/// assert!(size >= 100);
/// // SAFETY: the block came from here, and is not used again.
/// assert!(unsafe { by_address::free_fast(block) });
/// assert_eq!(by_address::alloc_fast(size), block.as_ptr());
/// ```
#[inline(always)]
#[must_use]
pub fn alloc_fast(size: usize) -> *mut u8 {
    Bin::of_size(size).map_or(ptr::null_mut(), c_cache::take)
}

/// A block of at least `size` bytes (one, for 0) aligned to 16; null when there is no memory.
#[cold]
#[inline(never)]
#[must_use]
pub fn alloc_slow(size: usize) -> *mut u8 {
    match Bin::of_size(size) {
        Some(bin) => c_cache::take_slow(bin),
        None => large_block(size, C_ALIGN, false),
    }
}

/// As [`alloc_slow`], and the first `size` bytes are zeros. Fresh memory of the system is not cleared again.
#[must_use]
pub fn alloc_zeroed(size: usize) -> *mut u8 {
    let Some(bin) = Bin::of_size(size) else { return large_block(size, C_ALIGN, true) };
    let mut block = c_cache::take(bin);
    if block.is_null() {
        block = c_cache::take_slow(bin);
    }
    if !block.is_null() {
        // SAFETY: the block is ours and that long.
        unsafe { block.write_bytes(0, size) };
    }
    block
}

/// As [`alloc_fast`], aligned to `align` too, which is a power of two. O(1).
#[inline(always)]
#[must_use]
pub fn alloc_aligned_fast(size: usize, align: usize) -> *mut u8 {
    aligned_bin(size, align).map_or(ptr::null_mut(), c_cache::take)
}

/// A block of at least `size` bytes (one, for 0) aligned to 16 and to `align`; null when there is no memory, or no
/// layout of that size and alignment. `align` is a power of two.
#[must_use]
pub fn alloc_aligned(size: usize, align: usize) -> *mut u8 {
    let Some(bin) = aligned_bin(size, align) else {
        return large_block(size.max(1), align.max(C_ALIGN), false);
    };
    match c_cache::take(bin) {
        // A longer block than that of the class might not be aligned.
        block if block.is_null() => c_cache::take_own_slow(bin),
        block => block,
    }
}

/// The bin for a size and an alignment, as for a layout: the one of the size rounded up to the alignment.
#[inline(always)]
fn aligned_bin(size: usize, align: usize) -> Option<Bin> {
    if align <= C_ALIGN {
        return Bin::of_size(size);
    }
    let last = size.wrapping_sub(usize::from(size != 0)) | (align - 1);
    (last < SMALL_MAX && align <= UNIT).then(|| Bin::of_class(SizeClasses::class_of(last + 1)))
}

fn large_block(size: usize, align: usize, zeroed: bool) -> *mut u8 {
    let Ok(layout) = Layout::from_size_align(size, align) else { return ptr::null_mut() };
    pace::tick_if_due();
    let Some(fresh) = large::fresh(&CORE, layout, &SETTINGS) else { return ptr::null_mut() };
    hardening::lent_run(fresh.block, size.next_multiple_of(UNIT));
    if zeroed && !fresh.zeroed {
        // SAFETY: the block is ours and that long.
        unsafe { fresh.block.write_bytes(0, size) };
    }
    fresh.block.as_ptr()
}

/// The bytes of the block at `block` that may be used: at least what was asked for. `None` for a pointer that is not into
/// memory of this heap; of a pointer that is not the start of a live block, anything. O(1).
#[must_use]
pub fn block_size(block: NonNull<u8>) -> Option<usize> {
    place_of(block.addr().get()).map(Place::len)
}

/// Takes a block back if that is done in a few instructions; `false`: [`free_slow`] must do it. O(1).
///
/// # Safety
///
/// `block` came from this module, is live, and is given up, if it is taken. (A pointer that never did is refused, here or
/// there.)
#[inline(always)]
pub unsafe fn free_fast(block: NonNull<u8>) -> bool {
    match slab_class(block.addr().get()) {
        // SAFETY: the caller's promise, and the block lies in a slab of this class.
        Some(class) => unsafe { c_cache::put(Bin::of_class(class), block) },
        None => false,
    }
}

/// Takes a block back. Ends the process, with a message, for a pointer that is not a block of this heap, and for a large
/// block that is free already.
///
/// # Safety
///
/// As for [`free_fast`].
#[cold]
#[inline(never)]
pub unsafe fn free_slow(block: NonNull<u8>) {
    let addr = block.addr().get();
    match place_of(addr) {
        // SAFETY: the caller's promise, and the block lies in a slab of this class.
        Some(Place::Slab(class)) => unsafe { c_cache::put_slow(Bin::of_class(class), block) },
        Some(Place::Large(len)) => {
            pace::tick_if_due();
            let Ok(layout) = Layout::from_size_align(len, 1) else { misplaced(block) };
            // SAFETY: the caller's promise; the length is that of the block.
            unsafe { large::free(&CORE, block, layout) }
        }
        None => misplaced(block),
    }
}

/// Reports what is wrong with a pointer that is not into a block.
fn misplaced(block: NonNull<u8>) -> ! {
    // SAFETY: nothing is freed: for a pointer without a place the call does not return.
    unsafe { large::free(&CORE, block, Layout::new::<u8>()) };
    report(Violation::ForeignPointer, block.addr().get())
}

/// Ends the process, with a message, if a block of `size` bytes asked for with `align` cannot be the one at `block`.
/// O(1).
///
/// # Safety
///
/// `block` came from this module, and is live.
pub unsafe fn check_size(block: NonNull<u8>, size: usize, align: usize) {
    let addr = block.addr().get();
    let fits = match place_of(addr) {
        Some(Place::Slab(class)) => {
            let last = (size.max(1) - 1) | (align.max(C_ALIGN) - 1);
            // A block that `realloc` left in place may be half as long.
            last < CLASS[class].slot as usize && (last + 1) * 2 >= CLASS[class].slot as usize
        }
        Some(Place::Large(len)) => size <= len && addr.is_multiple_of(align),
        None => misplaced(block),
    };
    if !fits {
        report(Violation::WrongLayout, addr)
    }
}

/// Makes the block at least `size` bytes long (one, for 0), in place or elsewhere, aligned to 16; what it held
/// stays, up to the smaller size. Null: no memory, and the old block is as it was.
///
/// # Safety
///
/// `block` came from this module and is live; if another one is returned, it is given up.
#[must_use]
pub unsafe fn realloc(block: NonNull<u8>, size: usize) -> *mut u8 {
    let Some(place) = place_of(block.addr().get()) else { misplaced(block) };
    let old = place.len();
    match place {
        // A class below would be another slot: worth a copy only where it spares half of it.
        Place::Slab(_) if size <= old && size.max(C_ALIGN) * 2 >= old => return block.as_ptr(),
        Place::Large(_) if size > SMALL_MAX => {
            if let Ok(layout) = Layout::from_size_align(old, C_ALIGN)
                // SAFETY: the block is a live large one of that length, and the new size is large.
                && let Some(moved) = unsafe { large::resize(&CORE, block, layout, size, true) }
            {
                hardening::lent_run(moved, size.next_multiple_of(UNIT));
                return moved.as_ptr();
            }
        }
        _ => {}
    }
    let fresh = alloc_to_fill(size, old.min(size));
    if !fresh.is_null() {
        // SAFETY: both blocks are live, different, and at least that long; the old one is the caller's to give.
        unsafe {
            fresh.copy_from_nonoverlapping(block.as_ptr(), old.min(size));
            if !free_fast(block) {
                free_slow(block);
            }
        }
    }
    fresh
}

/// A block for `size` bytes whose first `len` will be written at once; null when there is no memory.
#[inline]
fn alloc_to_fill(size: usize, len: usize) -> *mut u8 {
    if size > SMALL_MAX {
        pace::tick_if_due();
        let Ok(layout) = Layout::from_size_align(size, C_ALIGN) else { return ptr::null_mut() };
        let block = large::alloc_to_fill(&CORE, layout, len, &SETTINGS);
        if let Some(block) = NonNull::new(block) {
            hardening::lent_run(block, size.next_multiple_of(UNIT));
        }
        return block;
    }
    match alloc_fast(size) {
        block if block.is_null() => alloc_slow(size),
        block => block,
    }
}

/// Gives memory back to the system: the calling thread's cache and the depots are emptied, and free pages dropped.
/// Returns whether any was. O(free memory).
pub fn purge() -> bool {
    c_cache::flush();
    reclaim::purge(&CORE) > 0
}

/// What the heap holds. Locks each class for a moment. O(classes).
#[must_use]
pub fn stats() -> crate::stats::Stats {
    crate::stats::Stats::of(&CORE)
}
