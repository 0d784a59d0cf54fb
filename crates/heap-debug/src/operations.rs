//! What each call does: the way from a request to its stripe and back, and from findings to a report.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

use heap_core::Allocator;

use crate::admit::{Admitted, Claim, admit};
use crate::config::{Guard, OnViolation};
use crate::debug_allocator::DebugAllocator;
use crate::findings::Findings;
use crate::inspect;
use crate::ledger::Ledger;
use crate::lock;
use crate::report;
use crate::report_heap;
use crate::span::{Kind, Meta};
use crate::stripe::{Context, Request, Stripe};
use crate::sync::Ordering;
use crate::sys::Site;
use crate::thread::{self, Caller, STRIPES};
use crate::trace::Trace;
use crate::violation::{Operation, Violation, ViolationKind};

/// The deepest trace: that of a misuse.
const FULL_DEPTH: usize = crate::config::MAX_FRAMES;

/// What became of a request to change a block's size in place.
pub(crate) enum Changed {
    /// Done.
    InPlace,
    /// Not possible. The block's layout as recorded, which a copy has to go by.
    Refused(Layout),
    /// There is no such block; reported.
    NoBlock,
}

impl<A: Allocator> DebugAllocator<A> {
    pub(crate) fn context<'a>(&'a self, ledger: &'a Ledger, stripe: usize) -> Context<'a> {
        Context { stripe, config: &self.config, map: &ledger.map, backing: &self.backing }
    }

    /// A trace of an allocation or a free, if such are kept.
    #[inline]
    pub(crate) fn trace(&self, site: &Site) -> Trace {
        match self.config.stack_trace_frames {
            0 => Trace::NONE,
            _ if thread::is_reporting() => Trace::NONE,
            // SAFETY: sites are made by the entry functions, and passed down only.
            depth => unsafe { Trace::capture(usize::from(depth), site) },
        }
    }

    /// A trace in full depth.
    #[cold]
    #[inline(never)]
    fn full_trace(&self, site: &Site) -> Trace {
        // SAFETY: as in `trace`.
        unsafe { Trace::capture(FULL_DEPTH, site) }
    }

    /// A block for a layout whose size is not zero.
    #[inline]
    pub(crate) fn take(&self, layout: Layout, zeroed: bool, site: &Site) -> Option<NonNull<u8>> {
        let Some(caller) = Caller::current() else { return report_heap::alloc(layout, zeroed) };
        let ledger = self.ledger()?;
        let sampled = self.config.profile.is_some() && self.is_sample(layout.size());
        let trace = if sampled { self.full_trace(site) } else { self.trace(site) };
        self.reserve(ledger, 0, layout.size())?;
        let meta = Meta::live(layout, trace, caller.scope, sampled);
        let request = Request { layout, meta, zeroed };
        let mut findings = Findings::new();
        let block = match ledger.enter_own(caller.stripe, caller.token) {
            Ok(mut stripe) => {
                let cx = self.context(ledger, caller.stripe);
                self.place(&mut stripe, &cx, &request, &mut findings)
            }
            Err(lock::Reentered) => {
                findings.push(Violation::new(ViolationKind::Reentered, Operation::Alloc, 0));
                None
            }
        };
        if block.is_none() {
            self.release(ledger, layout.size());
        } else if sampled {
            self.count_alloc(ledger, trace, layout.size());
        }
        if !findings.is_empty() {
            self.tell(&findings, site);
        }
        block
    }

    /// Chooses the kind of memory.
    #[inline]
    fn place(
        &self,
        stripe: &mut Stripe,
        cx: &Context<'_>,
        request: &Request,
        findings: &mut Findings,
    ) -> Option<NonNull<u8>> {
        let class = Stripe::class_of(request.layout);
        if cx.config.guard != Guard::Off
            && self.is_guarded(class.is_none())
            && let Some(block) = stripe.alloc_guarded(cx, request)
        {
            return Some(block);
        }
        match class {
            Some(class) => stripe.alloc_small(cx, class, request, findings),
            None => stripe.alloc_large(cx, request, findings),
        }
    }

    fn is_guarded(&self, large: bool) -> bool {
        match self.config.guard {
            Guard::Off => false,
            Guard::Large => large,
            Guard::All => true,
            Guard::Sampled(n) => thread::guard_due(n.max(1)),
        }
    }

    /// Takes `new` bytes instead of `old` from the limit, if there is one.
    #[inline]
    fn reserve(&self, ledger: &Ledger, old: usize, new: usize) -> Option<()> {
        if self.config.memory_limit.is_none() {
            return Some(());
        }
        let limit = self.limit.load(Ordering::Relaxed);
        let add = |total: usize| {
            let sum = (total - old).checked_add(new)?;
            (sum <= limit || new <= old).then_some(sum)
        };
        // Relaxed: the counter stands for itself.
        ledger.requested.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok().map(drop)
    }

    #[inline]
    fn release(&self, ledger: &Ledger, size: usize) {
        if self.config.memory_limit.is_some() {
            ledger.requested.fetch_sub(size, Ordering::Relaxed);
        }
    }

    /// Takes a block back. Whatever the client says, only a live block of ours is freed, and by its recorded layout.
    #[inline]
    pub(crate) fn give(&self, block: NonNull<u8>, layout: Layout, operation: Operation, site: &Site) {
        let claim = Claim { addr: block.addr().get(), layout, operation, gives_up: true };
        let trace = self.trace(site);
        let mut findings = Findings::new();
        let freed = self.with_block(&claim, &mut findings, |stripe, cx, block, findings| {
            let Admitted { slot, meta, place } = block;
            slot.set_meta(meta.with_freed(trace));
            stripe.live_blocks -= 1;
            stripe.live_bytes -= place.size;
            inspect::fill_freed(&place, cx.config);
            if slot.span.kind.get() == Kind::Slab {
                stripe.free_small(cx, slot, findings);
            } else {
                stripe.free_large(cx, slot, findings);
            }
            (meta, place.size)
        });
        if let (Some((meta, size)), Some(ledger)) = (freed, self.known_ledger()) {
            self.release(ledger, size);
            if meta.is_sampled() {
                self.count_free(ledger, meta.allocated, size);
            }
        }
        if !findings.is_empty() {
            self.tell(&findings, site);
        }
    }

    /// Runs `f` on the live block that a claim names, under its stripe's lock.
    #[inline(always)]
    fn with_block<T>(
        &self,
        claim: &Claim,
        findings: &mut Findings,
        f: impl FnOnce(&mut Stripe, &Context<'_>, Admitted<'_>, &mut Findings) -> T,
    ) -> Option<T> {
        let Some(ledger) = self.known_ledger() else {
            self.unknown(claim, findings);
            return None;
        };
        let entry = ledger.map.entry(claim.addr);
        // Acquire pairs with the release in `AddressMap::set`.
        let current = || entry.map_or(ptr::null_mut(), |entry| entry.load(Ordering::Acquire));
        let mut span = current();
        // SAFETY: P1: records stay mapped; `stripe` never changes.
        while let Some(record) = unsafe { span.as_ref() } {
            let Ok(mut stripe) = ledger.enter(record.stripe, thread::token()) else {
                findings.push(Violation::new(ViolationKind::Reentered, claim.operation, claim.addr));
                return None;
            };
            // Only now can the record not change any more.
            let now = current();
            if ptr::eq(now, span) {
                let Some(block) = admit(record, claim, findings) else {
                    // What went back may be another's by now.
                    let others = record.gone.load(Ordering::Relaxed);
                    drop(stripe);
                    if others && (report_heap::owns(claim.addr) || Ledger::owner_of(claim.addr).is_some()) {
                        *findings = Findings::new();
                        break;
                    }
                    return None;
                };
                let cx = self.context(ledger, record.stripe);
                return Some(f(&mut stripe, &cx, block, findings));
            }
            span = now;
        }
        self.unknown(claim, findings);
        None
    }

    /// An address that is not in the map: the report's own memory, another instance's, or nobody's.
    #[cold]
    #[inline(never)]
    fn unknown(&self, claim: &Claim, findings: &mut Findings) {
        if report_heap::owns(claim.addr) {
            let block = NonNull::new(ptr::with_exposed_provenance_mut::<u8>(claim.addr));
            if let Some(block) = block.filter(|_| claim.gives_up) {
                // SAFETY: from `report_heap::alloc`, which is given the layout of the request, as the client gives it now.
                unsafe { report_heap::free(block, claim.layout) };
            }
            return;
        }
        let given = Some((claim.layout.size(), claim.layout.align()));
        let owner = Ledger::owner_of(claim.addr);
        let kind =
            if owner.is_some() { ViolationKind::WrongAllocator } else { ViolationKind::ForeignPointer };
        let instances = owner.map(|owner| (self.config.canary, owner));
        findings.push(Violation { given, instances, ..Violation::new(kind, claim.operation, claim.addr) });
    }

    /// Changes a block's size where it is.
    pub(crate) fn change(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
        operation: Operation,
        site: &Site,
    ) -> Changed {
        let claim = Claim { addr: block.addr().get(), layout, operation, gives_up: false };
        let trace = if self.config.resize_stack_traces { Some(self.trace(site)) } else { None };
        let mut findings = Findings::new();
        let changed = self.with_block(&claim, &mut findings, |stripe, _, block, _| {
            if self.fits(&block, new_size) && self.resize_block(stripe, &block, new_size, trace) {
                return Changed::InPlace;
            }
            let recorded = Layout::from_size_align(block.place.size, block.meta.align());
            recorded.map_or(Changed::NoBlock, Changed::Refused)
        });
        if !findings.is_empty() {
            self.tell(&findings, site);
        }
        match changed {
            Some(changed) => changed,
            None if findings.is_empty() && report_heap::owns(claim.addr) => Changed::Refused(layout),
            None => Changed::NoBlock,
        }
    }

    /// Whether a size may be had in place: in the same class, so that a stale pointer to a moved block is the rule.
    fn fits(&self, block: &Admitted<'_>, new_size: usize) -> bool {
        let (old, capacity) = (block.place.size, block.place.capacity());
        if new_size > capacity || (new_size < old && !self.config.shrink_in_place) {
            return false;
        }
        let class = Layout::from_size_align(new_size, block.meta.align()).map(Stripe::class_of);
        match (block.slot.span.kind.get(), class) {
            (Kind::Slab, Ok(Some(class))) => class == block.slot.span.class.get(),
            // Half empty is too much to keep.
            (Kind::Large, Ok(None)) => new_size >= capacity / 2,
            (Kind::Guarded, Ok(_)) => new_size == old,
            _ => false,
        }
    }

    fn resize_block(
        &self,
        stripe: &mut Stripe,
        block: &Admitted<'_>,
        new_size: usize,
        trace: Option<Trace>,
    ) -> bool {
        let Admitted { slot, meta, place } = *block;
        let old = place.size;
        let Some(ledger) = self.known_ledger() else { return false };
        if self.reserve(ledger, old, new_size).is_none() {
            return false;
        }
        let allocated = trace.unwrap_or(meta.allocated);
        if meta.is_sampled() {
            self.count_free(ledger, meta.allocated, old);
            self.count_alloc(ledger, allocated, new_size);
        }
        slot.set_meta(meta.with_allocated(allocated).with_size(new_size));
        if slot.span.kind.get() != Kind::Slab {
            slot.span.size.set(new_size);
        }
        if let Some(byte) = self.config.alloc_fill.filter(|_| new_size > old) {
            // SAFETY: the slot has `new_size` bytes for the block, and the client none of them beyond `old`.
            unsafe { place.block.add(old).write_bytes(byte, (new_size - old).min(self.config.fill_limit)) };
        }
        inspect::arm(&slot.place());
        stripe.live_bytes = stripe.live_bytes - old + new_size;
        true
    }

    /// Reports findings; does not return when the configuration says abort. No lock is held.
    #[cold]
    #[inline(never)]
    pub(crate) fn tell(&self, findings: &Findings, site: &Site) {
        if thread::is_reporting() {
            return;
        }
        let found = self.full_trace(site);
        for violation in findings.as_slice() {
            let violation = Violation { found, ..*violation };
            // Made for it, where nothing was ever allocated.
            if let Some(ledger) = self.ledger() {
                ledger.keep(&violation);
            }
            report::tell(&violation, self.config.format);
        }
        if self.config.on_violation == OnViolation::Abort {
            std::process::abort();
        }
    }

    /// The sum of a number over all stripes, each under its lock.
    pub(crate) fn sum(&self, number: impl Fn(&Stripe) -> usize) -> usize {
        let Some(ledger) = self.known_ledger() else { return 0 };
        let locked = |stripe| ledger.enter(stripe, thread::token()).map_or(0, |stripe| number(&stripe));
        (0..STRIPES).map(locked).sum()
    }
}
