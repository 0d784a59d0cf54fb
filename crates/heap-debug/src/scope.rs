//! [`LeakScope`] and [`leak_check!`](crate::leak_check): leaks of a part of a program, as a test needs them.

use core::marker::PhantomData;

use heap_core::Allocator;

use crate::debug_allocator::DebugAllocator;
use crate::leak_report::LeakReport;
use crate::sync::{AtomicU32, Ordering};
use crate::thread;

/// The number of the last scope; 0 is no scope.
static LAST: AtomicU32 = AtomicU32::new(0);

/// A part of one thread's run, whose blocks are to be freed before it ends: **dropping it panics when some are left**, and
/// the message says where they were allocated.
///
/// Only what this thread allocates from that allocator counts; other tests may run at the same time. A scope inside of a
/// scope counts for itself.
///
/// ```should_panic
/// use heap_debug::{DebugAllocator, LeakScope};
///
/// #[global_allocator]
/// static GLOBAL: DebugAllocator = DebugAllocator::new();
///
/// let _scope = LeakScope::enter(&GLOBAL);
/// Box::leak(Box::new(7));
/// ```
#[derive(Debug)]
#[must_use = "the scope ends where it is dropped"]
pub struct LeakScope<'a, A: Allocator> {
    allocator: &'a DebugAllocator<A>,
    scope: u32,
    outer: u32,
    /// The scope is this thread's.
    stays: PhantomData<*const ()>,
}

impl<'a, A: Allocator> LeakScope<'a, A> {
    /// Begins a scope of the calling thread.
    pub fn enter(allocator: &'a DebugAllocator<A>) -> Self {
        // A number of its own is all that is asked for. After 2^32 scopes they repeat.
        let scope = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1);
        Self { allocator, scope, outer: thread::replace_scope(scope), stays: PhantomData }
    }

    /// Ends the scope without a panic, and returns what it left.
    pub fn finish(self) -> LeakReport {
        let leaks = self.leaks();
        thread::replace_scope(self.outer);
        core::mem::forget(self);
        leaks
    }

    /// What the scope allocated and has not freed.
    #[must_use]
    pub fn leaks(&self) -> LeakReport {
        self.allocator.leaks_in(self.scope)
    }
}

impl<A: Allocator> Drop for LeakScope<'_, A> {
    fn drop(&mut self) {
        thread::replace_scope(self.outer);
        let leaks = self.leaks();
        assert!(leaks.is_empty() || std::thread::panicking(), "\n{leaks}");
    }
}

/// Runs a block of code and panics when it leaves something allocated: see [`LeakScope`]. What it allocates must be
/// freed inside, so its value cannot own memory.
///
/// ```
/// use heap_debug::{DebugAllocator, leak_check};
///
/// #[global_allocator]
/// static GLOBAL: DebugAllocator = DebugAllocator::new();
///
/// let sum: u32 = leak_check!(GLOBAL, {
///     let numbers = vec![1, 2, 3];
///     numbers.iter().sum()
/// });
/// assert_eq!(sum, 6);
/// ```
#[macro_export]
macro_rules! leak_check {
    ($allocator:expr, $body:expr) => {{
        let scope = $crate::LeakScope::enter(&$allocator);
        let value = $body;
        drop(scope);
        value
    }};
}
