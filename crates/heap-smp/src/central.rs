//! The home of a size class's blocks: its slabs with free slots, and the two journeys between them and a chain.
//!
//! A block that comes home is checked: its address must be the start of a slot of this class, and the slot's bit must say
//! that it is out. So a double free, an interior or a foreign pointer and a wrong layout are found here at the latest.

mod place;
mod homecoming;

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

pub(crate) use crate::central::place::gather;
use crate::chain::{self, Link};
use crate::config::{CHAIN_MAX, UNIT};
use crate::corner::Corner;
use crate::directory::{Directory, Owner};
use crate::hardening;
use crate::lock::Lock;
use crate::roll::Roll;
use crate::run_cache::RunCache;
use crate::segment::{Purpose, Segment, Span};
use crate::size::{CLASS, Class};
use crate::span_heaps::SpanHeaps;
use crate::sync::{AtomicBool, Ordering};

/// The slabs of one class and one group that have free slots, a doubly linked list through their spans.
///
/// # Invariants
///
/// - **Z1** A slab of the class and the group is listed if and only if it has a free slot at home.
/// - **Z2** A slab's `free` is the number of bits set in its bitmap; a bit is set if and only if the slot is home: neither
///   with a client, nor in a chain.
/// - **Z3** No word of a slab's bitmap before its `first_word` has a bit set.
#[derive(Debug)]
pub(crate) struct Slabs {
    first: *mut Span,
    /// Slabs of the class and the group, listed or not.
    pub(crate) count: usize,
    /// Units of those slabs.
    pub(crate) units: usize,
    /// Slots at home in listed slabs.
    pub(crate) free: usize,
    /// Journeys so far, modulo its width: whether anything happens.
    pub(crate) journeys: u32,
}

// SAFETY: the spans that it points to are reached under the lock that guards this value only (S2).
unsafe impl Send for Slabs {}

/// Bytes at home in slabs of one class from which a helper thread is worth its start.
pub(crate) const WATCH_FROM: usize = 1 << 20;

/// Slabs of a class from which a fresh one is populated at once: one that the class's first blocks open may never fill.
const POPULATE_FROM: usize = 2;

/// The home of a class's blocks in one group.
#[derive(Debug)]
pub(crate) struct Central {
    pub(crate) slabs: Lock<Slabs>,
}

/// What both journeys need to know of the heap around them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) spans: &'a SpanHeaps,
    pub(crate) runs: &'a RunCache,
    /// Set when so much memory is free that a helper thread should watch it.
    pub(crate) watch: &'a AtomicBool,
    /// A slab is opened only in memory that is resident.
    pub(crate) resident_only: bool,
    /// Where the calling thread begins to look for slots of a slab.
    pub(crate) corner: Corner,
    /// The slabs of a private heap, if it is one's home.
    pub(crate) roll: Option<&'a Roll>,
    /// The group that the home belongs to; [`PRIVATE`](crate::segment::PRIVATE) for a private heap's.
    pub(crate) group: usize,
}

impl Ground<'_> {
    /// Whose slabs they are.
    fn tenant(self) -> u32 {
        self.roll.map_or(0, Roll::tenant)
    }
}

impl Central {
    pub(crate) const fn new() -> Self {
        Self { slabs: Lock::new(Slabs { first: ptr::null_mut(), count: 0, units: 0, free: 0, journeys: 0 }) }
    }

    /// Slabs, their units, and free slots at home.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let slabs = self.slabs.lock();
        (slabs.count, slabs.units, slabs.free)
    }

    /// Takes up to `out.len()` free slots, of one slab those from the ground's corner on first, and returns how many. Zero: no memory.
    pub(crate) fn take(
        &self,
        ground: Ground<'_>,
        class: usize,
        out: &mut [MaybeUninit<NonNull<u8>>],
    ) -> usize {
        let mut slabs = self.slabs.lock();
        slabs.journeys = slabs.journeys.wrapping_add(1);
        let mut count = 0;
        while count < out.len() {
            let Some(span) = NonNull::new(slabs.first) else {
                if count > 0 || !slabs.open(ground, class) {
                    break;
                }
                continue;
            };
            // SAFETY: a listed span is a slab of this class, in books that are never unmapped.
            count +=
                slabs.take_from(unsafe { span.as_ref() }, &CLASS[class], ground.corner, &mut out[count..]);
        }
        count
    }
}

/// The way out in lists of linked blocks.
impl Central {
    /// Fresh blocks of the class, at most `want` (and [`CHAIN_MAX`]), as a list, and how many. Null: no memory.
    pub(crate) fn take_list(&self, ground: Ground<'_>, class: usize, want: usize) -> (*mut Link, usize) {
        let mut blocks = [MaybeUninit::uninit(); CHAIN_MAX];
        let count = self.take(ground, class, &mut blocks[..want.min(CHAIN_MAX)]);
        // SAFETY: `take` initialised the first `count`.
        let blocks = unsafe { core::slice::from_raw_parts(blocks.as_ptr().cast::<NonNull<u8>>(), count) };
        hardening::lent(ground.directory, blocks);
        // SAFETY: they are free slots that `take` gave to us, at least a pointer long.
        (unsafe { chain::link(blocks) }, count)
    }
}

/// What a private heap does to its homes.
impl Central {
    /// Closes the slabs whose slots are all home. Returns bytes.
    pub(crate) fn close_empty(&self, ground: Ground<'_>, class: usize) -> usize {
        let mut bytes = 0;
        let mut slabs = self.slabs.lock();
        let mut next = slabs.first;
        while let Some(span) = NonNull::new(next) {
            // SAFETY: a listed span is a slab of this class, in books that are never unmapped.
            let span = unsafe { span.as_ref() };
            // SAFETY: S2: the lock of the class is held.
            next = unsafe { &*span.slab.get() }.next;
            if span.free() == CLASS[class].slots
                && hardening::may_close(span, &CLASS[class])
                && let Some(Owner::Segment(segment)) = ground.directory.owner_of(span.base().addr())
            {
                bytes += span.units() * UNIT;
                slabs.close(ground, segment, span);
            }
        }
        bytes
    }

    /// Forgets all slabs: their memory was taken back. Nobody uses the home.
    pub(crate) fn forget(&self) {
        let mut slabs = self.slabs.lock();
        slabs.first = ptr::null_mut();
        (slabs.count, slabs.units, slabs.free) = (0, 0, 0);
    }
}

impl Slabs {
    /// The first slab with a free slot, or null.
    pub(crate) fn first(&self) -> *mut Span {
        self.first
    }

    /// Opens a slab for the class. `false`: no memory.
    fn open(&mut self, ground: Ground<'_>, class: usize) -> bool {
        let known = &CLASS[class];
        let needed = known.units as usize;
        let wanted = hardening::slab_units(known);
        let slab = Purpose::Slab(class, ground.group);
        let group = ground.group;
        let take = |units| {
            if ground.resident_only {
                return ground.spans.take_resident(group, units, 1, slab);
            }
            ground.runs.take_fresh(ground.spans, ground.directory, group, units, 1, slab)
        };
        let taken = take(wanted).or_else(|| if wanted > needed { take(needed) } else { None });
        let Some(taken) = taken else { return false };
        if taken.faults
            && taken.large_heap
            && self.count >= POPULATE_FROM
            && let Some(base) = NonNull::new(taken.span.base())
        {
            // SAFETY: the slab's units were just taken; populating changes no contents. Refusal is no loss.
            let _ = unsafe { heap_os::pages::prefault(base, needed * UNIT) };
        }
        hardening::opened(ground.directory, taken.span, known, taken.clean);
        fill_bits(taken.span, known);
        // SAFETY: S2: the lock of the class is held.
        unsafe { &mut *taken.span.slab.get() }.first_word = 0;
        taken.span.set_free(known.slots);
        if let Some(roll) = ground.roll {
            roll.enroll(&mut ground.spans.of(taken.segment).lock(), taken.segment, taken.span);
        }
        self.count += 1;
        self.units += taken.span.units();
        self.free += known.slots as usize;
        self.list(taken.span);
        true
    }

    /// Returns an empty slab's units to their span heap.
    fn close(&mut self, ground: Ground<'_>, segment: &'static Segment, span: &Span) {
        self.unlist(span);
        self.count -= 1;
        self.units -= span.units();
        self.free -= CLASS[span.class()].slots as usize;
        let mut heap = ground.spans.of(segment).lock();
        if let Some(roll) = ground.roll {
            roll.strike(&mut heap, span);
        }
        heap.give(segment, span);
        if heap.is_worth_watching() {
            ground.watch.store(true, Ordering::Relaxed);
        }
    }

    /// Takes free slots of one slab: from the corner's first on, and then from the lowest on.
    fn take_from(
        &mut self,
        span: &Span,
        class: &Class,
        corner: Corner,
        out: &mut [MaybeUninit<NonNull<u8>>],
    ) -> usize {
        // SAFETY: S2: the lock of the class is held.
        let state = unsafe { &mut *span.slab.get() };
        state.trimmed = false;
        let base = span.base();
        let want = out.len().min(span.free() as usize);
        let mut count = 0;
        let (words, lowest) = (class.slots.div_ceil(64) as usize, state.first_word as usize);
        let start = lowest.max(corner.of(words));
        let mut at = start;
        while count < want {
            if at == words {
                at = lowest;
            }
            // SAFETY: Z2, Z3: no more than `free` are wanted, so a bit is set at `lowest` or after: it is below `words`, as each
            // corner's first is. So `at` is inside the bitmap; S2.
            let word = unsafe { &mut *span.bits().add(at) };
            while *word != 0 && count < want {
                let slot = at * 64 + word.trailing_zeros() as usize;
                *word &= *word - 1;
                // SAFETY: bits are set for the slab's slots only, all inside its units; `base` is not null.
                out[count].write(unsafe { NonNull::new_unchecked(base.add(slot * class.slot as usize)) });
                count += 1;
            }
            if *word == 0 {
                at += 1;
            }
        }
        if start == lowest {
            state.first_word = at as u32;
        }
        self.free -= count;
        span.set_free(span.free() - count as u32);
        if span.free() == 0 {
            self.unlist(span);
        }
        count
    }

    /// Marks a slot as home, and returns how many of its slab are. `None`: it was home already.
    ///
    /// # Safety
    ///
    /// `span` is a slab of this class, and has the slot.
    #[inline(always)]
    unsafe fn put(&mut self, span: &Span, slot: usize) -> Option<u32> {
        // SAFETY: S2: the lock of the class is held.
        let state = unsafe { &mut *span.slab.get() };
        let (at, bit) = (slot / 64, 1u64 << (slot % 64));
        // SAFETY: the slot is one of the slab's (caller), so the word is in its bitmap; S2.
        let word = unsafe { &mut *span.bits().add(at) };
        if *word & bit != 0 {
            return None;
        }
        *word |= bit;
        state.first_word = state.first_word.min(at as u32);
        state.trimmed = false;
        let free = span.free() + 1;
        span.set_free(free);
        self.free += 1;
        if free == 1 {
            self.list(span);
        }
        Some(free)
    }

    fn list(&mut self, span: &Span) {
        // SAFETY: S2: the lock of the class is held; the first span, if any, is listed (a different one).
        unsafe {
            let state = &mut *span.slab.get();
            state.prev = ptr::null_mut();
            state.next = self.first;
            if let Some(first) = NonNull::new(self.first) {
                (*first.as_ref().slab.get()).prev = ptr::from_ref(span).cast_mut();
            }
        }
        self.first = ptr::from_ref(span).cast_mut();
    }

    fn unlist(&mut self, span: &Span) {
        // SAFETY: S2: the lock of the class is held; the neighbours are listed, and are not `span` itself.
        unsafe {
            let state = &mut *span.slab.get();
            match NonNull::new(state.prev) {
                Some(prev) => (*prev.as_ref().slab.get()).next = state.next,
                None => self.first = state.next,
            }
            if let Some(next) = NonNull::new(state.next) {
                (*next.as_ref().slab.get()).prev = state.prev;
            }
        }
    }
}

/// Sets the bits of all slots of a slab, and no others (Z2).
fn fill_bits(span: &Span, class: &Class) {
    let slots = class.slots as usize;
    // SAFETY: the bitmap has room for the slab's slots; nobody else knows the span yet.
    let words = unsafe { core::slice::from_raw_parts_mut(span.bits(), slots.div_ceil(64)) };
    words.fill(u64::MAX);
    if !slots.is_multiple_of(64)
        && let Some(last) = words.last_mut()
    {
        *last = (1 << (slots % 64)) - 1;
    }
}
