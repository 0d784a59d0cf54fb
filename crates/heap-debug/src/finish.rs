//! Looking at everything: `check_all`, and the end of an instance.

use core::ptr::{self, NonNull};

use heap_core::Allocator;

use crate::admit::verify_canaries;
use crate::debug_allocator::{Check, DebugAllocator};
use crate::findings::Findings;
use crate::large::give_back;
use crate::ledger::Ledger;
use crate::span::State;
use crate::stripe::{Context, Stripe, verify_freed};
use crate::sync::Ordering;
use crate::sys::Site;
use crate::thread::{self, STRIPES};
use crate::violation::Operation;

impl<A: Allocator> DebugAllocator<A> {
    /// Looks at the canaries of all live blocks and the fill of all freed ones, reports what was changed, and says how
    /// many violations that were. What is found is restored, so that it is told once. O(bytes held), a stripe at a
    /// time under its lock; may run while other threads allocate.
    #[inline(never)]
    pub fn check_all(&self) -> usize {
        let site = &Site::here();
        let Some(ledger) = self.known_ledger() else { return 0 };
        let mut count = 0;
        for stripe in 0..STRIPES {
            loop {
                let mut findings = Findings::new();
                let Ok(stripe) = ledger.enter(stripe, thread::token()) else { break };
                let done = self.scan(&stripe, &mut findings);
                drop(stripe);
                count += findings.as_slice().len();
                if !findings.is_empty() {
                    self.tell(&findings, site);
                }
                if done {
                    break;
                }
            }
        }
        count
    }

    /// Scans until the end, or until no more can be carried.
    fn scan(&self, stripe: &Stripe, findings: &mut Findings) -> bool {
        for slot in stripe.spans.iter().flat_map(|span| span.slots()) {
            if findings.is_full() {
                return false;
            }
            match slot.meta().state {
                State::Fresh => {}
                State::Live => verify_canaries(&slot, Operation::Check, findings),
                State::Quarantined | State::Free => {
                    verify_freed(&slot, &self.config, Operation::Check, findings);
                }
            }
        }
        true
    }

    /// Ends the allocator: checks everything, reports leaks, and gives all memory back, leaked blocks included.
    pub fn deinit(mut self) -> Check {
        self.end(true)
    }

    /// As [`deinit`](Self::deinit), but live blocks are not reported and not called leaks.
    pub fn deinit_without_leak_checks(mut self) {
        let _ = self.end(false);
    }

    /// Leaves the allocator as if new. Blocks are gone: the value is about to be.
    fn end(&mut self, leak_checks: bool) -> Check {
        if self.known_ledger().is_none() {
            return Check::Ok;
        }
        self.check_all();
        let mut check = Check::Ok;
        if leak_checks {
            let leaks = self.detect_leaks();
            if !leaks.is_empty() {
                leaks.print(self.config.format);
                check = Check::Leak;
            }
        }
        let Some(ledger) = NonNull::new(self.ledger.swap(ptr::null_mut(), Ordering::Acquire)) else {
            return check;
        };
        if !Ledger::delist(ledger) {
            // In a signal handler: whoever it interrupted still looks at the list. Everything stays, nothing is harmed.
            return check;
        }
        // SAFETY: mapped until `retire` below; the unique reference says that no other thread is inside.
        self.give_all_back(unsafe { ledger.as_ref() });
        // SAFETY: as above: nothing refers to the ledger any more.
        unsafe { Ledger::retire(ledger) };
        check
    }

    fn give_all_back(&self, ledger: &Ledger) {
        if let Ok(mut counts) = ledger.counts.lock(thread::token()) {
            counts.release();
        }
        for index in 0..STRIPES {
            let Ok(mut stripe) = ledger.enter(index, thread::token()) else { continue };
            let cx =
                Context { stripe: index, config: &self.config, map: &ledger.map, backing: &self.backing };
            for span in stripe.spans.iter() {
                // SAFETY: every span in the list is held (Z1); clients' use of their blocks ends with the allocator.
                unsafe { give_back(&cx, span) };
            }
            stripe.quarantine.release();
            // SAFETY: the records are not looked at again: the ledger goes next.
            unsafe { stripe.store.release() };
        }
    }
}

impl<A: Allocator> Drop for DebugAllocator<A> {
    fn drop(&mut self) {
        // While a panic unwinds, what is left behind is its doing.
        let _ = self.end(!std::thread::panicking());
    }
}
