//! [`Stripe`]: one part of an instance, behind a lock of its own: slabs of each size class, and their quarantine.
//!
//! Everything here runs under that lock, and nothing here reports: it finds. Large blocks are in [`large`](crate::large).

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{Allocator, SizeClasses};

use crate::address_map::{AddressMap, GRANULE};
use crate::config::DebugConfig;
use crate::fill::{self, Inside, LEAD, TRAIL};
use crate::findings::Findings;
use crate::inspect;
use crate::quarantine::Quarantine;
use crate::span::{Kind, Meta, Place, Slot, Span, State};
use crate::span_list::List;
use crate::store::Store;
use crate::sync::Ordering;
use crate::violation::Operation;

/// The largest request, with what its alignment may cost, that comes from a slab.
pub(crate) const SMALL_MAX: usize = 32 << 10;
/// Size classes of slabs.
const CLASSES: usize = SizeClasses::count_up_to(SMALL_MAX);
/// Classes of large spans, by their length: all that there are.
pub(crate) const LARGE_CLASSES: usize = SizeClasses::count_up_to(isize::MAX as usize);
/// The largest slab that can be configured.
const SLAB_MAX: usize = 1 << 20;
/// Slots of a slab at the least, where the backing allocator has that much.
const SLOTS_MIN: usize = 4;
/// Records of slabs whose memory went back that are kept, to name late double frees: some 20 KiB each.
const GONE_SLABS: usize = 64;
/// The same of large blocks: 200 bytes each.
pub(crate) const GONE_LARGE: usize = 4096;

/// What an operation needs besides the stripe.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    /// The index of the stripe.
    pub(crate) stripe: usize,
    pub(crate) config: &'a DebugConfig,
    pub(crate) map: &'a AddressMap<Span>,
    pub(crate) backing: &'a dyn Allocator,
}

/// A block to be made.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) layout: Layout,
    pub(crate) meta: Meta,
    pub(crate) zeroed: bool,
}

/// Records of spans whose memory went back, oldest first.
#[derive(Debug)]
pub(crate) struct Gone {
    list: List<true>,
    count: usize,
}

impl Gone {
    pub(crate) fn push(&mut self, span: &Span) {
        self.list.push_back(span);
        self.count += 1;
    }

    /// Takes the oldest out when there are more than `limit`, and they are not all to be kept.
    pub(crate) fn excess<'a>(&mut self, limit: usize, config: &DebugConfig) -> Option<&'a Span> {
        if self.count <= limit || config.retain_metadata {
            return None;
        }
        self.count -= 1;
        self.list.pop_front()
    }
}

/// A part of an instance.
///
/// # Invariants
///
/// - **Z1** Every held span is in `spans`; every gone one in `gone_slabs` or `gone_large`; every other record in `records`.
/// - **Z2** `partial[c]` lists the held slabs of class `c` with a free slot.
/// - **Z3** A slot's bit is set exactly when its state is `Fresh` or `Free`; `free` counts them.
/// - **Z0** All zero is an empty stripe: every field is a number or a null pointer then.
/// - **Z4** `live_*` sum up the live blocks, `held` the bytes of held spans.
#[derive(Debug)]
pub(crate) struct Stripe {
    pub(crate) store: Store,
    partial: [List<false>; CLASSES],
    records: [List<false>; CLASSES],
    pub(crate) large_records: List<false>,
    pub(crate) spans: List<true>,
    gone_slabs: Gone,
    pub(crate) gone_large: Gone,
    pub(crate) quarantine: Quarantine,
    /// Freed large blocks that are not to be reused yet, and their bytes.
    pub(crate) late: List<false>,
    pub(crate) late_bytes: usize,
    /// Large spans ready for reuse, by class of their length, and their bytes.
    pub(crate) cached: [List<false>; LARGE_CLASSES],
    pub(crate) cached_bytes: usize,
    pub(crate) live_blocks: usize,
    pub(crate) live_bytes: usize,
    pub(crate) held: usize,
}

// SAFETY: the pointers lead to records that belong to the stripe (P1, P2); whoever has the stripe has them.
unsafe impl Send for Stripe {}

impl Stripe {
    /// The size class that serves a layout; `None` when it is large.
    #[inline]
    pub(crate) fn class_of(layout: Layout) -> Option<usize> {
        let need = layout.size() + layout.align().saturating_sub(LEAD);
        (need <= SMALL_MAX && layout.align() <= GRANULE).then(|| SizeClasses::class_of(need))
    }

    /// A small block of a class.
    #[inline]
    pub(crate) fn alloc_small(
        &mut self,
        cx: &Context<'_>,
        class: usize,
        request: &Request,
        findings: &mut Findings,
    ) -> Option<NonNull<u8>> {
        let span = match self.partial[class].first() {
            Some(span) => span,
            None => match self.add_slab(cx, class) {
                Some(span) => span,
                None => {
                    self.relieve(cx, findings);
                    self.partial[class].first().or_else(|| self.add_slab(cx, class))?
                }
            },
        };
        let slot = take_slot(span);
        if span.free.get() == 0 {
            self.partial[class].remove(span);
        }
        let before = slot.meta();
        if before.state == State::Free && !inspect::is_untouched(&slot.place_of(before), cx.config) {
            verify_freed(&slot, cx.config, Operation::Alloc, findings);
        }
        slot.set_meta(request.meta);
        let place = slot.place_of(request.meta);
        self.start_life(cx.config, &place, Inside::of(request.zeroed));
        Some(place.block)
    }

    /// A small block of a class whose first slab has a free slot at hand; `None`, and nothing has changed, when it has
    /// not, or when something was written into that slot.
    #[inline(always)]
    pub(crate) fn alloc_at_hand(
        &mut self,
        config: &DebugConfig,
        class: usize,
        request: &Request,
    ) -> Option<NonNull<u8>> {
        let span = self.partial.get(class)?.first()?;
        // SAFETY: P3: `hint` is below the bitmap's length.
        let bits = unsafe { &mut *span.bits.add(span.hint.get() as usize).as_ptr() };
        if *bits == 0 || span.free.get() == 1 {
            return None;
        }
        let slot = Slot { span, index: span.hint.get() * 64 + bits.trailing_zeros() };
        let before = slot.meta();
        if before.state == State::Free && !inspect::is_untouched(&slot.slab_place(before), config) {
            return None;
        }
        *bits &= *bits - 1;
        span.free.set(span.free.get() - 1);
        slot.set_meta(request.meta);
        let place = slot.slab_place(request.meta);
        self.start_life(config, &place, Inside::of(request.zeroed));
        Some(place.block)
    }

    /// Fills a new block, arms its canaries, counts it.
    #[inline(always)]
    pub(crate) fn start_life(&mut self, config: &DebugConfig, place: &Place, inside: Inside) {
        let &Place { block, size, .. } = place;
        match (inside, config.alloc_fill) {
            // SAFETY: P4: the block is ours until it is returned.
            (Inside::Cleared, _) => unsafe { block.write_bytes(0, size) },
            // SAFETY: as above.
            (Inside::Filled, Some(byte)) => unsafe {
                fill::set(block.as_ptr(), size.min(config.fill_limit), byte);
            },
            _ => {}
        }
        inspect::arm(place);
        self.live_blocks += 1;
        self.live_bytes += size;
    }

    /// Takes a small block back, which is filled.
    #[inline(always)]
    pub(crate) fn free_small(&mut self, cx: &Context<'_>, slot: Slot<'_>, findings: &mut Findings) {
        if !self.quarantine.push(slot, cx.config) {
            self.reuse(cx, slot, findings);
            return;
        }
        while self.quarantine.excess(cx.config) {
            let Some(oldest) = self.quarantine.pop() else { break };
            self.reuse(cx, oldest, findings);
        }
    }

    /// A slot leaves the quarantine.
    #[inline]
    fn reuse(&mut self, cx: &Context<'_>, slot: Slot<'_>, findings: &mut Findings) {
        let span = slot.span;
        if cx.config.checks_leaving() {
            verify_freed(&slot, cx.config, Operation::Free, findings);
        }
        slot.set_meta(slot.meta().with_state(State::Free));
        // SAFETY: P3: the index is below `count`, so its word is within the bitmap.
        unsafe { *span.bits.add(slot.index as usize / 64).as_ptr() |= 1 << (slot.index % 64) };
        let free = span.free.get() + 1;
        span.free.set(free);
        let partial = &mut self.partial[span.class.get()];
        if free == 1 {
            partial.push_back(span);
        }
        // The last slab of a class is kept, so that a lone block that comes and goes costs no system call.
        let last = partial.first().is_some_and(|first| core::ptr::eq(first, span));
        if free == span.count.get() && !last && !cx.config.never_unmap {
            self.drop_slab(cx, span, findings);
        }
    }

    /// Memory is short: gives back, or makes ready for reuse, whatever no client has, quarantined or kept.
    #[cold]
    #[inline(never)]
    pub(crate) fn relieve(&mut self, cx: &Context<'_>, findings: &mut Findings) {
        while let Some(oldest) = self.quarantine.pop() {
            self.reuse(cx, oldest, findings);
        }
        self.relieve_large(cx, findings);
        if cx.config.never_unmap {
            return;
        }
        for class in 0..CLASSES {
            let is_empty = |span: &&Span| span.free.get() == span.count.get();
            while let Some(span) = self.partial[class].iter().find(is_empty) {
                self.drop_slab(cx, span, findings);
                if findings.is_full() {
                    return;
                }
            }
        }
    }

    /// A fresh slab, in front of its class's list. Where the backing allocator has not that much, a smaller one.
    #[cold]
    #[inline(never)]
    fn add_slab<'a>(&mut self, cx: &Context<'_>, class: usize) -> Option<&'a Span> {
        let stride = (LEAD + SizeClasses::class_size(class) + TRAIL).next_multiple_of(LEAD);
        let wanted = cx.config.slab_size.min(SLAB_MAX).max(SLOTS_MIN * stride);
        let count = wanted.next_multiple_of(GRANULE) / stride;
        let span = self.record(cx, class, count)?;
        let mut len = wanted.next_multiple_of(GRANULE);
        while len >= stride {
            let layout = Layout::from_size_align(len, GRANULE).ok()?;
            if let Ok(memory) = cx.backing.alloc(layout) {
                let base = memory.cast::<u8>();
                if cx.map.set(base.addr().get(), len, span).is_some() {
                    self.start_slab(span, base, len, stride, class);
                    return Some(span);
                }
                cx.map.clear(base.addr().get(), len, span);
                // SAFETY: just allocated with this layout, used by nobody.
                unsafe { cx.backing.free(base, layout) };
                break;
            }
            if len == GRANULE {
                break;
            }
            len = (len / 4).next_multiple_of(GRANULE);
        }
        self.records[class].push_back(span);
        None
    }

    fn start_slab(&mut self, span: &Span, base: NonNull<u8>, len: usize, stride: usize, class: usize) {
        let count = len / stride;
        span.kind.set(Kind::Slab);
        // Release pairs with the acquire in `Ledger::holds` (P2).
        span.gone.store(false, Ordering::Release);
        span.base.set(base);
        span.len.set(len);
        span.align.set(GRANULE);
        span.class.set(class);
        span.set_stride(stride as u32);
        span.count.set(count as u32);
        span.free.set(count as u32);
        span.hint.set(0);
        // SAFETY: the record has room for `count` metas, where zero is `Fresh` without traces, and as many bits.
        unsafe {
            span.metas.write_bytes(0, count);
            for word in 0..count.div_ceil(64) {
                let left = count - 64 * word;
                span.bits.add(word).write(if left >= 64 { u64::MAX } else { (1 << left) - 1 });
            }
        }
        self.spans.push_back(span);
        self.partial[class].push_back(span);
        self.held += len;
    }

    /// A record for a slab, used before or new.
    fn record<'a>(&mut self, cx: &Context<'_>, class: usize, count: usize) -> Option<&'a Span> {
        if let Some(span) = self.records[class].pop_front() {
            return Some(span);
        }
        let (layout, _, _) = Span::record(count)?;
        let memory = self.store.take(layout)?;
        // SAFETY: zeroed, of that layout, and ours until the instance ends (P1).
        unsafe { Some(Span::init(memory, cx.stripe, count)?.as_ref()) }
    }

    /// Gives an empty slab's memory back and keeps its record for a while. A slab with more findings than can be carried
    /// stays: they are found later.
    #[cold]
    #[inline(never)]
    fn drop_slab(&mut self, cx: &Context<'_>, span: &Span, findings: &mut Findings) {
        for slot in span.slots().filter(|slot| slot.meta().state == State::Free) {
            verify_freed(&slot, cx.config, Operation::Free, findings);
        }
        if findings.is_full() {
            return;
        }
        self.partial[span.class.get()].remove(span);
        self.spans.remove(span);
        self.held -= span.len.get();
        // Before the memory goes back: who gets it next finds it so.
        span.gone.store(true, Ordering::Release);
        self.gone_slabs.push(span);
        if let Ok(layout) = Layout::from_size_align(span.len.get(), span.align.get()) {
            // SAFETY: P3: allocated with this layout; no slot is live or quarantined.
            unsafe { cx.backing.free(span.base.get(), layout) };
        }
        if let Some(oldest) = self.gone_slabs.excess(GONE_SLABS, cx.config) {
            cx.map.clear(oldest.base.get().addr().get(), oldest.len.get(), oldest);
            self.records[oldest.class.get()].push_back(oldest);
        }
    }
}

/// Takes a free slot of a slab that has one (Z2, Z3).
#[inline]
fn take_slot(span: &Span) -> Slot<'_> {
    let words = span.count.get().div_ceil(64);
    let mut word = span.hint.get();
    loop {
        // SAFETY: P3: `word` is below the bitmap's length.
        let bits = unsafe { &mut *span.bits.add(word as usize).as_ptr() };
        if *bits != 0 {
            let index = word * 64 + bits.trailing_zeros();
            *bits &= *bits - 1;
            span.hint.set(word);
            span.free.set(span.free.get() - 1);
            return Slot { span, index };
        }
        word = if word + 1 == words { 0 } else { word + 1 };
    }
}

/// Looks for writes into a freed block, and at its canaries.
#[inline(never)]
pub(crate) fn verify_freed(
    slot: &Slot<'_>,
    config: &DebugConfig,
    operation: Operation,
    findings: &mut Findings,
) {
    if slot.span.kind.get() == Kind::Guarded || findings.is_full() {
        return;
    }
    let place = slot.place();
    if inspect::is_untouched(&place, config) {
        return;
    }
    let inside = inspect::freed_damage(slot, config, operation);
    let around = inspect::canary_damage(slot, Some(config), operation);
    inside.into_iter().chain(around.into_iter().flatten()).for_each(|found| findings.push(found));
    inspect::arm(&place);
}
