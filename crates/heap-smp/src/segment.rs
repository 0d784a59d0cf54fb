//! A segment's books, kept out of line: which unit belongs to which span, and which slot of a slab is free.
//!
//! Nothing is written into the memory that clients get: a block that is free and home leaves no pointer there for a stray
//! write to break. The books are one mapping of their own for each segment, touched only where spans exist (about
//! 1 % of the memory they describe).

mod starts;
mod maps;

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};

use crate::config::{SEGMENT, UNIT, UNITS};
pub(crate) use crate::segment::maps::{MAP_WORDS, Maps};
use crate::size::{CLASS, CLASSES};
use crate::states::States;
#[cfg(feature = "malloc")]
use crate::sync::AtomicU8;
use crate::sync::{AtomicPtr, AtomicU16, AtomicU32, Ordering};
pub(crate) use crate::tag::Kind;
use crate::tag::{FIRST_REST, Tag};

/// Slots from this size on keep their bits in the dense table.
const DENSE_FROM: usize = 64;
const DENSE_PER_UNIT: usize = UNIT / DENSE_FROM / 64;
const SPARSE_PER_UNIT: usize = UNIT / 8 / 64;

const _: () = assert!(CLASSES < FIRST_REST as usize && UNITS <= u16::MAX as usize);

/// The group of a private heap's slabs.
pub(crate) const PRIVATE: usize = u16::MAX as usize;

/// What units are taken for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// A slab of this class, of the home of this group or [`PRIVATE`].
    Slab(usize, usize),
    /// One block.
    Run,
}

/// A run of units with one owner, as its first unit describes it.
///
/// # Invariants
///
/// - **S1** `kind`, `class`, `group` and `units` are written under the span heap's lock while no block of the span exists, and
///   constant while one does. Whoever holds a block of the span may read them. (Of a run, `class` is its
///   state, which changes as [`Tag`] says, and `units`, there and in the tag, changes when its block does.)
/// - **S2** `slab` is accessed, and `free` written, under the lock of the slab's class only, while `kind` is `Slab`.
/// - **S3** `tenant` and `links` are written under the span heap's lock: which private heap the span belongs to, and its
///   neighbours in that heap's [`Roll`](crate::roll::Roll). Zeros for a span of the process's heap.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Span {
    pub(crate) tag: Tag,
    units: AtomicU32,
    /// The first byte, or null where no span ever started.
    base: AtomicPtr<u8>,
    /// The slot bits, for a slab.
    bits: AtomicPtr<u64>,
    /// Slots that are home: their bit is set. Anyone may look.
    free: AtomicU32,
    tenant: AtomicU32,
    pub(crate) links: Links,
    /// S2.
    pub(crate) slab: UnsafeCell<SlabState>,
}

const _: () = assert!(usize::BITS < 64 || size_of::<Span>() == 64);

/// A span's neighbours in a list, by their numbers; zero: none (S3).
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) prev: AtomicU32,
    pub(crate) next: AtomicU32,
}

/// The changing part of a slab's description.
#[derive(Debug)]
pub(crate) struct SlabState {
    /// Its free pages were given back since a slot last went out or came home.
    pub(crate) trimmed: bool,
    /// No word of the bitmap before this one has a bit set.
    pub(crate) first_word: u32,
    /// Neighbours in the class's list of slabs with free slots.
    pub(crate) next: *mut Span,
    pub(crate) prev: *mut Span,
}

impl AsRef<Tag> for Span {
    #[inline]
    fn as_ref(&self) -> &Tag {
        &self.tag
    }
}

impl Span {
    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        self.tag.kind()
    }

    #[inline]
    pub(crate) fn class(&self) -> usize {
        self.tag.class()
    }

    /// Whether it is a slab of this class and this group.
    #[inline]
    pub(crate) fn is_slab_of(&self, class: usize, group: usize) -> bool {
        self.tag.is_slab_of(class, group)
    }

    /// Whether it is a run that was freed, and waits in the run cache for the next request.
    #[inline]
    pub(crate) fn is_parked(&self) -> bool {
        self.tag.is_at_rest()
    }

    #[inline]
    pub(crate) fn units(&self) -> usize {
        self.units.load(Ordering::Relaxed) as usize
    }

    /// The number of the group that a slab belongs to.
    #[inline]
    pub(crate) fn group(&self) -> usize {
        self.tag.group()
    }

    /// Slots that are home.
    #[inline]
    pub(crate) fn free(&self) -> u32 {
        self.free.load(Ordering::Relaxed)
    }

    /// Notes how many slots are home. The caller holds the lock of the slab's class (S2).
    #[inline]
    pub(crate) fn set_free(&self, slots: u32) {
        self.free.store(slots, Ordering::Relaxed);
    }

    /// The private heap that the span belongs to; zero: the process's heap. Constant while a block of the span exists.
    #[inline]
    pub(crate) fn tenant(&self) -> u32 {
        self.tenant.load(Ordering::Relaxed)
    }

    /// The caller holds the span heap's lock (S3).
    pub(crate) fn set_tenant(&self, tenant: u32) {
        self.tenant.store(tenant, Ordering::Relaxed);
    }

    /// What the owner of a run noted of it.
    #[cfg(feature = "checked")]
    pub(crate) fn note(&self) -> u8 {
        self.class() as u8
    }

    /// Notes something of a run, in the place of a slab's class. Zero at first. The caller owns the run's block.
    #[cfg(feature = "checked")]
    pub(crate) fn set_note(&self, note: u8) {
        self.tag.set_note(note);
    }

    /// The first byte of the span. Null if no span ever started here.
    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Relaxed)
    }

    /// Whether the first byte's address is a multiple of `align`, a power of two.
    #[inline]
    pub(crate) fn is_aligned(&self, align: usize) -> bool {
        self.base().addr() & (align - 1) == 0
    }

    /// The first word of the slot bits.
    pub(crate) fn bits(&self) -> *mut u64 {
        self.bits.load(Ordering::Relaxed)
    }
}

/// The books of one segment. All zeros is a valid value (of a segment without memory).
///
/// # Invariants
///
/// - **G1** `base` is the segment's first byte, aligned to [`SEGMENT`], `heap` and `index` say where the segment is listed. They are written
///   before the directory leads here, and never change.
/// - **G2** `heads[u]` is one more than the index of the first unit of its span, for every unit of a slab and for the first of
///   a run; zero for any other unit. (Only the start of a run is a block; to mark all of it would cost as much as it is long.)
/// - **G3** `maps` is accessed under the lock of the span heap `heap` only. So is what is said below to be under the span heap's lock.
/// - **G4** `slabs[u]` is one more than the class of unit `u`'s slab; zero if it is not of a slab. What `heads` and `spans`
///   say, in one load, for those who have no layout.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Segment {
    maps: UnsafeCell<Maps>,
    base: AtomicPtr<u8>,
    index: AtomicU32,
    /// Which span heap it belongs to.
    heap: AtomicU32,
    #[cfg(feature = "malloc")]
    slabs: [AtomicU8; UNITS],
    heads: [AtomicU16; UNITS],
    /// That of each unit, behind one that is no span's.
    spans: [Span; UNITS + 1],
    #[cfg_attr(not(feature = "checked"), allow(dead_code, reason = "nothing is kept there"))]
    pub(crate) states: States,
    dense: UnsafeCell<[u64; UNITS * DENSE_PER_UNIT]>,
    sparse: UnsafeCell<[u64; UNITS * SPARSE_PER_UNIT]>,
}

// SAFETY: what is not atomic is accessed under locks: the maps under the span heap's (G3), the bits and states of slabs
// under their class's (S2).
unsafe impl Sync for Segment {}
// SAFETY: as above.
unsafe impl Sync for Span {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Segment {}

impl Segment {
    /// Opens the books for the segment at `base`, the `index`-th of the span heap `heap`.
    ///
    /// # Safety
    ///
    /// `books` is writable memory for a `Segment`, all zeros, and nobody else's; `base` meets G1.
    pub(crate) unsafe fn open<'a>(
        books: NonNull<Self>,
        base: *mut u8,
        heap: usize,
        index: usize,
    ) -> &'a Self {
        // SAFETY: zeros are a valid `Segment` (caller); it is never unmapped.
        let segment = unsafe { books.as_ref() };
        segment.base.store(base, Ordering::Relaxed);
        segment.index.store(index as u32, Ordering::Relaxed);
        segment.heap.store(heap as u32, Ordering::Relaxed);
        segment
    }

    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Relaxed)
    }

    /// The number of the span heap that the segment belongs to, for ever.
    #[inline]
    pub(crate) fn heap(&self) -> usize {
        // Relaxed: who knows the segment got it from the directory, or under the heap's lock (G1).
        self.heap.load(Ordering::Relaxed) as usize
    }

    /// The segment's place in the span heap's list.
    pub(crate) fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed) as usize
    }

    /// The maps.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the segment's span heap, and no other reference to the maps (G3).
    #[expect(clippy::mut_from_ref, reason = "the lock that proves exclusiveness is the caller's")]
    pub(crate) unsafe fn maps(&self) -> &mut Maps {
        // SAFETY: G3, from the caller.
        unsafe { &mut *self.maps.get() }
    }

    /// The first byte of a unit.
    pub(crate) fn unit_ptr(&self, unit: usize) -> NonNull<u8> {
        debug_assert!(unit < UNITS);
        // SAFETY: G1: the stretch is `UNITS` units long from `base`, which is not null. Wrapping, because the memory may be
        // a piece of the stretch only.
        unsafe { NonNull::new_unchecked(self.base().wrapping_add(unit * UNIT)) }
    }

    /// The span that owns the unit at `addr`, an address within this segment.
    #[inline]
    pub(crate) fn span_at(&self, addr: usize) -> Option<&Span> {
        let unit = (addr & (SEGMENT - 1)) / UNIT;
        // Relaxed: a holder of a block got it after the span was made (S1); for any other pointer every answer is right.
        let head = self.heads[unit].load(Ordering::Relaxed) as usize;
        if head == 0 { None } else { self.spans.get(head) }
    }

    /// As [`span_at`](Self::span_at), with the bytes from the span's start to `addr`. Where there is none: one of kind `None`, and
    /// any number.
    #[inline]
    pub(crate) fn place_at(&self, addr: usize) -> (&Span, usize) {
        let inside = addr & (SEGMENT - 1);
        // Relaxed: as for `span_at`.
        let head = self.heads[inside / UNIT].load(Ordering::Relaxed) as usize;
        // SAFETY: G2: a unit's number and one more, or zero.
        let span = unsafe { self.spans.get_unchecked(head) };
        (span, inside.wrapping_sub(head * UNIT).wrapping_add(UNIT))
    }

    /// The class of the slab that owns the unit at `addr`, an address within this segment; `None` if none does.
    #[cfg(feature = "malloc")]
    #[inline]
    pub(crate) fn slab_class(&self, addr: usize) -> Option<usize> {
        // Relaxed: as for `span_at`.
        let mark = self.slabs[(addr & (SEGMENT - 1)) / UNIT].load(Ordering::Relaxed) as usize;
        mark.checked_sub(1)
    }

    /// Writes G4 for some units.
    #[cfg(feature = "malloc")]
    fn mark(&self, units: core::ops::Range<usize>, mark: u8) {
        self.slabs[units].iter().for_each(|slab| slab.store(mark, Ordering::Relaxed));
    }

    #[cfg(not(feature = "malloc"))]
    fn mark(&self, _: core::ops::Range<usize>, _: u8) {}

    /// The index of a span's first unit.
    pub(crate) fn unit_of(&self, span: &Span) -> usize {
        (span.base().addr() & (SEGMENT - 1)) / UNIT
    }

    /// Describes the units `unit..unit + units` as one span. The caller holds the span heap's lock and owns them.
    pub(crate) fn describe(&self, unit: usize, units: usize, purpose: Purpose) -> &Span {
        let span = &self.spans[unit + 1];
        let (kind, class, above, bits, marked, mark) = match purpose {
            Purpose::Slab(class, group) => {
                let bits = self.bits_for(unit, CLASS[class].slot as usize);
                (Kind::Slab, class, group, bits, units, class as u8 + 1)
            }
            Purpose::Run => (Kind::Run, 0, units, ptr::null_mut(), 1, 0),
        };
        span.base.store(self.unit_ptr(unit).as_ptr(), Ordering::Relaxed);
        span.bits.store(bits, Ordering::Relaxed);
        span.tag.set(kind, class, above);
        span.units.store(units as u32, Ordering::Relaxed);
        for head in &self.heads[unit..unit + marked] {
            head.store(unit as u16 + 1, Ordering::Relaxed);
        }
        self.mark(unit..unit + marked, mark);
        span
    }

    /// Sets a run's length. Same conditions as [`describe`](Self::describe).
    pub(crate) fn set_units(&self, span: &Span, units: usize) {
        span.units.store(units as u32, Ordering::Relaxed);
        span.tag.set_units(units);
    }

    /// Ends a span: no address leads to it any more. Same conditions.
    pub(crate) fn forget(&self, span: &Span) {
        let unit = self.unit_of(span);
        let marked = if span.kind() == Kind::Slab { span.units() } else { 1 };
        for head in &self.heads[unit..unit + marked] {
            head.store(0, Ordering::Relaxed);
        }
        self.mark(unit..unit + marked, 0);
        span.tag.set(Kind::None, 0, 0);
    }

    /// The run that `addr` lies in, though not in its first unit. Slow.
    pub(crate) fn run_around(&self, addr: usize) -> Option<&Span> {
        let unit = (addr & (SEGMENT - 1)) / UNIT;
        let before = (0..unit).rev().find_map(|unit| self.span_at(unit * UNIT))?;
        let is_inside = before.kind() == Kind::Run && unit < self.unit_of(before) + before.units();
        is_inside.then_some(before)
    }

    /// Where the slot bits of a slab with slots of `slot` bytes live that starts at `unit`.
    fn bits_for(&self, unit: usize, slot: usize) -> *mut u64 {
        // Each table has words for the smallest slots that it serves, so a slab's bits fit its own units' share.
        if slot >= DENSE_FROM {
            // SAFETY: `unit < UNITS`, so the offset is inside the table.
            unsafe { self.dense.get().cast::<u64>().add(unit * DENSE_PER_UNIT) }
        } else {
            // SAFETY: as above.
            unsafe { self.sparse.get().cast::<u64>().add(unit * SPARSE_PER_UNIT) }
        }
    }
}
