//! Faults: a handler for the signals that a touch of an inaccessible page raises.
//!
//! Handlers run on a stack of a few KiB. So ours only finds out whose the address is, and then lets the thread go on,
//! on its own stack, in a function that reports and ends the process.

use core::ffi::{c_int, c_void};
use std::sync::OnceLock;

use super::walk::{self, Site};
use crate::sync::{AtomicUsize, Ordering};

/// What is done about faults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    /// Whether an address is of our affair. Called in the handler.
    pub(crate) is_ours: fn(usize) -> bool,
    /// Reports a fault at an address, from a place if that is known, and does not return.
    pub(crate) tell: fn(usize, Option<Site>) -> !,
}

const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// What to do, and the actions before ours.
static WATCH: OnceLock<(Watch, [libc::sigaction; 2])> = OnceLock::new();
/// The fault that is being told. One is enough: the process ends with it.
static ADDRESS: AtomicUsize = AtomicUsize::new(0);
static SITE: OnceLock<Option<Site>> = OnceLock::new();

/// Watches all faults of the process from now on. Later calls do nothing.
pub(crate) fn watch_faults(watch: Watch) {
    // SAFETY: plain data; zero is an empty mask.
    let mut ours: libc::sigaction = unsafe { core::mem::zeroed() };
    ours.sa_sigaction = handle as *const () as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    let mut first = false;
    WATCH.get_or_init(|| {
        first = true;
        let before = SIGNALS.map(|signal| {
            let mut action = ours;
            // SAFETY: asks for the action, into a valid structure.
            unsafe { libc::sigaction(signal, core::ptr::null(), &raw mut action) };
            action
        });
        (watch, before)
    });
    if first {
        for signal in SIGNALS {
            // SAFETY: a valid structure; the handler does what handlers may do.
            unsafe { libc::sigaction(signal, &raw const ours, core::ptr::null_mut()) };
        }
    }
}

unsafe extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some((watch, before)) = WATCH.get() else { return };
    // SAFETY: the system passes a valid structure; the signal is one with an address.
    let addr = unsafe { (*info).si_addr() }.addr();
    if (watch.is_ours)(addr) {
        // Relaxed: read by this thread only.
        ADDRESS.store(addr, Ordering::Relaxed);
        // SAFETY: the system passes the interrupted thread's registers. It does not go on where it was: its frames stay
        // as they are until the process ends.
        let site = unsafe { walk::divert(context, tell) };
        if SITE.set(site).is_ok() && site.is_some() {
            return;
        }
        tell();
    }
    // Not ours: the action before us is set again, and gets the same fault when the instruction is tried anew.
    for (ours, action) in SIGNALS.iter().zip(before) {
        if *ours == signal {
            // SAFETY: what `sigaction` gave us.
            unsafe { libc::sigaction(signal, action, core::ptr::null_mut()) };
        }
    }
}

extern "C" fn tell() -> ! {
    match WATCH.get() {
        Some((watch, _)) => (watch.tell)(ADDRESS.load(Ordering::Relaxed), SITE.get().copied().flatten()),
        None => std::process::abort(),
    }
}
