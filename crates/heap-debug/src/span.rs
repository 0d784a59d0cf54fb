//! [`Span`] and [`Meta`]: the records of memory that blocks lie in. Out of line, so that no stray write of the
//! client can reach them, and found from the address alone.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::fill::{LEAD, TRAIL};
use crate::sync::AtomicBool;
use crate::trace::Trace;

/// What has become of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Never handed out. Zero, as fresh record memory is.
    Fresh = 0,
    /// A client has it.
    Live = 1,
    /// Freed, and not to be reused yet.
    Quarantined = 2,
    /// Freed, and may be reused.
    Free = 3,
}

/// The record of one slot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meta {
    /// Bytes requested; of a slab's blocks only (a large block's size stands in its span).
    size: u16,
    /// log2 of the alignment; [`SAMPLED`] is set when the profile counted it.
    align_log2: u8,
    pub(crate) state: State,
    pub(crate) allocated: Trace,
    pub(crate) freed: Trace,
    /// The leak scope that it was allocated in.
    pub(crate) scope: u32,
}

/// Bits behind the point of a stride's reciprocal.
const RECIPROCAL: u32 = 40;

/// The profile counted the block.
const SAMPLED: u8 = 0x80;

const _: () = assert!(size_of::<Meta>() == 16);

/// How a span's memory is used, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Equal slots, from the backing allocator.
    Slab,
    /// One block, from the backing allocator.
    Large,
    /// One block between two inaccessible pages, from the system.
    Guarded,
}

/// Neighbours in a list.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) prev: Cell<*const Span>,
    pub(crate) next: Cell<*const Span>,
}

impl Links {
    const fn new() -> Self {
        Self { prev: Cell::new(ptr::null()), next: Cell::new(ptr::null()) }
    }
}

/// The record of a piece of memory.
///
/// # Invariants
///
/// - **P1** A span's record stays mapped, and a span with the same stripe, until the instance ends.
/// - **P2** All fields but `stripe` and `gone` are accessed under the lock of that stripe only; `gone` is written under it, and set
///   to false only after the map has forgotten what the record stood for before.
/// - **P3** Unless `gone`, `len` bytes at `base` are ours; `metas` are `count` records, forever.
/// - **P4** Slot `i` of a slab is the `stride` bytes at `base + i * stride`; the block in it starts at the first multiple
///   of its alignment that is `LEAD` bytes or more behind the slot's start, and ends `TRAIL` bytes or more before its end.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) stripe: usize,
    pub(crate) kind: Cell<Kind>,
    pub(crate) gone: AtomicBool,
    pub(crate) base: Cell<NonNull<u8>>,
    pub(crate) len: Cell<usize>,
    /// Of the layout that the backing allocator was asked with.
    pub(crate) align: Cell<usize>,
    pub(crate) class: Cell<usize>,
    pub(crate) stride: Cell<u32>,
    /// `2^RECIPROCAL / stride`, rounded up.
    reciprocal: Cell<u64>,
    pub(crate) count: Cell<u32>,
    /// Slots that may be handed out.
    pub(crate) free: Cell<u32>,
    /// The word of the bitmap to look at next.
    pub(crate) hint: Cell<u32>,
    pub(crate) metas: NonNull<Meta>,
    /// A bit for each slot, set while it may be handed out.
    pub(crate) bits: NonNull<u64>,
    /// Of a large block: its size in bytes and address.
    pub(crate) size: Cell<usize>,
    pub(crate) block: Cell<NonNull<u8>>,
    /// In the list of all of the stripe's spans, or of those gone.
    pub(crate) all: Links,
    /// In the list of slabs with free slots, of quarantined or of cached large blocks.
    pub(crate) some: Links,
}

impl Span {
    /// The layout of a record with room for `count` slots, and where its parts lie.
    pub(crate) fn record(count: usize) -> Option<(Layout, usize, usize)> {
        let (layout, metas) = Layout::new::<Self>().extend(Layout::array::<Meta>(count).ok()?).ok()?;
        let (layout, bits) = layout.extend(Layout::array::<u64>(count.div_ceil(64)).ok()?).ok()?;
        Some((layout, metas, bits))
    }

    /// Makes a record for `count` slots in fresh record memory.
    ///
    /// # Safety
    ///
    /// `at` is zeroed memory for the layout of [`record`](Self::record), the caller's forever.
    pub(crate) unsafe fn init(at: NonNull<u8>, stripe: usize, count: usize) -> Option<NonNull<Self>> {
        let (_, metas, bits) = Self::record(count)?;
        let span = at.cast::<Self>();
        // SAFETY: both offsets lie within the layout; the write is to the caller's memory.
        unsafe {
            span.write(Self {
                stripe,
                kind: Cell::new(Kind::Slab),
                gone: AtomicBool::new(true),
                base: Cell::new(NonNull::dangling()),
                len: Cell::new(0),
                align: Cell::new(1),
                class: Cell::new(0),
                stride: Cell::new(0),
                reciprocal: Cell::new(0),
                count: Cell::new(u32::try_from(count).ok()?),
                free: Cell::new(0),
                hint: Cell::new(0),
                metas: at.add(metas).cast(),
                bits: at.add(bits).cast(),
                size: Cell::new(0),
                block: Cell::new(NonNull::dangling()),
                all: Links::new(),
                some: Links::new(),
            });
        }
        Some(span)
    }

    /// The slot that an address lies in; `None` behind the last one.
    #[inline(always)]
    pub(crate) fn slot_of(&self, addr: usize) -> Option<Slot<'_>> {
        if self.kind.get() != Kind::Slab {
            return Some(Slot { span: self, index: 0 });
        }
        // The rounding adds less than `offset * stride / 2^RECIPROCAL` slots, below 2^(21 + 16 - 40): the quotient is exact.
        let offset = (addr - self.base.get().addr().get()) as u64;
        let index = ((offset * self.reciprocal.get()) >> RECIPROCAL) as u32;
        (index < self.count.get()).then_some(Slot { span: self, index })
    }

    /// Sets the distance between slots in bytes, at least 48 and below 2^16.
    pub(crate) fn set_stride(&self, stride: u32) {
        self.stride.set(stride);
        self.reciprocal.set((1_u64 << RECIPROCAL).div_ceil(u64::from(stride)));
    }

    /// All slots, handed out or not.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        (0..self.count.get()).map(|index| Slot { span: self, index })
    }
}

/// One place for a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot<'a> {
    pub(crate) span: &'a Span,
    /// Below the span's `count`.
    pub(crate) index: u32,
}

impl Slot<'_> {
    #[inline]
    pub(crate) fn meta(&self) -> Meta {
        // SAFETY: P2, P3, and the index is in range.
        unsafe { self.span.metas.add(self.index as usize).read() }
    }

    #[inline]
    pub(crate) fn set_meta(&self, meta: Meta) {
        // SAFETY: P2, P3, and the index is in range.
        unsafe { self.span.metas.add(self.index as usize).write(meta) }
    }

    /// The first byte of a slab's slot.
    #[inline]
    pub(crate) fn start(&self) -> NonNull<u8> {
        // SAFETY: P3, P4: within the span.
        unsafe { self.span.base.get().add(self.index as usize * self.span.stride.get() as usize) }
    }

    /// The block in the slot, and what belongs to it. Its record is not [`State::Fresh`].
    #[inline]
    pub(crate) fn place(&self) -> Place {
        self.place_of(self.meta())
    }

    /// The same, with the record at hand.
    #[inline(always)]
    pub(crate) fn place_of(&self, meta: Meta) -> Place {
        if self.span.kind.get() != Kind::Slab {
            return self.large_place();
        }
        self.slab_place(meta)
    }

    /// The same, of a slab's slot.
    #[inline(always)]
    pub(crate) fn slab_place(&self, meta: Meta) -> Place {
        let start = self.start();
        let (block, size) = (block_in(start, meta.align()), usize::from(meta.size));
        let end = start.addr().get() + self.span.stride.get() as usize;
        let trailing = end - block.addr().get() - size;
        Place { block, size, leading: LEAD, trailing, room: trailing, guarded: false }
    }

    #[inline(never)]
    fn large_place(&self) -> Place {
        let (base, block, size) = (self.span.base.get(), self.span.block.get(), self.span.size.get());
        let before = block.addr().get() - base.addr().get();
        let room = self.span.len.get() - before - size;
        let guarded = self.span.kind.get() == Kind::Guarded;
        let trailing = if guarded { room } else { room.min(LARGE_CANARY) };
        Place { block, size, leading: before.min(LEAD), trailing, room, guarded }
    }
}

/// Where a block would lie in a slab's slot (P4).
#[inline(always)]
fn block_in(start: NonNull<u8>, align: usize) -> NonNull<u8> {
    // SAFETY: P4: the slots of a class hold every alignment that maps to it.
    let first = unsafe { start.add(LEAD) };
    // Slots start at multiples of `LEAD`.
    if align <= LEAD {
        return first;
    }
    let padding = first.addr().get().wrapping_neg() & (align - 1);
    // SAFETY: as above.
    unsafe { first.add(padding) }
}

/// A block and the bytes around it that are ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) block: NonNull<u8>,
    /// Bytes requested.
    pub(crate) size: usize,
    /// Bytes before the block that are canary: [`LEAD`], or fewer where a guarded block fills its pages.
    pub(crate) leading: usize,
    /// Bytes behind the block that are canary: [`TRAIL`] or more, or fewer where it is guarded.
    pub(crate) trailing: usize,
    /// Bytes behind the block that are the slot's.
    room: usize,
    pub(crate) guarded: bool,
}

impl Place {
    /// The address of the block.
    #[inline]
    pub(crate) fn addr(&self) -> usize {
        self.block.addr().get()
    }

    /// Bytes from the block's start to the end of the slot, less the canary that must remain.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.size + self.room - TRAIL.min(self.room)
    }
}

/// Bytes behind a large block that are filled and checked; the rest of its last pages stays untouched.
const LARGE_CANARY: usize = 256;

impl Meta {
    /// The record of a block that is handed out now.
    #[inline]
    pub(crate) fn live(layout: Layout, allocated: Trace, scope: u32, sampled: bool) -> Self {
        Self {
            size: layout.size() as u16,
            align_log2: layout.align().trailing_zeros() as u8 | if sampled { SAMPLED } else { 0 },
            state: State::Live,
            allocated,
            freed: Trace::NONE,
            scope,
        }
    }

    #[inline]
    pub(crate) const fn align(self) -> usize {
        1 << (self.align_log2 & !SAMPLED)
    }

    #[inline]
    pub(crate) const fn is_sampled(self) -> bool {
        self.align_log2 & SAMPLED != 0
    }

    /// The same in another state.
    #[inline]
    pub(crate) const fn with_state(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// The record of the block once it was freed.
    #[inline]
    pub(crate) const fn with_freed(mut self, freed: Trace) -> Self {
        self.state = State::Quarantined;
        self.freed = freed;
        self
    }

    /// The same with another trace of its allocation.
    #[inline]
    pub(crate) const fn with_allocated(mut self, allocated: Trace) -> Self {
        self.allocated = allocated;
        self
    }

    /// The same with another size in bytes.
    #[inline]
    pub(crate) const fn with_size(mut self, size: usize) -> Self {
        self.size = size as u16;
        self
    }
}
