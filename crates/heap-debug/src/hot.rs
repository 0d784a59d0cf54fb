//! The short way of most calls: a small block of the calling thread's own stripe, in a configuration that wants nothing
//! but checks, fills and books ([`DebugConfig::is_plain`](crate::DebugConfig)).
//!
//! Whatever is unusual is left alone, as it was, to the general way in [`operations`](crate::operations), which finds it
//! once more, and tells.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{Allocator, SizeClasses};

use crate::config::Guard;
use crate::debug_allocator::DebugAllocator;
use crate::fill::LEAD;
use crate::findings::Findings;
use crate::inspect;
use crate::span::{Kind, Meta, State};
use crate::stripe::{Request, SMALL_MAX};
use crate::sync::Ordering;
use crate::sys::Site;
use crate::thread::{self, Caller, Sampling};
use crate::trace::Trace;

impl<A: Allocator> DebugAllocator<A> {
    /// A small block; `None` when it has to be got the general way.
    #[inline(always)]
    pub(crate) fn alloc_hot(&self, layout: Layout, zeroed: bool) -> Option<NonNull<u8>> {
        // A size of zero wraps around.
        if !self.plain || layout.size().wrapping_sub(1) >= SMALL_MAX || layout.align() > LEAD {
            return None;
        }
        let caller = Caller::current()?;
        let sampling = if self.sampling { Some(self.samples(layout.size())?) } else { None };
        let stripe = self.known_ledger()?.stripes.get(caller.stripe)?;
        let mut stripe = stripe.0.try_lock(caller.token)?;
        let meta = Meta::live(layout, Trace::NONE, caller.scope, false);
        let class = SizeClasses::class_of(layout.size());
        let block = stripe.alloc_at_hand(&self.config, class, &Request { layout, meta, zeroed })?;
        if let Some(sampling) = sampling {
            thread::pass_by(sampling);
        }
        Some(block)
    }

    /// What a block counts for, if it is not a sample itself.
    fn samples(&self, size: usize) -> Option<Sampling> {
        let guarded =
            if let Guard::Sampled(interval) = self.config.guard { Some(interval.max(1)) } else { None };
        let sampling = Sampling { bytes: self.config.profile.map(|_| size), guarded };
        thread::is_between_samples(sampling).then_some(sampling)
    }

    /// Takes a small block back; `false` when that has to be done the general way.
    #[inline(always)]
    pub(crate) fn free_hot(&self, block: NonNull<u8>, layout: Layout) -> bool {
        let mut findings = Findings::new();
        let done = self.try_free(block, layout, &mut findings).is_some();
        if !findings.is_empty() {
            // Of other blocks, whose slab is given back: whoever called is not to blame.
            self.tell(&findings, &Site::here());
        }
        done
    }

    #[inline(always)]
    fn try_free(&self, block: NonNull<u8>, layout: Layout, findings: &mut Findings) -> Option<()> {
        if !self.plain {
            return None;
        }
        let ledger = self.known_ledger()?;
        let entry = ledger.map.entry(block.addr().get())?;
        // Acquire pairs with the release in `AddressMap::set`.
        let record = entry.load(Ordering::Acquire);
        // SAFETY: P1: records stay mapped; `stripe` never changes.
        let span = unsafe { record.as_ref() }?;
        let mut stripe = ledger.stripes.get(span.stripe)?.0.try_lock(thread::token())?;
        // Only now can the record not change any more.
        if entry.load(Ordering::Acquire) != record || span.kind.get() != Kind::Slab {
            return None;
        }
        let slot = span.slot_of(block.addr().get())?;
        let meta = slot.meta();
        let place = slot.slab_place(meta);
        let as_claimed =
            place.block == block && place.size == layout.size() && meta.align() == layout.align();
        if meta.state != State::Live || meta.is_sampled() || !as_claimed || !inspect::is_armed(&place) {
            return None;
        }
        slot.set_meta(meta.with_freed(Trace::NONE));
        stripe.live_blocks -= 1;
        stripe.live_bytes -= layout.size();
        inspect::fill_freed(&place, &self.config);
        stripe.free_small(&self.context(ledger, span.stripe), slot, findings);
        Some(())
    }
}
