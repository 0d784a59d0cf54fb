//! Mappings at any alignment, made of mappings at the platform's own: the one policy above [`Sys`].
//!
//! Generic over the platform, so that the ways of all platforms are tested on each.

use core::ptr::NonNull;

use crate::error::OsError;
use crate::page_size::page_size;
use crate::parked::{Content, PARKED};
use crate::sync::{AtomicUsize, Ordering};
use crate::sys::{Access, Sys};

/// What [`Sys`] demands of every range.
#[inline]
pub(crate) fn check(call: &'static str, base: NonNull<u8>, len: usize) -> Result<(), OsError> {
    if is_aligned(base, page_size()) { check_len(call, len) } else { Err(OsError::absurd(call)) }
}

#[inline]
pub(crate) fn check_len(call: &'static str, len: usize) -> Result<(), OsError> {
    let whole = len & (page_size() - 1) == 0;
    if whole && len != 0 && len <= isize::MAX as usize { Ok(()) } else { Err(OsError::absurd(call)) }
}

/// Where the next aligned mapping would fit: below the last one, since systems hand out addresses downwards.
/// Only ever a wish, so nothing is ordered by it.
static BELOW_LAST: AtomicUsize = AtomicUsize::new(0);

pub(crate) fn map_with<S: Sys>(
    len: usize,
    align: usize,
    hint: usize,
    access: Access,
) -> Result<NonNull<u8>, OsError> {
    check_len("map", len)?;
    if !align.is_power_of_two() {
        return Err(OsError::absurd("map"));
    }
    if S::ALIGNS || align <= S::granule() {
        return fresh::<S>(len, align, hint & !(S::granule() - 1), access);
    }
    let wish = if hint == 0 { BELOW_LAST.load(Ordering::Relaxed).saturating_sub(len) } else { hint };
    let base = fresh::<S>(len, align, wish & !(align - 1), access)?;
    let base = if is_aligned(base, align) {
        base
    } else {
        // SAFETY: just mapped, whole, used by nobody.
        unsafe { PARKED.release::<S>(base, len, Content::after(access)) };
        map_aligned_below::<S>(base, len, align, access)?
    };
    BELOW_LAST.store(base.addr().get(), Ordering::Relaxed);
    Ok(base)
}

pub(crate) fn is_aligned(base: NonNull<u8>, align: usize) -> bool {
    base.addr().get() & (align - 1) == 0
}

/// A mapping; if it is refused, perhaps for there being too many, what is parked goes first.
#[inline]
fn fresh<S: Sys>(len: usize, align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError> {
    S::map(len, align, hint, access)
        .or_else(|refused| if PARKED.retry::<S>() { S::map(len, align, hint, access) } else { Err(refused) })
}

/// Tries the next multiple of `align` below `free`, where a mapping of that length was just possible and systems hand
/// addresses out downwards.
#[cold]
fn map_aligned_below<S: Sys>(
    free: NonNull<u8>,
    len: usize,
    align: usize,
    access: Access,
) -> Result<NonNull<u8>, OsError> {
    let base = fresh::<S>(len, align, free.addr().get() & !(align - 1), access)?;
    if is_aligned(base, align) {
        return Ok(base);
    }
    // SAFETY: just mapped, whole, used by nobody.
    unsafe { PARKED.release::<S>(base, len, Content::after(access)) };
    map_aligned_slow::<S>(len, align, access)
}

/// Reserves more than enough addresses and uses the aligned part.
#[cold]
#[inline(never)]
fn map_aligned_slow<S: Sys>(len: usize, align: usize, access: Access) -> Result<NonNull<u8>, OsError> {
    let absurd = OsError::absurd("map_aligned");
    let span =
        len.checked_add(align - S::granule()).filter(|&span| span <= isize::MAX as usize).ok_or(absurd)?;
    if S::UNMAPS_PARTS {
        cut::<S>(span, len, align, access)
    } else {
        map_in_gap::<S>(span, len, align, access)
    }
}

/// Takes `span` bytes of addresses and gives back what lies before and after the aligned `len` bytes.
fn cut<S: Sys>(span: usize, len: usize, align: usize, access: Access) -> Result<NonNull<u8>, OsError> {
    let raw = fresh::<S>(span, 1, 0, Access::None)?;
    let head = raw.addr().get().wrapping_neg() & (align - 1);
    let tail = span - head - len;
    // SAFETY: `head <= align - granule`, since `raw` is a multiple of the granule: all inside of `span`.
    let (base, end) = unsafe { (raw.add(head), raw.add(head + len)) };
    for (part, len) in [(raw, head), (end, tail)] {
        if len != 0 {
            // SAFETY: a part of our own mapping that is not used again.
            unsafe { PARKED.release::<S>(part, len, Content::Unknown) };
        }
    }
    // SAFETY: our own fresh mapping, which gains access; or is not used again.
    let committed = if access == Access::None { Ok(()) } else { unsafe { S::protect(base, len, access) } };
    // SAFETY: as above.
    committed.map(|()| base).inspect_err(|_| unsafe { PARKED.release::<S>(base, len, Content::Unknown) })
}

/// Finds a gap that is large enough and maps the aligned part of it, before another thread does.
fn map_in_gap<S: Sys>(span: usize, len: usize, align: usize, access: Access) -> Result<NonNull<u8>, OsError> {
    const TRIES: usize = 16;
    for _ in 0..TRIES {
        let gap = fresh::<S>(span, 1, 0, Access::None)?;
        let aligned = gap.addr().get().wrapping_add(align - 1) & !(align - 1);
        // SAFETY: our own mapping, whole, used by nobody.
        unsafe { PARKED.release::<S>(gap, span, Content::Unknown) };
        let base = S::map(len, align, aligned, access)?;
        if is_aligned(base, align) {
            return Ok(base);
        }
        // SAFETY: as before.
        unsafe { PARKED.release::<S>(base, len, Content::after(access)) };
    }
    Err(OsError { call: "map_aligned", code: OsError::UNKNOWN })
}

/// Changes the length of a mapping and keeps its alignment: in place, or by moving its pages to an aligned range.
///
/// # Safety
/// As of [`Sys::remap`] with `may_move`; `base` is a multiple of `align`.
pub(crate) unsafe fn remap_aligned<S: Sys>(
    base: NonNull<u8>,
    old_len: usize,
    new_len: usize,
    align: usize,
) -> Result<NonNull<u8>, OsError> {
    let simple = align <= S::granule();
    // SAFETY: the caller's promise is the same.
    let remapped = unsafe { S::remap(base, old_len, new_len, simple) };
    if remapped.is_ok() || simple || !S::MOVES_PAGES {
        return remapped;
    }
    let target = map_with::<S>(new_len, align, 0, Access::None)?;
    // SAFETY: the target is our own and empty; the old range is the caller's, who gives it up on success.
    let moved = unsafe { S::move_pages(base, old_len, target, new_len, false) };
    moved.map(|()| target).map_err(|refused| {
        if !refused.target_lost {
            // SAFETY: our own, not used again.
            unsafe { PARKED.release::<S>(target, new_len, Content::Unknown) };
        }
        refused.error
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::os::Os;
    use crate::sys::fake;

    /// The platform under test with another's limits: no parts, as on Windows.
    struct Whole;
    // SAFETY: forwarded unchanged.
    unsafe impl Sys for Whole {
        const RESERVES: bool = true;
        const ALIGNS: bool = false;
        const UNMAPS_PARTS: bool = false;
        const DECOMMIT_KEEPS_ACCESS: bool = false;
        const REMAPS: bool = false;
        const MOVES_PAGES: bool = false;
        fn page_size() -> usize {
            Os::page_size()
        }
        fn map(len: usize, align: usize, hint: usize, access: Access) -> Result<NonNull<u8>, OsError> {
            Os::map(len, align, hint, access)
        }
        unsafe fn unmap(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
            // SAFETY: the caller's promise is the same.
            unsafe { Os::unmap(base, len) }
        }
        unsafe fn protect(base: NonNull<u8>, len: usize, access: Access) -> Result<(), OsError> {
            // SAFETY: the caller's promise is the same.
            unsafe { Os::protect(base, len, access) }
        }
        unsafe fn commit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
            // SAFETY: the caller's promise is the same.
            unsafe { Os::commit(base, len) }
        }
        unsafe fn decommit(base: NonNull<u8>, len: usize) -> Result<(), OsError> {
            // SAFETY: the caller's promise is the same.
            unsafe { Os::decommit(base, len) }
        }
    }

    fn maps_aligned<S: Sys>() {
        let len = S::granule().max(page_size());
        for log2 in 0..24 {
            let base = map_with::<S>(len, 1 << log2, 0, Access::ReadWrite).unwrap();
            assert!(is_aligned(base, 1 << log2), "2^{log2}: {base:p}");
            // SAFETY: mapped just above, whole, not used again.
            unsafe {
                assert_eq!((base.read(), base.add(len - 1).read()), (0, 0));
                base.write_bytes(1, len);
                S::unmap(base, len).unwrap();
            }
        }
    }

    #[test]
    fn every_platforms_way_gives_aligned_zero_pages() {
        maps_aligned::<Os>();
        maps_aligned::<fake::Platform>();
        if !Os::ALIGNS {
            maps_aligned::<Whole>();
        }
    }

    #[test]
    fn the_slow_ways_align_too() {
        let (len, align) = (page_size(), 1 << 22);
        if Os::ALIGNS {
            return;
        }
        for map in [cut::<Os>, map_in_gap::<Os>] {
            let base = map(len + align, len, align, Access::ReadWrite).unwrap();
            assert!(is_aligned(base, align));
            // SAFETY: mapped just above, whole, not used again.
            unsafe {
                base.write_bytes(1, len);
                Os::unmap(base, len).unwrap();
            }
        }
    }

    #[test]
    fn absurd_requests_do_not_reach_the_system() {
        let page = page_size();
        for (len, align) in
            [(0, 1), (1, 1), (page + 1, 1), (usize::MAX, 1), (usize::MAX - page + 1, 1), (page, 0), (page, 3)]
        {
            let refused = map_with::<Whole>(len, align, 0, Access::ReadWrite).unwrap_err();
            assert_eq!(refused.code, OsError::ABSURD, "{len} {align}");
        }
        let most = isize::MAX as usize + 1 - page;
        assert!(map_with::<Whole>(most, 1 << (usize::BITS - 1), 0, Access::ReadWrite).is_err());
    }
}
