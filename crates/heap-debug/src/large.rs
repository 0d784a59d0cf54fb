//! Large and guarded blocks: a span each. Quarantined by bytes, then kept for blocks of like length.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{Alignment, SizeClasses};
use heap_os::pages::{self, Access};

use crate::address_map::GRANULE;
use crate::fill::{Inside, LEAD, TRAIL};
use crate::findings::Findings;
use crate::span::{Kind, Slot, Span, State};
use crate::stripe::{Context, GONE_LARGE, Request, Stripe, verify_freed};
use crate::sync::{AtomicUsize, Ordering};
use crate::violation::Operation;

/// Where a large block lies in its span.
#[derive(Clone, Copy)]
struct Plan {
    /// From the span's start to the block.
    lead: usize,
    /// Bytes that the span must have.
    need: usize,
    /// Alignment of the span.
    align: usize,
}

impl Plan {
    /// `None` when the size is absurd.
    fn of(layout: Layout) -> Option<Self> {
        let lead = layout.align().max(LEAD);
        let need = lead.checked_add(layout.size())?.checked_add(TRAIL)?;
        Some(Self { lead, need, align: layout.align().max(GRANULE) })
    }

    /// The span's layout, with its length rounded to a class, so that freed spans fit again, or just to granules.
    fn layout(self, rounded: bool) -> Option<Layout> {
        let need =
            if rounded { SizeClasses::class_size(SizeClasses::class_of(self.need)) } else { self.need };
        Layout::from_size_align(need.checked_next_multiple_of(GRANULE)?, self.align).ok()
    }
}

impl Stripe {
    /// A block with a span of its own, from those kept or from the backing allocator.
    #[cold]
    #[inline(never)]
    pub(crate) fn alloc_large(
        &mut self,
        cx: &Context<'_>,
        request: &Request,
        findings: &mut Findings,
    ) -> Option<NonNull<u8>> {
        let plan = Plan::of(request.layout)?;
        let layout = plan.layout(true)?;
        let (span, inside) = match self.take_cached(cx, layout, findings) {
            Some(span) => (span, Inside::of(request.zeroed)),
            None => {
                let span = self.add_large(cx, layout, request.zeroed).or_else(|| {
                    self.relieve(cx, findings);
                    self.add_large(cx, plan.layout(false)?, request.zeroed)
                })?;
                (span, Inside::of_fresh(request.zeroed))
            }
        };
        span.size.set(request.layout.size());
        // SAFETY: P3: the span has `need` bytes, and its start has the block's alignment, of which `lead` is a multiple.
        span.block.set(unsafe { span.base.get().add(plan.lead) });
        let slot = Slot { span, index: 0 };
        slot.set_meta(request.meta);
        self.start_life(cx.config, &slot.place(), inside);
        Some(span.block.get())
    }

    fn take_cached<'a>(
        &mut self,
        cx: &Context<'_>,
        layout: Layout,
        findings: &mut Findings,
    ) -> Option<&'a Span> {
        let class = SizeClasses::class_of(layout.size());
        let fits = |span: &&Span| span.len.get() == layout.size() && span.align.get() == layout.align();
        let span = self.cached[class].iter().find(fits)?;
        self.cached[class].remove(span);
        self.cached_bytes -= span.len.get();
        verify_freed(&Slot { span, index: 0 }, cx.config, Operation::Alloc, findings);
        Some(span)
    }

    /// A fresh span; cleared when that is asked for, which most backing allocators need not do themselves.
    fn add_large<'a>(&mut self, cx: &Context<'_>, layout: Layout, zeroed: bool) -> Option<&'a Span> {
        let span = self.large_record(cx)?;
        let memory = if zeroed { cx.backing.alloc_zeroed(layout) } else { cx.backing.alloc(layout) };
        let Ok(memory) = memory else {
            self.large_records.push_back(span);
            return None;
        };
        let base = memory.cast::<u8>();
        if !self.start_large(cx, span, Kind::Large, base, layout) {
            // SAFETY: just allocated with this layout, used by nobody.
            unsafe { cx.backing.free(base, layout) };
            return None;
        }
        Some(span)
    }

    /// Makes a record stand for memory; if the map has no room, the record goes back.
    fn start_large(
        &mut self,
        cx: &Context<'_>,
        span: &Span,
        kind: Kind,
        base: NonNull<u8>,
        layout: Layout,
    ) -> bool {
        span.kind.set(kind);
        // Release pairs with the acquire in `Ledger::holds` (P2).
        span.gone.store(false, Ordering::Release);
        span.base.set(base);
        span.len.set(layout.size());
        span.align.set(layout.align());
        if !mapped_parts(span).iter().all(|&(addr, len)| cx.map.set(addr, len, span).is_some()) {
            forget(cx, span);
            self.large_records.push_back(span);
            return false;
        }
        self.spans.push_back(span);
        self.held += layout.size();
        true
    }

    fn large_record<'a>(&mut self, cx: &Context<'_>) -> Option<&'a Span> {
        if let Some(span) = self.large_records.pop_front() {
            return Some(span);
        }
        let (layout, _, _) = Span::record(1)?;
        let memory = self.store.take(layout)?;
        // SAFETY: zeroed, of that layout, and ours until the instance ends (P1).
        unsafe { Some(Span::init(memory, cx.stripe, 1)?.as_ref()) }
    }

    /// A block that ends at an inaccessible page; `None` when there are no such pages.
    #[cold]
    #[inline(never)]
    pub(crate) fn alloc_guarded(&mut self, cx: &Context<'_>, request: &Request) -> Option<NonNull<u8>> {
        let layout = request.layout;
        let page = Alignment::new(pages::page_size())?;
        if !pages::RESERVES || layout.align() > page.bytes() || page.bytes() < GRANULE {
            return None;
        }
        // Relaxed: a bound that a few may pass at once is as good.
        if GUARDED.load(Ordering::Relaxed) >= GUARDED_MAX {
            return None;
        }
        let len = page.forward(layout.size())?;
        let whole = len.checked_add(2 * page.bytes())?;
        let span = self.large_record(cx)?;
        let Ok(mapping) = pages::reserve(whole, page.bytes()) else {
            self.large_records.push_back(span);
            return None;
        };
        // SAFETY: the page lies within the mapping.
        let base = unsafe { mapping.add(page.bytes()) };
        let inner = Layout::from_size_align(len, page.bytes()).ok()?;
        // SAFETY: within the caller's own mapping.
        let committed = unsafe { pages::commit(base, len) }.is_ok();
        if !committed {
            self.large_records.push_back(span);
        }
        if !committed || !self.start_large(cx, span, Kind::Guarded, base, inner) {
            // SAFETY: a whole mapping that nobody uses. A refusal leaks addresses.
            let _ = unsafe { pages::unmap(mapping, whole) };
            return None;
        }
        GUARDED.fetch_add(1, Ordering::Relaxed);
        let offset = Alignment::of_layout(layout).backward(len - layout.size());
        span.size.set(layout.size());
        // SAFETY: `offset + size <= len`, and the page's start has every alignment up to a page.
        span.block.set(unsafe { base.add(offset) });
        let slot = Slot { span, index: 0 };
        slot.set_meta(request.meta);
        self.start_life(cx.config, &slot.place(), Inside::of_fresh(request.zeroed));
        Some(span.block.get())
    }

    /// Takes a large block back, which is filled, or a guarded one.
    pub(crate) fn free_large(&mut self, cx: &Context<'_>, slot: Slot<'_>, findings: &mut Findings) {
        let span = slot.span;
        if span.kind.get() == Kind::Guarded {
            // SAFETY: our own mapping, whose content nobody needs any more. Without the protection late uses are not
            // seen at once, and without the decommit memory goes back later: no harm.
            let _ = unsafe {
                pages::decommit(span.base.get(), span.len.get())
                    .and_then(|()| pages::protect(span.base.get(), span.len.get(), Access::None))
            };
        }
        self.late.push_back(span);
        self.late_bytes += span.len.get();
        while self.late_bytes > cx.config.quarantine_large {
            let Some(oldest) = self.late.pop_front() else { break };
            self.late_bytes -= oldest.len.get();
            self.leave_quarantine(cx, oldest, findings);
        }
    }

    fn leave_quarantine(&mut self, cx: &Context<'_>, span: &Span, findings: &mut Findings) {
        let slot = Slot { span, index: 0 };
        if cx.config.checks_leaving() {
            verify_freed(&slot, cx.config, Operation::Free, findings);
        }
        slot.set_meta(slot.meta().with_state(State::Free));
        if span.kind.get() == Kind::Guarded {
            if !cx.config.never_unmap {
                self.drop_large(cx, span, findings);
            }
            return;
        }
        self.cached[SizeClasses::class_of(span.len.get())].push_back(span);
        self.cached_bytes += span.len.get();
        if !cx.config.never_unmap {
            self.drop_cached(cx, cx.config.quarantine_large, findings);
        }
    }

    /// Gives back all that no client has.
    pub(crate) fn relieve_large(&mut self, cx: &Context<'_>, findings: &mut Findings) {
        while let Some(oldest) = self.late.pop_front() {
            self.late_bytes -= oldest.len.get();
            self.leave_quarantine(cx, oldest, findings);
        }
        if !cx.config.never_unmap {
            self.drop_cached(cx, 0, findings);
        }
    }

    /// Gives spans back, large ones first, until no more than `keep` bytes of them are cached.
    fn drop_cached(&mut self, cx: &Context<'_>, keep: usize, findings: &mut Findings) {
        let mut class = LARGE_TOP;
        // What is found in them has to be carried.
        while self.cached_bytes > keep && !findings.is_full() {
            match self.cached[class].pop_front() {
                Some(span) => {
                    self.cached_bytes -= span.len.get();
                    self.drop_large(cx, span, findings);
                }
                None if class == 0 => break,
                None => class -= 1,
            }
        }
    }

    /// Gives a span's memory back and keeps its record for a while. It is in no list but `spans`.
    fn drop_large(&mut self, cx: &Context<'_>, span: &Span, findings: &mut Findings) {
        verify_freed(&Slot { span, index: 0 }, cx.config, Operation::Free, findings);
        self.spans.remove(span);
        self.held -= span.len.get();
        // Before the memory goes back: who gets it next finds it so.
        span.gone.store(true, Ordering::Release);
        // SAFETY: held until now, not live, and no longer referred to by any list of memory in use.
        unsafe { give_back(cx, span) };
        self.gone_large.push(span);
        if let Some(oldest) = self.gone_large.excess(GONE_LARGE, cx.config) {
            forget(cx, oldest);
            self.large_records.push_back(oldest);
        }
    }
}

/// Blocks with guard pages, of all instances.
static GUARDED: AtomicUsize = AtomicUsize::new(0);

/// Blocks with guard pages at the most: each is three mappings, and Linux gives a process 65,530. At the limit nothing could
/// be mapped any more, no ordinary block either, so a quarter is left.
const GUARDED_MAX: usize = 16_384;

const LARGE_TOP: usize = crate::stripe::LARGE_CLASSES - 1;

/// Bytes at each end of an enormous span that the map knows: one of its own half a gibibyte would be a mebibyte of map.
const MAPPED: usize = 128 << 20;

/// The address ranges, with their lengths, by which a span is found: all of it, with its guard pages, so that a fault
/// there finds it; but not what only an enormous alignment left before the block, nor the middle of an enormous block.
fn mapped_parts(span: &Span) -> [(usize, usize); 2] {
    let page = if span.kind.get() == Kind::Guarded { pages::page_size() } else { 0 };
    let skipped = span.align.get().saturating_sub(GRANULE.max(page));
    let start = span.base.get().addr().get() - page + skipped;
    let len = span.len.get() + 2 * page - skipped;
    if len <= 2 * MAPPED {
        return [(start, len), (start, 1)];
    }
    [(start, MAPPED), (start + len - MAPPED, MAPPED)]
}

/// Clears the map of a span.
fn forget(cx: &Context<'_>, span: &Span) {
    mapped_parts(span).iter().for_each(|&(addr, len)| cx.map.clear(addr, len, span));
}

/// Gives a span's memory back to where it came from.
///
/// # Safety
///
/// The span is held, and nobody uses its memory from here on.
pub(crate) unsafe fn give_back(cx: &Context<'_>, span: &Span) {
    let (base, len) = (span.base.get(), span.len.get());
    if span.kind.get() == Kind::Guarded {
        let page = pages::page_size();
        GUARDED.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: P3: `alloc_guarded` mapped the span with a page on either side. A refusal leaks addresses.
        let _ = unsafe { pages::unmap(base.sub(page), len + 2 * page) };
    } else if let Ok(layout) = Layout::from_size_align(len, span.align.get()) {
        // SAFETY: P3: allocated with this layout.
        unsafe { cx.backing.free(base, layout) };
    }
}
