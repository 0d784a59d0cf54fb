//! [`HeapProfile`]: who allocated what, and its files: DHAT, folded stacks, pprof, flame graph.

mod sample;
mod frames;
mod dhat;
mod folded;
mod pprof;
#[cfg(feature = "flamegraph")]
mod flamegraph;

use heap_core::Allocator;

use crate::counts::ProfileCounts;
use crate::debug_allocator::DebugAllocator;
use crate::thread;
use crate::trace::{MAX_TRACES, Trace};

/// Blocks that were allocated at one place, as the profile counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfileSite {
    /// Where.
    pub allocated: Trace,
    /// How many and how large.
    pub counts: ProfileCounts,
}

/// Which of a profile's numbers a file with one number a stack is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Bytes that are live now.
    #[default]
    LiveBytes,
    /// Bytes allocated in all, freed or not.
    TotalBytes,
    /// Blocks allocated in all.
    TotalBlocks,
    /// Bytes that were live when the heap was largest.
    HighWaterBytes,
}

impl Measure {
    fn of(self, counts: &ProfileCounts) -> usize {
        match self {
            Self::LiveBytes => counts.live_bytes,
            Self::TotalBytes => counts.total_bytes,
            Self::TotalBlocks => counts.total_blocks,
            Self::HighWaterBytes => counts.at_high_water_bytes,
        }
    }
}

/// A moment's profile, by site, the most bytes allocated first.
///
/// ```
/// use heap_debug::{DebugAllocator, DebugConfig, Measure};
///
/// #[global_allocator]
/// static GLOBAL: DebugAllocator = DebugAllocator::with_config(DebugConfig::new().profile(Some(0)));
///
/// let kept: Vec<Vec<u8>> = (0..10).map(|_| vec![1; 1000]).collect();
/// let profile = GLOBAL.profile();
/// assert!(profile.sites().iter().any(|site| site.counts.live_bytes == 10_000));
/// let mut folded = Vec::new();
/// profile.write_folded(Measure::LiveBytes, &mut folded)?;
/// assert!(String::from_utf8_lossy(&folded).contains(" 10000\n"));
/// # drop(kept);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeapProfile {
    sites: Vec<ProfileSite>,
    total_bytes: usize,
    high_water_time: usize,
}

impl HeapProfile {
    /// The sites.
    #[must_use]
    pub fn sites(&self) -> &[ProfileSite] {
        &self.sites
    }
}

impl<A: Allocator> DebugAllocator<A> {
    /// The profile so far; empty unless [`DebugConfig::profile`](crate::DebugConfig::profile) is set. Allocates. O(sites).
    #[must_use]
    pub fn profile(&self) -> HeapProfile {
        let mut profile = HeapProfile { sites: Vec::new(), total_bytes: 0, high_water_time: 0 };
        let Some(ledger) = self.known_ledger() else { return profile };
        // The list grows outside of the lock: its allocation is counted, too.
        for id in 1..MAX_TRACES as u32 {
            let allocated = Trace::of_id(id);
            if allocated.frames().is_empty() {
                break;
            }
            let Ok(mut counts) = ledger.counts.lock(thread::token()) else { break };
            let found = counts.get(allocated);
            drop(counts);
            profile.sites.extend(found.map(|counts| ProfileSite { allocated, counts }));
        }
        if let Ok(counts) = ledger.counts.lock(thread::token()) {
            (profile.total_bytes, profile.high_water_time) = (counts.total_bytes, counts.high_water_time);
        }
        profile.sites.sort_by_key(|site| core::cmp::Reverse(site.counts.total_bytes));
        profile
    }
}
