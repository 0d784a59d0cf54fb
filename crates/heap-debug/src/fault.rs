//! What a touch of a guard page means: which block it belongs to, and what was done wrong.

use core::ptr;

use crate::config::Format;
use crate::inspect;
use crate::ledger::Ledger;
use crate::report;
use crate::span::{Kind, Slot, Span};
use crate::sys::{self, Site, Watch};
use crate::thread;
use crate::trace::Trace;
use crate::violation::{Operation, Violation, ViolationKind};

/// From now on a touch of a guarded block's pages is told before the process ends.
pub(crate) fn watch() {
    sys::watch_faults(Watch { is_ours, tell });
}

fn find(addr: usize) -> Option<Violation> {
    Ledger::find_span(addr, |ledger, span| meaning(ledger, span, addr))
}

fn is_ours(addr: usize) -> bool {
    find(addr).is_some()
}

fn tell(addr: usize, site: Option<Site>) -> ! {
    if let Some(mut violation) = find(addr) {
        // SAFETY: the function that faulted has not returned, nor will it.
        violation.found = site.map_or(Trace::NONE, |site| unsafe { Trace::capture_at(&site) });
        report::tell(&violation, Format::Text);
    }
    std::process::abort();
}

fn meaning(ledger: &Ledger, span: *const Span, addr: usize) -> Option<Violation> {
    // SAFETY: P1: records stay mapped while the ledger is on the list.
    let span = unsafe { &*span };
    // A fault inside of the allocator itself is not the client's.
    let stripe = ledger.enter(span.stripe, thread::token()).ok()?;
    if span.kind.get() != Kind::Guarded || !ptr::eq(ledger.map.get(addr), span) {
        return None;
    }
    let facts = inspect::facts(&Slot { span, index: 0 });
    drop(stripe);
    let end = facts.addr + facts.size;
    let (kind, distance) = match addr {
        _ if !facts.live => (ViolationKind::AccessAfterFree, addr.wrapping_sub(facts.addr)),
        _ if addr < facts.addr => (ViolationKind::AccessBeforeStart, facts.addr - addr),
        _ => (ViolationKind::AccessPastEnd, addr.saturating_sub(end)),
    };
    Some(Violation { block: Some(facts), distance, ..Violation::new(kind, Operation::Access, addr) })
}
