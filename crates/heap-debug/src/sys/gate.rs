//! [`Gate`]: keeps a fork apart from what must not be copied half done, where a lock cannot be had.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code, reason = "used there only")
)]

use core::cell::Cell;

use crate::sync::{self, AtomicUsize, Ordering};

thread_local! {
    /// How often this thread is inside of any gate: more than once where a signal handler interrupted it.
    static OWN: Cell<usize> = const { Cell::new(0) };
}

/// Counts those inside, and those that fork.
///
/// # Invariants
///
/// - **W1** Nobody is inside between the end of [`close`](Gate::close) and [`open`](Gate::open), but a thread that forks in a signal handler.
///
/// Both sides write their own count, then read the other's, in one order for all (SeqCst): one of the two sees the other.
pub(crate) struct Gate {
    inside: AtomicUsize,
    forks: AtomicUsize,
}

impl Gate {
    pub(crate) const fn new() -> Self {
        Self { inside: AtomicUsize::new(0), forks: AtomicUsize::new(0) }
    }

    /// Runs `f`, unless the process is being copied.
    pub(crate) fn pass<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        OWN.with(|own| own.set(own.get() + 1));
        self.inside.fetch_add(1, Ordering::SeqCst);
        let result = (self.forks.load(Ordering::SeqCst) == 0).then(f);
        // In the child of a fork from inside the count began anew.
        let leave = |inside: usize| inside.checked_sub(1);
        let _ = self.inside.fetch_update(Ordering::SeqCst, Ordering::SeqCst, leave);
        OWN.with(|own| own.set(own.get() - 1));
        result
    }

    /// Before a fork: waits until all others have left.
    pub(crate) fn close(&self) {
        self.forks.fetch_add(1, Ordering::SeqCst);
        while self.inside.load(Ordering::SeqCst) > OWN.with(Cell::get) {
            sync::yield_now();
        }
    }

    /// After it.
    pub(crate) fn open(&self, in_child: bool) {
        if in_child {
            // The other threads, wherever they were, are not here.
            self.forks.store(0, Ordering::SeqCst);
            self.inside.store(0, Ordering::SeqCst);
        } else {
            self.forks.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_lets_nobody_pass() {
        let gate = Gate::new();
        assert_eq!(gate.pass(|| 1), Some(1));
        gate.close();
        assert_eq!(gate.pass(|| 1), None);
        gate.open(false);
        assert_eq!(gate.pass(|| gate.pass(|| 2)), Some(Some(2)));
    }

    #[test]
    fn a_child_of_a_fork_from_inside_begins_anew() {
        let gate = Gate::new();
        let inside = gate.pass(|| {
            gate.close();
            gate.open(true);
        });
        assert_eq!((inside, gate.pass(|| 1)), (Some(()), Some(1)));
        assert_eq!(gate.inside.load(Ordering::SeqCst), 0);
    }
}
