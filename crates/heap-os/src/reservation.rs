//! [`Reservation`]: a range of addresses with an owner, backed by memory piece by piece.

use core::ops::Range;
use core::ptr::NonNull;

use crate::error::OsError;
use crate::pages::{self, Access, HugePages, HugeSize, page_size};

/// Owned addresses. Nothing can be read or written until it is committed; dropping gives everything back.
///
/// For arrays that grow without moving, for heaps, stacks and buffers with guard pages: reserve what may ever be
/// needed, commit what is. A reserved terabyte costs one mapping and no memory.
///
/// Ranges are in bytes from the start and must be whole pages inside of the reservation. Contents are reached through
/// [`ptr`](Self::ptr): the reservation itself never looks at them, and what takes contents or access away needs
/// `&mut self`, so a safe borrow of the memory can hang on `&self`. Where a system cannot reserve
/// ([`pages::RESERVES`]) the memory is taken at once and guard pages do not guard.
///
/// # Invariants
/// - **V1** `base..base + len` is one whole mapping, ours alone, or `len` is 0.
///
/// ```
/// use heap_os::{Access, Reservation, page_size};
///
/// let page = page_size();
/// let mut space = Reservation::new(1 << 30)?;
/// space.commit(0..4 * page)?;
/// space.protect(3 * page..4 * page, Access::None)?; // a guard page
/// // SAFETY: committed above, 3 pages, used by nobody else.
/// let bytes = unsafe { core::slice::from_raw_parts_mut(space.ptr().as_ptr(), 3 * page) };
/// bytes.fill(7);
/// space.decommit(0..page)?;
/// space.commit(0..page)?;
/// // SAFETY: committed again.
/// assert_eq!(unsafe { space.ptr().read() }, 0);
/// # Ok::<(), heap_os::OsError>(())
/// ```
#[derive(Debug)]
pub struct Reservation {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: V1: addresses have no thread, and `&self` methods only add memory.
unsafe impl Send for Reservation {}
// SAFETY: as above; the system calls are thread-safe.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Reserves `len` bytes, rounded up to whole pages.
    ///
    /// # Errors
    ///
    /// [`OsError`]: there are no such addresses, or `len` is absurd (zero is).
    pub fn new(len: usize) -> Result<Self, OsError> {
        Self::aligned(len, 1)
    }

    /// As [`new`](Self::new), starting at a multiple of `align` bytes, a power of two.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new).
    pub fn aligned(len: usize, align: usize) -> Result<Self, OsError> {
        let len = len.checked_next_multiple_of(page_size()).ok_or(OsError::absurd("reserve"))?;
        Ok(Self { base: pages::reserve(len, align)?, len })
    }

    /// Reserves and commits huge pages that the system's administrator set aside; `len` is a multiple of theirs.
    ///
    /// # Errors
    ///
    /// [`OsError`]: none were set aside, or the system has none.
    pub fn huge(len: usize, size: HugeSize) -> Result<Self, OsError> {
        Ok(Self { base: pages::map_huge(len, size)?, len })
    }

    /// Takes over a mapping.
    ///
    /// # Safety
    ///
    /// The `len` bytes at `base` are a whole mapping of [`pages`], which the caller gives up.
    #[must_use]
    pub const unsafe fn from_raw(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len }
    }

    /// Gives the mapping up to the caller: start and length in bytes. It stays mapped.
    #[must_use = "it stays mapped"]
    pub const fn into_raw(self) -> (NonNull<u8>, usize) {
        let raw = (self.base, self.len);
        core::mem::forget(self);
        raw
    }

    /// The first address.
    #[must_use]
    pub const fn ptr(&self) -> NonNull<u8> {
        self.base
    }

    /// Bytes of addresses, in whole pages; what is committed of them, the owner knows.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there are no empty reservations")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Makes a range readable and writable. What is committed already keeps its content, the rest is zero.
    ///
    /// # Errors
    ///
    /// [`OsError`]: no memory, or the range is absurd; nothing has changed.
    pub fn commit(&self, range: Range<usize>) -> Result<(), OsError> {
        let (base, len) = self.range("commit", range)?;
        // SAFETY: V1 and `range`: inside our mapping.
        unsafe { pages::commit(base, len) }
    }

    /// Gives the memory of a range back and keeps the addresses. The range is to be committed again before use.
    ///
    /// # Errors
    ///
    /// [`OsError`]: the memory is still there, its content old or zero; or the range is absurd.
    pub fn decommit(&mut self, range: Range<usize>) -> Result<(), OsError> {
        let (base, len) = self.range("decommit", range)?;
        // SAFETY: V1 and `range`: inside our mapping; `&mut self`: nobody relies on the content.
        unsafe { pages::decommit(base, len) }
    }

    /// Sets what may be done with a committed range. `Access::None` makes guard pages; [`commit`](Self::commit) makes
    /// them usable again.
    ///
    /// # Errors
    ///
    /// [`OsError`]: refused, for lack of mappings as a rule; or the range is absurd. Nothing has changed.
    pub fn protect(&mut self, range: Range<usize>, access: Access) -> Result<(), OsError> {
        let (base, len) = self.range("protect", range)?;
        // SAFETY: V1 and `range`: inside our mapping; `&mut self`: nobody relies on the access.
        unsafe { pages::protect(base, len, access) }
    }

    /// Advises on huge pages for a committed range.
    ///
    /// # Errors
    ///
    /// [`OsError`]: refused, unsupported, or the range is absurd; nothing has changed.
    pub fn advise_huge(&self, range: Range<usize>, huge: HugePages) -> Result<(), OsError> {
        let (base, len) = self.range("advise", range)?;
        // SAFETY: V1 and `range`: inside our mapping; no content changes.
        unsafe { pages::advise_huge(base, len, huge) }
    }

    /// Takes the memory of a committed range now instead of at the first touch of each page.
    ///
    /// # Errors
    ///
    /// [`OsError`]: not enough memory for all of it, unsupported, or the range is absurd.
    pub fn prefault(&self, range: Range<usize>) -> Result<(), OsError> {
        let (base, len) = self.range("prefault", range)?;
        // SAFETY: V1 and `range`: inside our mapping; no content changes.
        unsafe { pages::prefault(base, len) }
    }

    /// Asks that memory of a range that is not yet taken come from one NUMA node.
    ///
    /// # Errors
    ///
    /// [`OsError`]: refused, unsupported, or the range is absurd; nothing has changed.
    pub fn prefer_node(&self, range: Range<usize>, node: u32) -> Result<(), OsError> {
        let (base, len) = self.range("prefer_node", range)?;
        // SAFETY: V1 and `range`: inside our mapping; no content changes.
        unsafe { pages::prefer_node(base, len, node) }
    }

    fn range(&self, call: &'static str, range: Range<usize>) -> Result<(NonNull<u8>, usize), OsError> {
        let len = range.end.checked_sub(range.start).filter(|_| range.end <= self.len);
        let len = len.ok_or(OsError::absurd(call))?;
        // SAFETY: `start <= end <= len`: inside our mapping, or one past it.
        Ok((unsafe { self.base.add(range.start) }, len))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: V1: a whole mapping, ours alone, and this is the end of it.
        unsafe { pages::release(self.base, self.len) };
    }
}
