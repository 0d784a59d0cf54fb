//! The queue of freed small blocks that may not be reused yet: first in, first out, within a budget of bytes.

use core::ptr::{self, NonNull};

use heap_os::pages;

use crate::config::DebugConfig;
use crate::span::{Slot, Span};

/// The smallest slot: so many bytes of a budget are one entry at least.
const SMALLEST: usize = 48;
/// The most entries, and the fewest.
const ENTRIES: (usize, usize) = (64, 1 << 22);

#[derive(Clone, Copy)]
struct Entry {
    span: *const Span,
    index: u32,
}

/// A ring of entries.
///
/// # Invariants
///
/// - **Q1** `ring` is null or a mapping of `mask + 1` entries, of which the `len` from `head` on are written.
/// - **Q2** Each entry's slot is quarantined, and its span is held.
#[derive(Debug)]
pub(crate) struct Quarantine {
    ring: *mut Entry,
    mask: usize,
    head: usize,
    len: usize,
    bytes: usize,
}

impl Quarantine {
    /// Puts a slot at the end; `false` when there is no queue: the budget is 0, or the system gives no memory for it.
    #[inline]
    pub(crate) fn push(&mut self, slot: Slot<'_>, config: &DebugConfig) -> bool {
        if self.ring.is_null() && !self.start(config) {
            return false;
        }
        let at = (self.head + self.len) & self.mask;
        // SAFETY: Q1: masked; `excess` and `pop` keep `len` at `mask` at the most before each push.
        unsafe { self.ring.add(at).write(Entry { span: slot.span, index: slot.index }) };
        self.len += 1;
        self.bytes += slot.span.stride.get() as usize;
        true
    }

    /// Whether the first slot has to go.
    #[inline]
    pub(crate) fn excess(&self, config: &DebugConfig) -> bool {
        self.bytes > config.quarantine || self.len > self.mask
    }

    /// Takes the first slot out. The reference is good for the instance's life (P1).
    #[inline]
    pub(crate) fn pop<'a>(&mut self) -> Option<Slot<'a>> {
        if self.len == 0 {
            return None;
        }
        // SAFETY: Q1, Q2 and P1.
        let (span, index) = unsafe {
            let entry = self.ring.add(self.head).read();
            (&*entry.span, entry.index)
        };
        self.head = (self.head + 1) & self.mask;
        self.len -= 1;
        self.bytes -= span.stride.get() as usize;
        Some(Slot { span, index })
    }

    #[cold]
    #[inline(never)]
    fn start(&mut self, config: &DebugConfig) -> bool {
        if config.quarantine == 0 {
            return false;
        }
        let entries = (config.quarantine / SMALLEST).clamp(ENTRIES.0, ENTRIES.1).next_power_of_two();
        let Ok(ring) = pages::map(Self::bytes_of(entries)) else { return false };
        (self.ring, self.mask) = (ring.cast().as_ptr(), entries - 1);
        true
    }

    fn bytes_of(entries: usize) -> usize {
        (entries * size_of::<Entry>()).next_multiple_of(pages::page_size())
    }

    /// Gives the ring back; its entries are forgotten.
    pub(crate) fn release(&mut self) {
        if let Some(ring) = NonNull::new(self.ring) {
            // SAFETY: Q1: a whole mapping. A refusal leaks it.
            let _ = unsafe { pages::unmap(ring.cast(), Self::bytes_of(self.mask + 1)) };
        }
        *self = Self { ring: ptr::null_mut(), mask: 0, head: 0, len: 0, bytes: 0 };
    }
}
