//! What is counted while the program runs: bytes and blocks by site, their high-water marks, and what was live when the
//! whole heap was largest.

use core::ptr;

use heap_os::pages;

use crate::trace::{MAX_TRACES, Trace};

/// The numbers of one site. All zero is a site without blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileCounts {
    /// Bytes allocated in all.
    pub total_bytes: usize,
    /// Blocks allocated in all.
    pub total_blocks: usize,
    /// Bytes live now.
    pub live_bytes: usize,
    /// Blocks live now.
    pub live_blocks: usize,
    /// The most bytes of this site that were live at once.
    pub high_water_bytes: usize,
    /// Blocks live at that moment.
    pub high_water_blocks: usize,
    /// Bytes of this site when the whole heap was largest.
    pub at_high_water_bytes: usize,
    /// Blocks at that moment.
    pub at_high_water_blocks: usize,
}

/// Blocks are counted in parts: a sampled one may stand for one and a half.
pub(crate) const PARTS: usize = 1024;

/// The counts of blocks in it are in parts.
#[derive(Clone, Copy)]
struct Entry {
    counts: ProfileCounts,
    /// The moment of the heap's high-water mark that `at_high_water_*` are of.
    moment: usize,
}

/// The counts of one instance.
///
/// # Invariants
///
/// - **C1** `entries` is null, or a mapping of `MAX_TRACES` entries, by the traces' numbers.
/// - **C2** An entry whose `moment` is not the current one has not changed since: what is live is what was live then.
#[derive(Debug)]
pub(crate) struct Counts {
    entries: *mut Entry,
    pub(crate) total_bytes: usize,
    live_bytes: usize,
    high_water_bytes: usize,
    /// How often the high-water mark rose, and what had been allocated then.
    moment: usize,
    pub(crate) high_water_time: usize,
}

// SAFETY: the pointer is to a mapping of its own.
unsafe impl Send for Counts {}

fn bytes() -> usize {
    (MAX_TRACES * size_of::<Entry>()).next_multiple_of(pages::page_size())
}

impl Counts {
    fn entry(&mut self, site: Trace) -> Option<&mut Entry> {
        if self.entries.is_null() {
            self.entries = pages::map(bytes()).ok()?.cast().as_ptr();
        }
        // SAFETY: C1: numbers are below `MAX_TRACES`; zero is an entry.
        let entry = unsafe { &mut *self.entries.add(site.id() as usize) };
        if entry.moment != self.moment {
            // C2
            entry.counts.at_high_water_bytes = entry.counts.live_bytes;
            entry.counts.at_high_water_blocks = entry.counts.live_blocks;
            entry.moment = self.moment;
        }
        Some(entry)
    }

    pub(crate) fn add(&mut self, site: Trace, bytes: usize, parts: usize) {
        let Some(entry) = self.entry(site) else { return };
        let counts = &mut entry.counts;
        counts.total_bytes += bytes;
        counts.total_blocks += parts;
        counts.live_bytes += bytes;
        counts.live_blocks += parts;
        if counts.live_bytes > counts.high_water_bytes {
            (counts.high_water_bytes, counts.high_water_blocks) = (counts.live_bytes, counts.live_blocks);
        }
        self.total_bytes += bytes;
        self.live_bytes += bytes;
        if self.live_bytes > self.high_water_bytes {
            self.high_water_bytes = self.live_bytes;
            self.high_water_time = self.total_bytes;
            self.moment += 1;
        }
    }

    pub(crate) fn remove(&mut self, site: Trace, bytes: usize, parts: usize) {
        let Some(entry) = self.entry(site) else { return };
        let counts = &mut entry.counts;
        // Another thread's numbers come in any order, but each block was added before it could be freed.
        counts.live_bytes = counts.live_bytes.saturating_sub(bytes);
        counts.live_blocks = counts.live_blocks.saturating_sub(parts);
        self.live_bytes = self.live_bytes.saturating_sub(bytes);
    }

    /// The numbers of a site, if it had any blocks.
    pub(crate) fn get(&mut self, site: Trace) -> Option<ProfileCounts> {
        if self.entries.is_null() {
            return None;
        }
        let mut counts = self.entry(site)?.counts;
        let blocks = [
            &mut counts.total_blocks,
            &mut counts.live_blocks,
            &mut counts.high_water_blocks,
            &mut counts.at_high_water_blocks,
        ];
        blocks.into_iter().for_each(|parts| *parts = (*parts + PARTS / 2) / PARTS);
        (counts.total_blocks > 0).then_some(counts)
    }

    /// Gives the memory back.
    pub(crate) fn release(&mut self) {
        if let Some(entries) = ptr::NonNull::new(self.entries) {
            // SAFETY: C1: a whole mapping, not used again. A refusal leaks it.
            let _ = unsafe { pages::unmap(entries.cast(), bytes()) };
            self.entries = ptr::null_mut();
        }
    }
}
