//! Looking at a slot's memory: are its canaries and fills intact, and what does a report show of them.

use core::ptr::NonNull;

use crate::config::DebugConfig;
use crate::fill::{LEADING, TRAILING, find_damage, is_intact};
use crate::span::{Kind, Slot, State};
use crate::violation::{BlockFacts, Operation, SHOWN, Violation, ViolationKind, Window};

/// A block as the records have it. Its record is not fresh.
pub(crate) fn facts(slot: &Slot<'_>) -> BlockFacts {
    let meta = slot.meta();
    BlockFacts {
        addr: slot.block().addr().get(),
        size: slot.size(),
        align: meta.align(),
        allocated: meta.allocated,
        freed: meta.freed,
        live: meta.state == State::Live,
    }
}

/// Writes the canaries around a block.
#[inline]
pub(crate) fn arm(slot: &Slot<'_>) {
    let (start, block) = (slot.start(), slot.block());
    let end = block.addr().get() + slot.size();
    // SAFETY: P3, P4: from the slot's start to the block, and so many bytes behind it, are the slot's and not the
    // client's.
    unsafe {
        start.write_bytes(LEADING, block.addr().get() - start.addr().get());
        block.add(end - block.addr().get()).write_bytes(TRAILING, slot.trailing());
    }
}

/// Whether both canaries of a block are as [`arm`] left them.
#[inline]
pub(crate) fn is_armed(slot: &Slot<'_>) -> bool {
    let (start, block) = (slot.start(), slot.block());
    let lead = block.addr().get() - start.addr().get();
    // SAFETY: as in `arm`; the client has no business there, and ours is under the lock (P2).
    unsafe {
        is_intact(start.as_ptr(), lead, LEADING)
            && is_intact(block.as_ptr().add(slot.size()), slot.trailing(), TRAILING)
    }
}

/// What was written over the canaries of a block, if anything: before its start, and past its end.
#[cold]
#[inline(never)]
pub(crate) fn canary_damage(slot: &Slot<'_>, operation: Operation) -> [Option<Violation>; 2] {
    let (start, block) = (slot.start(), slot.block());
    let lead = block.addr().get() - start.addr().get();
    // SAFETY: as in `is_armed`.
    let (before, behind) = unsafe {
        let end = block.as_ptr().add(slot.size());
        (find_damage(start.as_ptr(), lead, LEADING), find_damage(end, slot.trailing(), TRAILING))
    };
    let violation = |kind, distance, damaged| Violation {
        block: Some(facts(slot)),
        distance,
        damaged,
        ..Violation::new(kind, operation, block.addr().get())
    };
    let before = before.map(|damage| Violation {
        window: window(slot, block.addr().get() - SHOWN / 4, LEADING),
        ..violation(ViolationKind::WriteBeforeStart, lead - damage.last, damage.count)
    });
    let behind = behind.map(|damage| {
        let first = block.addr().get() + slot.size() + damage.first;
        Violation {
            window: window(slot, first - SHOWN / 4, TRAILING),
            ..violation(ViolationKind::WritePastEnd, damage.first, damage.count)
        }
    });
    [before, behind]
}

/// Bytes of a freed block that carry the fill.
#[inline]
fn filled(slot: &Slot<'_>, config: &DebugConfig) -> usize {
    if slot.span.kind.get() == Kind::Guarded { 0 } else { slot.size().min(config.fill_limit) }
}

/// Fills a freed block.
#[inline]
pub(crate) fn fill_freed(slot: &Slot<'_>, config: &DebugConfig) {
    if let Some(byte) = config.free_fill {
        // SAFETY: the block is free: its bytes are ours.
        unsafe { slot.block().write_bytes(byte, filled(slot, config)) };
    }
}

/// Whether a freed block, fill and canaries, is as it was left.
#[inline]
pub(crate) fn is_untouched(slot: &Slot<'_>, config: &DebugConfig) -> bool {
    let Some(byte) = config.free_fill else { return true };
    // SAFETY: as in `fill_freed`.
    unsafe { is_intact(slot.block().as_ptr(), filled(slot, config), byte) }
}

/// What was written into a freed block, if anything. Restores the fill, so that it is told once.
#[cold]
#[inline(never)]
pub(crate) fn freed_damage(slot: &Slot<'_>, config: &DebugConfig, operation: Operation) -> Option<Violation> {
    let byte = config.free_fill?;
    let block = slot.block();
    // SAFETY: as in `fill_freed`.
    let damage = unsafe { find_damage(block.as_ptr(), filled(slot, config), byte) }?;
    let first = block.addr().get() + damage.first;
    let violation = Violation {
        block: Some(facts(slot)),
        distance: damage.first,
        damaged: damage.count,
        window: window(slot, first - SHOWN / 4, byte),
        ..Violation::new(ViolationKind::WriteAfterFree, operation, block.addr().get())
    };
    fill_freed(slot, config);
    Some(violation)
}

/// A copy of the memory from `from`, cut to the slot, with the bytes marked that are not as they should be.
fn window(slot: &Slot<'_>, from: usize, expected_inside: u8) -> Window {
    let (start, block) = (slot.start().addr().get(), slot.block().addr().get());
    let end = block + slot.size();
    let limit = end + slot.trailing();
    let from = from.next_multiple_of(16).saturating_sub(16).max(start);
    let len = limit.saturating_sub(from).min(SHOWN);
    let live = slot.meta().state == State::Live;
    let mut window = Window { addr: from, len, ..Window::NONE };
    for i in 0..len {
        let addr = from + i;
        // A live block's bytes may be changing now, on another thread; they are the client's. Not read.
        if live && (block..end).contains(&addr) {
            window.hidden |= 1 << i;
            continue;
        }
        // SAFETY: `start <= addr < limit`: within the slot's memory (P3, P4), under the lock.
        let byte = unsafe { at(slot, addr).read() };
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

/// The address as a pointer into the slot.
fn at(slot: &Slot<'_>, addr: usize) -> NonNull<u8> {
    let start = slot.start();
    // SAFETY: the caller's address lies in the slot.
    unsafe { start.add(addr - start.addr().get()) }
}
