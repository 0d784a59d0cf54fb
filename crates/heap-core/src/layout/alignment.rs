//! [`Alignment`]: a power of two, kept as its logarithm, and the arithmetic of rounding to it.
#![forbid(unsafe_code)]

use core::alloc::Layout;

/// A power of two in bytes, from 1 to `1 << (usize::BITS - 1)`, in one byte.
///
/// ```
/// use heap_core::Alignment;
/// let page = Alignment::new(4096).unwrap();
/// assert_eq!(page.forward(5000), Some(8192));
/// assert_eq!(page.forward(usize::MAX), None);
/// assert!(page > Alignment::of::<u64>());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alignment {
    log2: u8,
}

impl Alignment {
    /// One byte: no alignment at all.
    pub const MIN: Self = Self { log2: 0 };

    /// Half of the address space: the largest power of two that a `usize` holds.
    pub const MAX: Self = Self { log2: (usize::BITS - 1) as u8 };

    /// The alignment of `bytes`, if that is a power of two.
    #[inline]
    #[must_use]
    #[doc(alias = "fromByteUnits")]
    #[doc(alias = "fromByteUnitsOptional")]
    pub const fn new(bytes: usize) -> Option<Self> {
        if bytes.is_power_of_two() { Some(Self { log2: bytes.trailing_zeros() as u8 }) } else { None }
    }

    /// The alignment of `2^log2` bytes, if `usize` can hold it.
    #[inline]
    #[must_use]
    pub const fn from_log2(log2: u32) -> Option<Self> {
        if log2 < usize::BITS { Some(Self { log2: log2 as u8 }) } else { None }
    }

    /// The natural alignment of a type.
    #[inline]
    #[must_use]
    pub const fn of<T>() -> Self {
        Self { log2: align_of::<T>().trailing_zeros() as u8 }
    }

    /// The alignment of a layout.
    #[inline]
    #[must_use]
    pub const fn of_layout(layout: Layout) -> Self {
        Self { log2: layout.align().trailing_zeros() as u8 }
    }

    /// In bytes.
    #[inline]
    #[must_use]
    #[doc(alias = "toByteUnits")]
    pub const fn bytes(self) -> usize {
        1 << self.log2
    }

    /// The base-2 logarithm.
    #[inline]
    #[must_use]
    pub const fn log2(self) -> u32 {
        self.log2 as u32
    }

    /// The low bits that an aligned address has clear.
    #[inline]
    #[must_use]
    pub const fn mask(self) -> usize {
        self.bytes() - 1
    }

    /// The next multiple at or above `addr`; `None` when it does not fit a `usize`.
    #[inline]
    #[must_use]
    #[doc(alias = "alignForward")]
    pub const fn forward(self, addr: usize) -> Option<usize> {
        match addr.checked_add(self.mask()) {
            Some(sum) => Some(sum & !self.mask()),
            None => None,
        }
    }

    /// The next multiple at or above `addr`, modulo the address space.
    #[inline]
    #[must_use]
    pub const fn forward_wrapping(self, addr: usize) -> usize {
        addr.wrapping_add(self.mask()) & !self.mask()
    }

    /// The last multiple at or below `addr`.
    #[inline]
    #[must_use]
    #[doc(alias = "alignBackward")]
    pub const fn backward(self, addr: usize) -> usize {
        addr & !self.mask()
    }

    /// Whether `addr` is a multiple. Address 0 is, of everything.
    #[inline]
    #[must_use]
    #[doc(alias = "check")]
    #[doc(alias = "isAligned")]
    pub const fn is_aligned(self, addr: usize) -> bool {
        addr & self.mask() == 0
    }

    /// The first pointer at or above `ptr` that is aligned and a whole number of `T`s away; it keeps its provenance.
    ///
    /// `None` when there is none: the next multiple does not fit the address space, or lies inside a `T`.
    ///
    /// ```
    /// use heap_core::Alignment;
    /// let line = Alignment::new(64).unwrap();
    /// let buffer = [0_u32; 32];
    /// let aligned = line.align_pointer(buffer.as_ptr().cast_mut()).unwrap();
    /// assert!(line.is_aligned(aligned.addr()) && aligned.addr() - buffer.as_ptr().addr() < 64);
    /// ```
    #[inline]
    #[must_use]
    #[doc(alias = "alignPointer")]
    #[doc(alias = "alignPointerOffset")]
    pub fn align_pointer<T>(self, ptr: *mut T) -> Option<*mut T> {
        let delta = self.forward(ptr.addr())? - ptr.addr();
        delta.is_multiple_of(size_of::<T>()).then(|| ptr.wrapping_byte_add(delta))
    }
}

impl core::fmt::Debug for Alignment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Alignment({})", self.bytes())
    }
}

impl TryFrom<usize> for Alignment {
    type Error = NotAPowerOfTwo;
    fn try_from(bytes: usize) -> Result<Self, NotAPowerOfTwo> {
        Self::new(bytes).ok_or(NotAPowerOfTwo { bytes })
    }
}

impl From<Alignment> for usize {
    fn from(alignment: Alignment) -> usize {
        alignment.bytes()
    }
}

/// The number of bytes given as an alignment is not a power of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes is not an alignment: not a power of two")]
pub struct NotAPowerOfTwo {
    /// What was given.
    pub bytes: usize,
}
