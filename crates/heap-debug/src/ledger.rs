//! [`Ledger`]: the books of one instance, on pages of their own, and the list of all instances.

use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use heap_os::pages;

use crate::address_map::AddressMap;
use crate::counts::Counts;
use crate::lock::{Lock, Reentered};
use crate::mutex::{Entered, Mutex, Outer};
use crate::report_heap;
use crate::span::Span;
use crate::stripe::Stripe;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use crate::thread::{self, STRIPES};
use crate::trace::TABLE;
use crate::violation::Violation;

/// Violations that are kept; later ones are counted.
const LOG: usize = 64;

/// A stripe on cache lines of its own.
#[repr(align(128))]
pub(crate) struct Padded(pub(crate) Lock<Stripe>);

/// What was found so far.
///
/// # Invariants
///
/// - **V1** The first `count` items, as far as there are so many, are initialised.
pub(crate) struct Log {
    items: [MaybeUninit<Violation>; LOG],
    count: usize,
}

/// The books of one instance.
///
/// # Invariants
///
/// - **G1** All zero is an empty ledger: every field is a number, a null pointer, an open lock, or memory that is not read.
/// - **G2** On [`REGISTRY`]'s list from `create` to `retire`.
pub(crate) struct Ledger {
    pub(crate) map: AddressMap<Span>,
    outer: Outer,
    pub(crate) stripes: [Padded; STRIPES],
    pub(crate) log: Lock<Log>,
    pub(crate) counts: Lock<Counts>,
    /// Bytes requested and live, where there is a limit.
    pub(crate) requested: AtomicUsize,
    canary: u64,
    next: *mut Ledger,
}

/// The first of all ledgers.
struct Registry(*mut Ledger);

// SAFETY: ledgers are shared between threads; the list is behind its lock.
unsafe impl Send for Registry {}

static REGISTRY: Lock<Registry> = Lock::new(Registry(ptr::null_mut()));
static FORK_HANDLED: AtomicBool = AtomicBool::new(false);

fn bytes() -> usize {
    size_of::<Ledger>().next_multiple_of(pages::page_size())
}

impl Ledger {
    /// A new ledger behind `place`, or the one that another thread put there first; `None` without memory.
    #[cold]
    #[inline(never)]
    pub(crate) fn create<'a>(
        place: &'a AtomicPtr<Self>,
        canary: u64,
        mutex: Option<&'static dyn Mutex>,
    ) -> Option<&'a Self> {
        handle_forks();
        let mut registry = REGISTRY.lock(thread::token()).ok()?;
        // Acquire pairs with the release below.
        if let Some(ledger) = NonNull::new(place.load(Ordering::Acquire)) {
            // SAFETY: it stays until `retire`, which has the allocator for itself.
            return Some(unsafe { ledger.as_ref() });
        }
        let fresh =
            pages::map_aligned(bytes(), pages::page_size().max(align_of::<Self>())).ok()?.cast::<Self>();
        // SAFETY: G1: fresh pages are zero; they are ours, and large and aligned enough.
        unsafe {
            (&raw mut (*fresh.as_ptr()).canary).write(canary);
            (&raw mut (*fresh.as_ptr()).outer.mutex).write(mutex);
            (&raw mut (*fresh.as_ptr()).next).write(registry.0);
        }
        registry.0 = fresh.as_ptr();
        place.store(fresh.as_ptr(), Ordering::Release);
        // SAFETY: as above.
        Some(unsafe { fresh.as_ref() })
    }

    /// Takes the ledger off the list and gives its pages back.
    ///
    /// # Safety
    ///
    /// Nobody else uses the ledger, or anything in it, any more.
    pub(crate) unsafe fn retire(ledger: NonNull<Self>) {
        // A thread that is inside of `create` or `canary_of` never comes here.
        let Ok(mut registry) = REGISTRY.lock(thread::token()) else { return };
        let mut link = &raw mut registry.0;
        // SAFETY: G2: the list's members are ledgers, changed under the registry's lock only.
        unsafe {
            while !(*link).is_null() {
                if *link == ledger.as_ptr() {
                    *link = (*ledger.as_ptr()).next;
                    break;
                }
                link = &raw mut (**link).next;
            }
        }
        drop(registry);
        // SAFETY: the caller's promise; off the list, no other instance looks at it.
        unsafe {
            ledger.as_ref().map.release();
            let _ = pages::unmap(ledger.cast(), bytes());
        }
    }

    /// Closes a stripe's lock, and the user's around it, if there is one.
    #[inline]
    pub(crate) fn enter(&self, stripe: usize, token: usize) -> Result<Entered<'_, Stripe>, Reentered> {
        self.outer.enter(&self.stripes[stripe].0, token, false)
    }

    /// The same, by the thread that is to have the stripe for itself as long as no other comes.
    #[inline]
    pub(crate) fn enter_own(&self, stripe: usize, token: usize) -> Result<Entered<'_, Stripe>, Reentered> {
        self.outer.enter(&self.stripes[stripe].0, token, true)
    }

    /// The canary of the instance that an address belongs to.
    pub(crate) fn owner_of(addr: usize) -> Option<u64> {
        Self::find_span(addr, |ledger, _| ledger.canary)
    }

    /// Calls `f` with the record that an address belongs to, of whatever instance.
    pub(crate) fn find_span<T>(addr: usize, f: impl FnOnce(&Self, *const Span) -> T) -> Option<T> {
        let registry = REGISTRY.lock(thread::token()).ok()?;
        let mut next = registry.0;
        // SAFETY: G2, under the registry's lock.
        while let Some(ledger) = unsafe { next.as_ref() } {
            let span = ledger.map.get(addr);
            if !span.is_null() {
                return Some(f(ledger, span));
            }
            next = ledger.next;
        }
        None
    }

    /// Keeps a violation.
    pub(crate) fn keep(&self, violation: &Violation) {
        let Ok(mut log) = self.log.lock(thread::token()) else { return };
        let count = log.count;
        if let Some(item) = log.items.get_mut(count) {
            item.write(*violation);
        }
        log.count += 1;
    }

    /// The `index`th violation that was kept.
    pub(crate) fn kept(&self, index: usize) -> Option<Violation> {
        let log = self.log.lock(thread::token()).ok()?;
        let item = log.items.get(index).filter(|_| index < log.count)?;
        // SAFETY: V1.
        Some(unsafe { item.assume_init() })
    }

    /// Forgets the violations, and says how many there were.
    pub(crate) fn forget(&self) -> usize {
        let Ok(mut log) = self.log.lock(thread::token()) else { return 0 };
        core::mem::take(&mut log.count)
    }
}

/// Lets a child of a fork find every lock open. Once for the process.
fn handle_forks() {
    // Relaxed: guards only that the handlers are registered once.
    if FORK_HANDLED.load(Ordering::Relaxed) || FORK_HANDLED.swap(true, Ordering::Relaxed) {
        return;
    }
    // No lock is held here: registration may allocate. Without handlers all but fork works.
    // SAFETY: the handlers take and release locks that no thread holds for long, and do not unwind.
    let _ = unsafe { pages::at_fork(Some(before_fork), Some(after_fork), Some(after_fork)) };
}

/// Every lock, in one order: the registry's, then of each ledger the user's, the stripes', the log's and the counts', then the traces' and the report's.
fn for_each_lock(first: *mut Ledger, mut visit: impl FnMut(&Ledger)) {
    let mut next = first;
    // SAFETY: G2: the caller holds the registry's lock.
    while let Some(ledger) = unsafe { next.as_ref() } {
        visit(ledger);
        next = ledger.next;
    }
}

unsafe extern "C" fn before_fork() {
    let token = thread::token();
    if REGISTRY.acquire(token).is_err() {
        return;
    }
    // SAFETY: the lock is ours now.
    let first = unsafe { REGISTRY.peek() }.0;
    // A lock that this thread has already, because it forks from a signal handler, stays as it is.
    for_each_lock(first, |ledger| {
        if let Some(mutex) = ledger.outer.mutex {
            let _ = ledger.outer.close(mutex, token);
        }
        for stripe in &ledger.stripes {
            let _ = stripe.0.acquire(token);
        }
        let _ = ledger.log.acquire(token);
        let _ = ledger.counts.acquire(token);
    });
    TABLE.lock_for_fork();
    report_heap::lock_for_fork();
}

unsafe extern "C" fn after_fork() {
    // SAFETY: `before_fork` ran on this thread and took all of these locks.
    unsafe {
        report_heap::unlock_after_fork();
        TABLE.unlock_after_fork();
        for_each_lock(REGISTRY.peek().0, |ledger| {
            ledger.counts.release();
            ledger.log.release();
            for stripe in &ledger.stripes {
                stripe.0.release();
            }
            if let Some(mutex) = ledger.outer.mutex {
                ledger.outer.open(mutex);
            }
        });
        REGISTRY.release();
    }
}
