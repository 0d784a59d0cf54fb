//! Finding what is live: `detect_leaks`.

use heap_core::Allocator;
use heap_os::pages;

use crate::debug_allocator::DebugAllocator;
use crate::leak_report::{LeakReport, LeakSite};
use crate::span::{Slot, State};
use crate::thread::{self, STRIPES};
use crate::trace::MAX_TRACES;

impl<A: Allocator> DebugAllocator<A> {
    /// What is live now, by site. Changes nothing, and may be called at any time. O(slots), a stripe at a time under
    /// its lock.
    #[must_use]
    pub fn detect_leaks(&self) -> LeakReport {
        self.live_where(|_| true)
    }

    /// What is live of a leak scope.
    pub(crate) fn leaks_in(&self, scope: u32) -> LeakReport {
        self.live_where(|slot| slot.meta().scope == scope)
    }

    fn live_where(&self, wanted: impl Fn(&Slot<'_>) -> bool) -> LeakReport {
        let mut report = LeakReport::new();
        let Some(ledger) = self.known_ledger() else { return report };
        // Without memory for the index every block has a site of its own: longer, not wrong.
        let len = (MAX_TRACES * size_of::<u32>()).next_multiple_of(pages::page_size());
        let mapping = pages::map(len).ok();
        let index = mapping.map_or(&mut [][..], |base| {
            // SAFETY: just mapped, zero, and so long.
            unsafe { core::slice::from_raw_parts_mut(base.cast::<u32>().as_ptr(), MAX_TRACES) }
        });
        for stripe in 0..STRIPES {
            let Ok(stripe) = ledger.enter(stripe, thread::token()) else { continue };
            let slots = stripe.spans.iter().flat_map(|span| span.slots());
            let live = slots.filter(|slot| slot.meta().state == State::Live && wanted(slot));
            live.for_each(|slot| report.count(&slot, index));
        }
        if let Some(base) = mapping {
            // SAFETY: a whole mapping; the index is not used again. A refusal leaks it.
            let _ = unsafe { pages::unmap(base, len) };
        }
        let order =
            |site: &LeakSite| (core::cmp::Reverse(site.bytes), core::cmp::Reverse(site.blocks), site.addr);
        report.sites_mut().sort_unstable_by_key(order);
        report
    }
}
