//! Sizes that structure the heap, and [`Settings`] that tune it. Every number comes with its reason.
#![forbid(unsafe_code)]

use heap_os::PAGE_SIZE_MAX;

/// Bytes of a unit, the span heap's grain: four 4 KiB pages, or the largest page the target may have. Small enough that a
/// 33 KiB block wastes little, large enough that a segment's bitmaps are a few cache lines.
pub(crate) const UNIT: usize = if PAGE_SIZE_MAX > 16 << 10 { PAGE_SIZE_MAX } else { 16 << 10 };

/// Bytes of a segment, and its alignment: what is asked of the system at a time. Address space only until touched. At
/// least 64 units: a word of a bitmap.
pub(crate) const SEGMENT: usize = if usize::BITS >= 64 {
    32 << 20
} else if UNIT > (4 << 20) / 64 {
    64 * UNIT
} else {
    4 << 20
};

/// Units of a segment.
pub(crate) const UNITS: usize = SEGMENT / UNIT;

/// The largest request in bytes that comes from a slab.
pub(crate) const SMALL_MAX: usize = 32 << 10;

/// The largest request in bytes that comes from a run of units; above, it has a mapping of its own.
pub(crate) const RUN_MAX: usize = SEGMENT / 2;

/// Bytes of a full chain, where its blocks are not too few or too many: half the L1 cache's share of a class.
pub(crate) const CHAIN_BYTES: usize = 8 << 10;

/// Blocks of a full chain at the most: one atomic operation for so many blocks is already nothing.
pub(crate) const CHAIN_MAX: usize = 64;

/// Bytes of one class that its depot holds, where two chains are not more: sixteen full chains.
pub(crate) const DEPOT_BYTES: usize = 16 * CHAIN_BYTES;

/// Groups of processors at the most: 128 processors' worth.
pub(crate) const GROUPS_MAX: usize = 32;

/// Span heaps at the most: as many as groups, but where addresses are few, fewer: each takes whole segments.
pub(crate) const HEAPS: usize = if usize::BITS >= 64 { GROUPS_MAX } else { 4 };

/// Bytes of a huge page (x86-64, and arm64 with 4 KiB pages).
pub(crate) const HUGE_PAGE: usize = 2 << 20;

const _: () = assert!(UNITS.is_multiple_of(64) && UNITS < u16::MAX as usize);
const _: () =
    assert!(SMALL_MAX <= RUN_MAX && SEGMENT.is_multiple_of(HUGE_PAGE) && HUGE_PAGE.is_multiple_of(UNIT));

/// What a user may tune, as a `const` builder: see [`SmpAllocator::with`](crate::SmpAllocator::with).
///
/// ```
/// use heap_smp::{Settings, SmpAllocator};
/// #[global_allocator]
/// static GLOBAL: SmpAllocator = SmpAllocator::with(Settings::new().huge_pages_from(64 << 20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Settings {
    pub(crate) huge_pages_from: usize,
    pub(crate) prefault_from: usize,
    pub(crate) keep_min: usize,
    pub(crate) keep_divisor: usize,
    pub(crate) background: bool,
    pub(crate) groups: usize,
}

impl Settings {
    /// The settings that [`SmpAllocator::new`](crate::SmpAllocator::new) uses.
    pub const fn new() -> Self {
        Self {
            huge_pages_from: 8 * HUGE_PAGE,
            prefault_from: 4 << 20,
            keep_min: 1 << 20,
            keep_divisor: 8,
            background: true,
            groups: 0,
        }
    }

    /// What [`new`](Self::new) makes.
    pub(crate) const DEFAULT: Self = Self::new();

    /// All zeros: not yet configured. Not a value that the builder makes (`keep_divisor` is never zero there).
    pub(crate) const UNSET: Self = Self {
        huge_pages_from: 0,
        prefault_from: 0,
        keep_min: 0,
        keep_divisor: 0,
        background: false,
        groups: 0,
    };

    /// Bytes in use from which further memory is taken in huge pages, so that a page that is not filled costs
    /// a small part of the whole; for small blocks, which fill their pages, from half of it. `usize::MAX`: never. Default: 16 MiB.
    pub const fn huge_pages_from(mut self, bytes: usize) -> Self {
        self.huge_pages_from = bytes;
        self
    }

    /// Bytes in use from which a fresh slab is populated by one system call instead of one fault a page.
    /// `usize::MAX`: never. Default: 4 MiB.
    pub const fn prefault_from(mut self, bytes: usize) -> Self {
        self.prefault_from = bytes;
        self
    }

    /// How much free memory stays resident after it was not needed for a while: at least `min` bytes, and one
    /// part in `divisor` of what is in use. Default: 1 MiB, one eighth.
    pub const fn keep(mut self, min: usize, divisor: usize) -> Self {
        self.keep_min = min;
        self.keep_divisor = if divisor == 0 { 1 } else { divisor };
        self
    }

    /// Whether a helper thread may be started, once much memory is free, that gives it back while the program
    /// is idle. Without it memory goes back only when the allocator is called. Default: yes.
    pub const fn background_thread(mut self, allowed: bool) -> Self {
        self.background = allowed;
        self
    }

    /// Among how many groups of processors the shared lists of free blocks and of free pages are divided, at most 32: more of them
    /// and fewer threads wait for each other; but each has part-filled pages of its own. Zero, the default: one group for 4
    /// processors from 16 processors on, else a single one. The first allocator that is used decides.
    pub const fn processor_groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}
