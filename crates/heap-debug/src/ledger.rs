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
use crate::sys;
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
/// - **G2** On [`REGISTRY`]'s list from `create` to `delist`.
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
            // SAFETY: it stays until the allocator ends, which has it for itself.
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

    /// Takes the ledger off the list: no other instance and no fault looks at it from here on. `false` when the thread is
    /// inside of the list, which a signal handler interrupted.
    #[must_use]
    pub(crate) fn delist(ledger: NonNull<Self>) -> bool {
        let Ok(mut registry) = REGISTRY.lock(thread::token()) else { return false };
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
        true
    }

    /// Gives its pages back.
    ///
    /// # Safety
    ///
    /// It was taken [off the list](Self::delist), and nobody uses it, or anything in it, any more.
    pub(crate) unsafe fn retire(ledger: NonNull<Self>) {
        // SAFETY: the caller's promise. A refusal leaks pages.
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

    /// Whether an address is of memory that this instance has now, not only once had. O(1), no lock.
    #[inline]
    pub(crate) fn holds(&self, addr: usize) -> bool {
        let Some(entry) = self.map.entry(addr) else { return false };
        // Acquire pairs with the release in `AddressMap::set`.
        let record = entry.load(Ordering::Acquire);
        // SAFETY: P1: records stay mapped.
        let Some(span) = (unsafe { record.as_ref() }) else { return false };
        // Acquire pairs with the release where the record comes to stand for other memory: then the entry has changed (P2).
        !span.gone.load(Ordering::Acquire) && entry.load(Ordering::Relaxed) == record
    }

    /// The canary of the instance that an address belongs to.
    pub(crate) fn owner_of(addr: usize) -> Option<u64> {
        Self::find_span(addr, |ledger, _| ledger.holds(addr).then_some(ledger.canary))
    }

    /// Calls `f` with the records that an address belongs to, of all instances, until it has an answer: first of that which
    /// holds the memory, then of those that once did.
    pub(crate) fn find_span<T>(addr: usize, f: impl Fn(&Self, *const Span) -> Option<T>) -> Option<T> {
        let registry = REGISTRY.lock(thread::token()).ok()?;
        for held in [true, false] {
            let mut next = registry.0;
            // SAFETY: G2, under the registry's lock.
            while let Some(ledger) = unsafe { next.as_ref() } {
                let span = ledger.map.get(addr);
                if !span.is_null()
                    && ledger.holds(addr) == held
                    && let Some(answer) = f(ledger, span)
                {
                    return Some(answer);
                }
                next = ledger.next;
            }
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
    // SAFETY: the handlers close and open locks that no thread holds for long, and do not unwind.
    let _ = unsafe { pages::at_fork(Some(before_fork), Some(in_parent), Some(in_child)) };
}

/// Calls `visit` for each instance; for none when the thread is inside of the list, and forks in a signal handler.
fn for_each(token: usize, visit: impl Fn(&Ledger)) {
    let Ok(registry) = REGISTRY.lock(token) else { return };
    let mut next = registry.0;
    // SAFETY: G2, under the registry's lock.
    while let Some(ledger) = unsafe { next.as_ref() } {
        visit(ledger);
        next = ledger.next;
    }
}

/// Closes every lock, in one order: the registry's, then of each ledger the user's, the stripes', the log's and the counts',
/// then the traces' and the report's.
unsafe extern "C" fn before_fork() {
    let token = thread::token();
    REGISTRY.close_for_fork(token);
    for_each(token, |ledger| {
        ledger.outer.close_for_fork(token);
        ledger.stripes.iter().for_each(|stripe| stripe.0.close_for_fork(token));
        ledger.log.close_for_fork(token);
        ledger.counts.close_for_fork(token);
    });
    TABLE.close_for_fork();
    report_heap::close_for_fork();
    sys::before_fork();
}

/// Opens those that `before_fork` closed.
fn open_after_fork(in_child: bool) {
    let token = thread::token();
    sys::after_fork(in_child);
    report_heap::open_after_fork(in_child);
    TABLE.open_after_fork(in_child);
    for_each(token, |ledger| {
        ledger.counts.open_after_fork(token, in_child);
        ledger.log.open_after_fork(token, in_child);
        ledger.stripes.iter().for_each(|stripe| stripe.0.open_after_fork(token, in_child));
        ledger.outer.open_after_fork(token);
    });
    REGISTRY.open_after_fork(token, in_child);
}

unsafe extern "C" fn in_parent() {
    open_after_fork(false);
}

unsafe extern "C" fn in_child() {
    open_after_fork(true);
}

#[cfg(all(test, target_arch = "x86_64", target_os = "linux"))]
mod tests {
    use super::*;

    /// Set in the process of its own that the test runs in: others of the harness have the loader's lock at times.
    const ALONE: &str = "HEAP_DEBUG_FORKS";

    /// Without the gate the child hangs in the loader, and is ended by its alarm.
    #[test]
    fn a_child_of_a_fork_finds_the_loader_open_while_other_threads_walked() {
        if std::env::var_os(ALONE).is_none() {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["ledger::tests::", "--test-threads=1"]).env(ALONE, "1");
            let output = command.output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            return;
        }
        handle_forks();
        let address = handle_forks as *const () as usize + 1;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    sys::look_up(address);
                }
            });
            let good = (0..50).all(|_| child_looks_up(address));
            stop.store(true, Ordering::Relaxed);
            assert!(good);
        });
    }

    fn child_looks_up(address: usize) -> bool {
        // SAFETY: the child calls what is made for it, and ends at once.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: sets a timer.
            unsafe { libc::alarm(20) };
            let found = sys::look_up(address);
            // SAFETY: ends the process.
            unsafe { libc::_exit(if found { 5 } else { 6 }) };
        }
        let mut status = 0;
        // SAFETY: our child.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 5
    }
}
