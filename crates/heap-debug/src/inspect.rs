//! Looking at a slot's memory: are its canaries and fills intact, and what does a report show of them.

use crate::config::DebugConfig;
use crate::fill::{self, LEADING, TRAILING, find_damage, is_intact};
use crate::span::{Place, Slot, State};
use crate::violation::{BlockFacts, Operation, SHOWN, Violation, ViolationKind, Window};

/// A block as the records have it. Its record is not fresh.
pub(crate) fn facts(slot: &Slot<'_>) -> BlockFacts {
    let (meta, place) = (slot.meta(), slot.place());
    BlockFacts {
        addr: place.addr(),
        size: place.size,
        align: meta.align(),
        allocated: meta.allocated,
        freed: meta.freed,
        live: meta.state == State::Live,
    }
}

/// Writes the canaries around a block.
#[inline(always)]
pub(crate) fn arm(place: &Place) {
    let &Place { block, size, leading, trailing, .. } = place;
    let block = block.as_ptr();
    // SAFETY: P4: so many bytes before and behind the block are the slot's and not the client's.
    unsafe {
        if place.guarded {
            fill::set(block.sub(leading), leading, LEADING);
            fill::set(block.add(size), trailing, TRAILING);
        } else {
            fill::set_leading(block);
            fill::set_trailing(block.add(size), trailing);
        }
    }
}

/// Whether both canaries of a block are as [`arm`] left them.
#[inline(always)]
pub(crate) fn is_armed(place: &Place) -> bool {
    let &Place { block, size, leading, trailing, .. } = place;
    let block = block.as_ptr();
    // SAFETY: as in `arm`; the client has no business there, and ours is under the lock (P2).
    unsafe {
        if place.guarded {
            return is_intact(block.sub(leading), leading, LEADING)
                && is_intact(block.add(size), trailing, TRAILING);
        }
        fill::is_leading_intact(block) & fill::is_trailing_intact(block.add(size), trailing)
    }
}

/// What was written over the canaries of a block, if anything: before its start, and past its end. `freed` are the settings
/// by which its inside was filled, if it is free.
#[cold]
#[inline(never)]
pub(crate) fn canary_damage(
    slot: &Slot<'_>,
    freed: Option<&DebugConfig>,
    operation: Operation,
) -> [Option<Violation>; 2] {
    let place = slot.place();
    let Place { block, size, leading, trailing, .. } = place;
    // SAFETY: as in `is_armed`.
    let (before, behind) = unsafe {
        let (start, end) = (block.as_ptr().sub(leading), block.as_ptr().add(size));
        (find_damage(start, leading, LEADING), find_damage(end, trailing, TRAILING))
    };
    let violation = |kind, distance, damaged| Violation {
        block: Some(facts(slot)),
        distance,
        damaged,
        ..Violation::new(kind, operation, place.addr())
    };
    let before = before.map(|damage| Violation {
        window: window(slot, place.addr() - SHOWN / 4, freed),
        ..violation(ViolationKind::WriteBeforeStart, leading - damage.last, damage.count)
    });
    let behind = behind.map(|damage| {
        let first = place.addr() + size + damage.first;
        Violation {
            window: window(slot, first - SHOWN / 4, freed),
            ..violation(ViolationKind::WritePastEnd, damage.first, damage.count)
        }
    });
    [before, behind]
}

/// Bytes of a freed block that carry the fill.
#[inline]
fn filled(place: &Place, config: &DebugConfig) -> usize {
    if place.guarded { 0 } else { place.size.min(config.fill_limit) }
}

/// Fills a freed block.
#[inline(always)]
pub(crate) fn fill_freed(place: &Place, config: &DebugConfig) {
    if let Some(byte) = config.free_fill {
        // SAFETY: the block is free: its bytes are ours.
        unsafe { fill::set(place.block.as_ptr(), filled(place, config), byte) };
    }
}

/// Whether a freed block, on pages that can be read, is as it was left: its inside and the canaries around it.
#[inline(always)]
pub(crate) fn is_untouched(place: &Place, config: &DebugConfig) -> bool {
    let Some(byte) = config.free_fill else { return is_armed(place) };
    // SAFETY: as in `fill_freed`.
    unsafe { is_intact(place.block.as_ptr(), filled(place, config), byte) && is_armed(place) }
}

/// What was written into a freed block, if anything. Restores the fill, so that it is told once.
#[cold]
#[inline(never)]
pub(crate) fn freed_damage(slot: &Slot<'_>, config: &DebugConfig, operation: Operation) -> Option<Violation> {
    let byte = config.free_fill?;
    let place = slot.place();
    // SAFETY: as in `fill_freed`.
    let damage = unsafe { find_damage(place.block.as_ptr(), filled(&place, config), byte) }?;
    let first = place.addr() + damage.first;
    let violation = Violation {
        block: Some(facts(slot)),
        distance: damage.first,
        damaged: damage.count,
        window: window(slot, first - SHOWN / 4, Some(config)),
        ..Violation::new(ViolationKind::WriteAfterFree, operation, place.addr())
    };
    fill_freed(&place, config);
    Some(violation)
}

/// A copy of the memory from `from`, cut to the slot, with the bytes marked that are not as they should be.
fn window(slot: &Slot<'_>, from: usize, freed: Option<&DebugConfig>) -> Window {
    let place = slot.place();
    let (block, end) = (place.addr(), place.addr() + place.size);
    let fill = freed.and_then(|config| Some((config.free_fill?, filled(&place, config))));
    let (expected_inside, known) = fill.unwrap_or((0, 0));
    let from = from.next_multiple_of(16).saturating_sub(16).max(block - place.leading);
    let len = (end + place.trailing).saturating_sub(from).min(SHOWN);
    let mut window = Window { addr: from, len, ..Window::NONE };
    for i in 0..len {
        let addr = from + i;
        // A live block's bytes may be changing now, on another thread; they are the client's. Not read. Nor is what a
        // freed block holds behind its fill.
        if (block + known..end).contains(&addr) {
            window.hidden |= 1 << i;
            continue;
        }
        // SAFETY: within the slot's memory around the block (P3, P4), under the lock.
        let byte = unsafe { place.block.offset(addr.wrapping_sub(block).cast_signed()).read() };
        let expected = match addr {
            _ if addr < block => LEADING,
            _ if addr >= end => TRAILING,
            _ => expected_inside,
        };
        window.bytes[i] = byte;
        window.bad |= u64::from(byte != expected) << i;
    }
    window
}
