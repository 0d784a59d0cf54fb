//! The books checked against each other: every invariant that a count or a bitmap states, recounted from scratch.

use core::ptr::NonNull;

use crate::bits;
use crate::central::Slabs;
use crate::config::{UNIT, UNITS};
use crate::core_heap::{CORE, CoreHeap};
use crate::private::State;
use crate::registry;
use crate::segment::{Kind, MAP_WORDS, PRIVATE, Segment, Span};
use crate::size::{CLASS, CLASSES};
use crate::span_heap::{Entry, SpanHeap};

/// What a recount found first that does not hold.
pub(crate) type Verdict = Result<(), &'static str>;

fn hold(condition: bool, broken: &'static str) -> Verdict {
    if condition { Ok(()) } else { Err(broken) }
}

/// Recounts everything. Takes all locks of the slow paths, one after the other's kind: a heap that other threads use
/// meanwhile is still checked exactly, since no lock is released in between.
pub(crate) fn validate(core: &CoreHeap) -> Verdict {
    if !core.spans.division.is_set() {
        // Never used. To close the locks now would be wrong: there are more of them a moment later.
        return Ok(());
    }
    registry::lock_all();
    core.lock_for_fork();
    // SAFETY: the locks are held by this thread, so their values are ours to read.
    let verdict = unsafe { check_all(core) };
    // SAFETY: locked just above, by this thread.
    unsafe {
        core.unlock_after_fork();
        registry::unlock_all();
    }
    verdict
}

/// Recounts a private heap, with the process's span heap waiting.
pub(crate) fn validate_private(state: &State) -> Verdict {
    state.lock_for_fork();
    let verdict = check_private(state);
    // SAFETY: locked just above, by this thread.
    unsafe { state.unlock_after_fork() };
    verdict
}

/// N1, N2, and the homes. All homes' locks are held by the caller.
fn check_private(state: &State) -> Verdict {
    let mut slabs_seen = [0; CLASSES];
    let mut units = 0;
    CORE.spans.lock_for_fork();
    let verdict = CORE.spans.iter().try_for_each(|heap| {
        // SAFETY: the lock was closed just above, by this thread.
        check_roll(state, unsafe { heap.peek() }, &mut units, &mut slabs_seen)
    });
    let whole = units == state.roll.units();
    // SAFETY: as above.
    unsafe { CORE.spans.unlock_after_fork() };
    verdict?;
    hold(whole, "N2: `units` is the sum over the roll")?;
    for (class, &seen) in slabs_seen.iter().enumerate() {
        // SAFETY: the caller holds the lock.
        let slabs = unsafe { state.home(class).slabs.peek() };
        hold(slabs.count == seen, "Slabs::count is the number of slabs of the class")?;
        check_class(slabs, class, PRIVATE)?;
    }
    Ok(())
}

/// N1 of the spans in one span heap, whose units and slabs it adds to those seen.
fn check_roll(
    state: &State,
    heap: &SpanHeap,
    units: &mut usize,
    slabs_seen: &mut [usize; CLASSES],
) -> Verdict {
    for span in state.roll.iter(heap) {
        hold(span.tenant() == state.roll.tenant(), "N1: the roll has spans of the heap only")?;
        if span.kind() == Kind::Slab {
            slabs_seen[span.class()] += 1;
        }
        *units += span.units();
        // The span heap's lock is held: no length changes.
        hold(*units <= state.roll.units(), "N2: `units` is the sum over the roll, which ends")?;
    }
    Ok(())
}

/// # Safety
///
/// All locks of `core` are held by the caller.
unsafe fn check_all(core: &CoreHeap) -> Verdict {
    // SAFETY: the caller holds the locks.
    hold(unsafe { core.runs.is_sound() }, "R1, R2: parked runs are marked and counted")?;
    // SAFETY: as above.
    let counted = core.overflows().try_fold(0, |sum, (class, overflow)| unsafe {
        Some(sum + overflow.recount()? * CLASS[class].chain_bytes())
    });
    hold(counted.is_some(), "O2: `chains` counts an overflow's chains")?;
    hold(counted == Some(core.waiting.bytes()), "O3: what waits is the sum over the overflows")?;
    let mut slabs_seen = [0; CLASSES];
    for heap in core.spans.iter() {
        // SAFETY: the caller holds the lock.
        check_spans(unsafe { heap.peek() }, &mut slabs_seen)?;
    }
    for (class, &seen) in slabs_seen.iter().enumerate() {
        let mut count = 0;
        for (group, home) in core.homes(class).enumerate() {
            // SAFETY: the caller holds the lock.
            let slabs = unsafe { home.slabs.peek() };
            check_class(slabs, class, group)?;
            count += slabs.count;
        }
        hold(count == seen, "Slabs::count is the number of slabs of the class and the group")?;
    }
    Ok(())
}

/// Z1 to Z3: the listed slabs of one home.
fn check_class(slabs: &Slabs, class: usize, group: usize) -> Verdict {
    let (mut free, mut listed) = (0, 0);
    let mut next = slabs.first();
    while let Some(span) = NonNull::new(next) {
        // SAFETY: a listed span is in books that are never unmapped.
        let span = unsafe { span.as_ref() };
        hold(span.kind() == Kind::Slab && span.class() == class, "Z1: only slabs of the class are listed")?;
        hold(span.group() == group, "Z1: only slabs of the group are listed")?;
        // SAFETY: S2: the class's lock is held.
        let state = unsafe { &*span.slab.get() };
        hold(span.free() > 0, "Z1: a listed slab has a free slot")?;
        let words = words(span, class);
        let ones: u32 = words.clone().map(u64::count_ones).sum();
        hold(ones == span.free(), "Z2: `free` counts the slab's bits")?;
        let before = words.take_while(|&word| word == 0).count();
        hold(state.first_word as usize <= before, "Z3: no bit is set before `first_word`")?;
        free += span.free() as usize;
        listed += 1;
        hold(listed <= slabs.count, "Z1: the list ends")?;
        next = state.next;
    }
    hold(free == slabs.free, "Slabs::free is the sum over the list")
}

/// The slab's bitmap. The lock of the class is held.
fn words(span: &Span, class: usize) -> impl Iterator<Item = u64> + Clone {
    let words = (CLASS[class].slots as usize).div_ceil(64);
    // SAFETY: S2: the class's lock is held; the words are the slab's bitmap.
    (0..words).map(|at| unsafe { span.bits().add(at).read() })
}

/// H1 to H5, V1, G2, and how many slabs of each class there are.
pub(crate) fn check_spans(spans: &SpanHeap, slabs: &mut [usize; CLASSES]) -> Verdict {
    let (mut in_use, mut dirty) = (0, 0);
    for (index, Entry { segment, summary }) in spans.segments().iter().enumerate() {
        let listed = segment.heap() == spans.number() && segment.index() == index;
        hold(listed, "H5, G1: a segment is of the heap that lists it")?;
        hold(summary.longest_dirty as usize <= spans.longest_dirty(), "H2: `longest_dirty` is the longest")?;
        // SAFETY: G3: the span heap's lock is held.
        let maps = unsafe { segment.maps() };
        let free = |unit: usize| maps.free[unit / 64] >> (unit % 64) & 1 == 1;
        let free_units = (0..UNITS).filter(|&unit| free(unit)).count();
        let dirty_units =
            maps.free.iter().zip(&maps.dirty).map(|(free, dirty)| (free & dirty).count_ones()).sum::<u32>();
        hold(free_units == summary.free as usize, "H2: `free` counts the segment's bits")?;
        hold(dirty_units == u32::from(summary.dirty), "H2: `dirty` counts the segment's bits")?;
        let longer = |longest: u16, word: &dyn Fn(usize) -> u64| {
            bits::find_run(word, MAP_WORDS, 0, longest as usize + 1, 1).is_some()
        };
        let longest = !longer(summary.longest, &|at| maps.free[at])
            && !longer(summary.longest_dirty, &|at| maps.free[at] & maps.dirty[at]);
        hold(longest, "H2: no run is longer than is known")?;
        let starts = (1..=64).all(|units| {
            let first = |word: &dyn Fn(usize) -> u64| bits::find_run(word, MAP_WORDS, 0, units, 1);
            first(&|at| maps.free[at]).is_none_or(|unit| maps.starts.of(units) <= unit / 64)
                && first(&|at| maps.free[at] & maps.dirty[at])
                    .is_none_or(|unit| maps.dirty_starts.of(units) <= unit / 64)
        });
        hold(starts, "B1: no run starts before the word where a search for it begins")?;
        dirty += summary.dirty as usize;
        in_use += check_units(segment, free, slabs)?;
    }
    hold(spans.is_shown(), "H4, V1: the heap's board says what its counts say")?;
    hold(dirty == spans.counts.dirty, "H3: `dirty` is the sum over the segments")?;
    hold(in_use == spans.counts.in_use, "H3: `in_use` is the sum over the spans")
}

/// G2: walks a segment's units span by span; returns the units that spans own.
fn check_units(
    segment: &Segment,
    free: impl Fn(usize) -> bool,
    slabs: &mut [usize; CLASSES],
) -> Result<usize, &'static str> {
    let (mut unit, mut in_use) = (0, 0);
    while unit < UNITS {
        let Some(span) = segment.span_at(unit * UNIT) else {
            unit += 1;
            continue;
        };
        hold(segment.unit_of(span) == unit, "G2: a span's first unit comes first")?;
        for inner in unit..unit + span.units() {
            hold(!free(inner), "H1: a span's units are not free")?;
            let owner = segment.span_at(inner * UNIT).map(core::ptr::from_ref);
            let marked = span.kind() == Kind::Slab || inner == unit;
            hold(owner == marked.then_some(core::ptr::from_ref(span)), "G2: a span's units point to it")?;
        }
        if span.kind() == Kind::Slab && span.tenant() == 0 {
            slabs[span.class()] += 1;
        }
        in_use += span.units();
        unit += span.units();
    }
    Ok(in_use)
}
