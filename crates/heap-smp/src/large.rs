//! Blocks above the slabs' sizes: runs of units up to half a segment, mappings of their own beyond.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_os::pages::{self, HugePages};

use crate::config::{HUGE_PAGE, RUN_MAX, SEGMENT, Settings, UNIT};
use crate::core_heap::CoreHeap;
use crate::directory::Owner;
use crate::process;
use crate::segment::{Kind, PRIVATE, Purpose, Segment, Span};
use crate::violation::{Violation, report};

/// Runs from this many bytes on start at a multiple of a huge page, so that they fill such pages, and move by their page
/// tables rather than by a copy without splitting one.
const HUGE_ALIGNED_FROM: usize = HUGE_PAGE;

/// The part of a run, as a divisor, that the rest of its last huge page may be for that.
const HUGE_REST_PART: usize = 8;

/// A block, and whether it reads as zeros.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fresh {
    pub(crate) block: NonNull<u8>,
    pub(crate) zeroed: bool,
    /// Touching it takes a fault for each small page.
    pub(crate) faults: bool,
}

/// A block for a layout that no slab serves; null when there is no memory. A size of zero takes none.
#[cold]
#[inline(never)]
pub(crate) fn alloc(core: &CoreHeap, layout: Layout, settings: &Settings) -> *mut u8 {
    match parked(core, layout) {
        Some(block) => block.as_ptr(),
        None => alloc_slow(core, layout, settings),
    }
}

#[cold]
#[inline(never)]
fn alloc_slow(core: &CoreHeap, layout: Layout, settings: &Settings) -> *mut u8 {
    match place(core, layout, settings, is_huge_aligned(layout.size())) {
        Some(fresh) => fresh.block.as_ptr(),
        None => ptr::null_mut(),
    }
}

/// As [`alloc`], and says whether the block reads as zeros.
pub(crate) fn fresh(core: &CoreHeap, layout: Layout, settings: &Settings) -> Option<Fresh> {
    place(core, layout, settings, is_huge_aligned(layout.size()))
}

/// A block whose run the calling thread freed a moment ago, if it is at hand.
#[inline(always)]
fn parked(core: &CoreHeap, layout: Layout) -> Option<NonNull<u8>> {
    // A size of zero wraps.
    if layout.size().wrapping_sub(1) >= RUN_MAX || layout.align() > SEGMENT {
        return None;
    }
    let units = layout.size().div_ceil(UNIT);
    core.runs.take(units, layout.align()).and_then(|span| NonNull::new(span.base()))
}

/// As [`fresh`], for a block that grew. It will grow again as a rule: it starts at a huge page from [`HUGE_ALIGNED_FROM`] on,
/// which leaves it room and lets it move by its page tables.
fn fresh_to_grow(core: &CoreHeap, layout: Layout, settings: &Settings) -> Option<Fresh> {
    place(core, layout, settings, layout.size() >= HUGE_ALIGNED_FROM)
}

fn place(core: &CoreHeap, layout: Layout, settings: &Settings, huge_aligned: bool) -> Option<Fresh> {
    if layout.size() == 0 {
        return Some(Fresh { block: layout.dangling_ptr(), zeroed: true, faults: false });
    }
    if layout.size() <= RUN_MAX && layout.align() <= SEGMENT {
        let units = layout.size().div_ceil(UNIT);
        if let Some(span) = core.runs.take_slow(units, layout.align()) {
            return NonNull::new(span.base()).map(|block| Fresh { block, zeroed: false, faults: false });
        }
        process::start(settings);
        let align = layout.align().div_ceil(UNIT);
        let wide = if huge_aligned { align.max(HUGE_PAGE / UNIT) } else { align };
        let take =
            |align| core.runs.take_fresh(&core.spans, &core.directory, PRIVATE, units, align, Purpose::Run);
        let taken = core.find_large_memory(units, || {
            take(wide).or_else(|| if wide > align { take(align) } else { None })
        });
        if let Some(taken) = taken {
            let faults = taken.faults;
            return NonNull::new(taken.span.base()).map(|block| Fresh { block, zeroed: taken.clean, faults });
        }
    }
    process::start(settings);
    core.runs.drain(&core.spans, &core.directory);
    core.huge.alloc(&core.directory, layout, wants_huge_pages(core, layout.size())).map(|block| Fresh {
        block,
        zeroed: true,
        faults: false,
    })
}

/// Whether a run of `len` bytes starts at a huge page: where that leaves little of its last one to others.
fn is_huge_aligned(len: usize) -> bool {
    len >= HUGE_ALIGNED_FROM && (len.next_multiple_of(HUGE_PAGE) - len) * HUGE_REST_PART <= len
}

/// As [`alloc`], for a block that grew: its first `len` bytes will be written at once, so their pages are populated by one call
/// instead of one fault each.
#[cold]
#[inline(never)]
pub(crate) fn alloc_to_fill(core: &CoreHeap, layout: Layout, len: usize, settings: &Settings) -> *mut u8 {
    let Some(fresh) = fresh_to_grow(core, layout, settings) else { return ptr::null_mut() };
    if fresh.faults {
        let pages = len & !(pages::page_size() - 1);
        // SAFETY: the block is ours, page-aligned and at least that long. Contents stay; refusal is no loss.
        let _ = unsafe { pages::prefault(fresh.block, pages) };
    }
    fresh.block.as_ptr()
}

/// Whether a mapping of `len` bytes is so long that a huge page that is not filled costs little.
fn wants_huge_pages(core: &CoreHeap, len: usize) -> bool {
    len >= core.spans.here().settings().huge_pages_from
}

/// Takes a large block back.
///
/// # Safety
///
/// `block` came from [`alloc`] or [`resize`] with a layout of the size and alignment given, and is not used again.
#[cold]
#[inline(never)]
pub(crate) unsafe fn free(core: &CoreHeap, block: NonNull<u8>, layout: Layout) {
    let addr = block.addr().get();
    if layout.size() > 0
        && let Some(Owner::Segment(segment)) = core.directory.owner_of(addr)
        && let Some(span) = segment.span_at(addr)
        && span.base().addr() == addr
        && span.tenant() == 0
    {
        let units = layout.size().div_ceil(UNIT);
        return match core.runs.give(span, units) {
            Some(true) => {}
            Some(false) => free_untold(core),
            // SAFETY: the caller's promise is the same.
            None => unsafe { free_slow(core, block, layout) },
        };
    }
    // SAFETY: the caller's promise is the same.
    unsafe { free_slow(core, block, layout) }
}

/// A run was parked, for the first time since others took all that the thread had parked.
#[cold]
#[inline(never)]
fn free_untold(core: &CoreHeap) {
    if core.runs.tell() {
        process::start_helper();
    }
}

/// As [`free`], for any block. Aborts if it is none.
///
/// # Safety
///
/// As for [`free`].
#[cold]
#[inline(never)]
unsafe fn free_slow(core: &CoreHeap, block: NonNull<u8>, layout: Layout) {
    if layout.size() == 0 {
        return;
    }
    let addr = block.addr().get();
    match core.directory.owner_of(addr) {
        Some(Owner::Segment(segment)) => {
            let units = layout.size().div_ceil(UNIT);
            match core.runs.give_slow(&core.spans, segment, run_at(segment, addr), units) {
                Some(true) => process::start_helper(),
                Some(false) => {}
                // A block by now: of other units, or another thread freed it first, and a third has it.
                None if run_at(segment, addr).units() == units => report(Violation::DoubleFree, addr),
                None => report(Violation::WrongLayout, addr),
            }
        }
        Some(Owner::Huge(record)) => core.huge.free(&core.directory, record, block, layout.size()),
        None => report(Violation::ForeignPointer, addr),
    }
}

/// The run that starts at `addr`. Aborts if none does.
fn run_at(segment: &'static Segment, addr: usize) -> &'static Span {
    let Some(span) = segment.span_at(addr) else { report(no_span(segment, addr), addr) };
    match span.kind() {
        Kind::None => report(Violation::DoubleFree, addr),
        Kind::Slab => report(Violation::WrongLayout, addr),
        Kind::Run if span.base().addr() != addr => report(Violation::InteriorPointer, addr),
        Kind::Run if span.is_parked() => report(Violation::DoubleFree, addr),
        Kind::Run if span.tenant() != 0 => report(Violation::WrongHeap, addr),
        Kind::Run => span,
    }
}

/// What a client did that gave an address at which no span starts.
#[cold]
fn no_span(segment: &Segment, addr: usize) -> Violation {
    if segment.run_around(addr).is_some() { Violation::InteriorPointer } else { Violation::DoubleFree }
}

/// Changes a large block's size to another large one: in place, or, where `may_move`, by moving its pages. `None`:
/// nothing has changed.
///
/// # Safety
///
/// `block` is a live large block of `old`; `new_size` at `old`'s alignment is a layout that no slab serves.
pub(crate) unsafe fn resize(
    core: &CoreHeap,
    block: NonNull<u8>,
    old: Layout,
    new_size: usize,
    may_move: bool,
) -> Option<NonNull<u8>> {
    let addr = block.addr().get();
    match core.directory.owner_of(addr) {
        Some(Owner::Segment(segment)) => {
            if new_size <= RUN_MAX && resize_run(core, segment, addr, new_size.div_ceil(UNIT)) {
                return Some(block);
            }
            if !may_move || old.size().min(new_size) < HUGE_ALIGNED_FROM {
                return None;
            }
            // SAFETY: the caller's promise is the same.
            unsafe { move_run(core, segment, block, old, new_size) }
        }
        // SAFETY: the caller's promise is the same, for both calls.
        Some(Owner::Huge(record)) => unsafe {
            if core.huge.resize(record, block, new_size) {
                return Some(block);
            }
            let new = Layout::from_size_align(new_size, old.align()).ok().filter(|_| may_move)?;
            core.huge.move_to(&core.directory, record, block, new, wants_huge_pages(core, new_size))
        },
        None => report(Violation::ForeignPointer, addr),
    }
}

fn resize_run(core: &CoreHeap, segment: &'static Segment, addr: usize, units: usize) -> bool {
    let span = run_at(segment, addr);
    if units <= span.units() {
        let mut heap = core.spans.of(segment).lock();
        heap.cut(segment, span, units);
        let much = heap.is_worth_watching();
        drop(heap);
        if much {
            process::start_helper();
        }
        return true;
    }
    let extend = || core.spans.extend(segment, span, units);
    // What is behind it may only be parked.
    extend() || (core.runs.drain(&core.spans, &core.directory) && extend())
}

/// Moves a run's pages to a new place. The old place keeps its addresses, empty.
///
/// # Safety
///
/// As for [`resize`].
unsafe fn move_run(
    core: &CoreHeap,
    segment: &'static Segment,
    block: NonNull<u8>,
    old: Layout,
    new_size: usize,
) -> Option<NonNull<u8>> {
    let layout = Layout::from_size_align(new_size, old.align()).ok()?;
    let span = run_at(segment, block.addr().get());
    let bytes = span.units() * UNIT;
    // Never configures: the block that moves proves that the heap is in use.
    let fresh = fresh_to_grow(core, layout, &Settings::DEFAULT)?;
    // SAFETY: both places are ours, mapped, page-aligned and at least `bytes` long (a shrink never moves); the new one
    // is unused.
    if let Err(error) = unsafe { pages::move_pages(block, bytes, fresh.block) } {
        // A target that is lost is not ours any more: it stays marked as used.
        if !error.target_lost {
            // SAFETY: made just above with this layout, and unused.
            unsafe { free(core, fresh.block, layout) };
        }
        return None;
    }
    let mut heap = core.spans.of(segment).lock();
    if !core.runs.give_clean(&mut heap, segment, span, bytes / UNIT) {
        report(Violation::DoubleFree, block.addr().get())
    }
    if heap.wants_huge_pages(false) {
        // The pages brought the advice of their old place along, or the want of it.
        // SAFETY: the block is ours. Advice changes no contents; refusal is no loss.
        let _ = unsafe { pages::advise_huge(fresh.block, bytes, HugePages::Advise) };
    }
    Some(fresh.block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::validate;

    const SETTINGS: Settings = Settings::new().background_thread(false);

    fn take(core: &'static CoreHeap, size: usize) -> NonNull<u8> {
        core.configure(&SETTINGS);
        NonNull::new(alloc(core, Layout::from_size_align(size, 8).unwrap(), &SETTINGS)).unwrap()
    }

    fn give(core: &CoreHeap, block: NonNull<u8>, size: usize) {
        // SAFETY: the tests give each block once, with the size it was taken with.
        unsafe { free(core, block, Layout::from_size_align(size, 8).unwrap()) }
    }

    #[test]
    fn a_freed_run_serves_the_next_request_of_its_length() {
        static HEAP: CoreHeap = CoreHeap::new();
        let (a, b) = (take(&HEAP, 100 << 10), take(&HEAP, 100 << 10));
        give(&HEAP, a, 100 << 10);
        give(&HEAP, b, 100 << 10);
        assert_eq!(HEAP.runs.held(), 2 * (100_usize << 10).div_ceil(UNIT));
        let again = [take(&HEAP, 99 << 10), take(&HEAP, 98 << 10)];
        assert!(again.contains(&a) && again.contains(&b));
        assert_eq!((HEAP.runs.held(), validate(&HEAP)), (0, Ok(())));
    }

    #[test]
    fn parked_runs_are_used_before_fresh_memory() {
        static HEAP: CoreHeap = CoreHeap::new();
        let old = take(&HEAP, 1 << 20);
        give(&HEAP, old, 1 << 20);
        assert_eq!(take(&HEAP, 600 << 10), old);
        assert_eq!((HEAP.runs.held(), validate(&HEAP)), (0, Ok(())));
    }

    #[test]
    fn a_block_grows_in_place_over_a_parked_run() {
        static HEAP: CoreHeap = CoreHeap::new();
        let (a, b) = (take(&HEAP, 64 << 10), take(&HEAP, 64 << 10));
        assert_eq!(b.addr().get() - a.addr().get(), 64 << 10);
        give(&HEAP, b, 64 << 10);
        let old = Layout::from_size_align(64 << 10, 8).unwrap();
        // SAFETY: `a` is live, of this layout.
        assert_eq!(unsafe { resize(&HEAP, a, old, 100 << 10, false) }, Some(a));
        assert_eq!((HEAP.runs.held(), validate(&HEAP)), (0, Ok(())));
    }

    #[test]
    fn no_more_is_parked_than_a_stripe_holds() {
        static HEAP: CoreHeap = CoreHeap::new();
        let size = RUN_MAX.min(4 << 20);
        let blocks: Vec<_> = (0..(32 << 20) / size).map(|_| take(&HEAP, size)).collect();
        blocks.iter().for_each(|&block| give(&HEAP, block, size));
        assert_eq!(HEAP.runs.held() * UNIT, 8 << 20);
        assert_eq!(HEAP.spans.counts().dirty * UNIT, 24 << 20);
        assert!(HEAP.runs.age(&HEAP.spans, &HEAP.directory) && !HEAP.runs.age(&HEAP.spans, &HEAP.directory));
        assert_eq!(HEAP.spans.counts().dirty * UNIT, 32 << 20);
        assert_eq!(validate(&HEAP), Ok(()));
    }

    #[test]
    fn no_more_is_resident_than_was_once_in_use_and_a_little() {
        static HEAP: CoreHeap = CoreHeap::new();
        HEAP.configure(&SETTINGS.huge_pages_from(usize::MAX));
        let blocks: Vec<_> = (0..400).map(|_| take(&HEAP, 64 << 10)).collect();
        blocks.iter().step_by(2).for_each(|&block| give(&HEAP, block, 64 << 10));
        let holes = HEAP.spans.counts().dirty;
        let high_water = HEAP.spans.counts().high_water;
        (0..60).for_each(|_| _ = take(&HEAP, 128 << 10));
        let counts = HEAP.spans.counts();
        let limit = high_water + high_water / 16 + 8;
        assert!(holes + counts.in_use > limit && counts.dirty + counts.in_use <= limit, "{holes} {counts:?}");
        assert_eq!((counts.high_water, validate(&HEAP)), (high_water, Ok(())));
    }

    #[test]
    fn the_rest_of_a_huge_page_is_the_next_block() {
        static HEAP: CoreHeap = CoreHeap::new();
        HEAP.configure(&SETTINGS.huge_pages_from(0));
        let rest = 1 << 19;
        let size = RUN_MAX.min(4 << 20) - rest;
        let long = take(&HEAP, size);
        assert_eq!(HEAP.spans.counts().dirty * UNIT, rest);
        assert_eq!(take(&HEAP, 300 << 10).addr().get() - long.addr().get(), size);
        assert_eq!(validate(&HEAP), Ok(()));
    }
}
