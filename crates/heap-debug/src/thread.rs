//! What each thread keeps for itself: which stripe it allocates from, and whether it is reporting.
//!
//! Plain cells, made before the thread starts and never dropped, so that they may be used from thread-local
//! destructors and before `main`. Nothing here allocates.

use core::cell::Cell;

use crate::sync::{AtomicUsize, Ordering};

/// Stripes of every instance: independent parts with a lock each, so that threads rarely meet. More than the
/// processors of a usual machine are of no use; each costs two pages.
pub(crate) const STRIPES: usize = 16;

/// No stripe yet.
const UNKNOWN: usize = usize::MAX;

/// The thread's own values.
#[derive(Debug)]
pub(crate) struct Local {
    stripe: Cell<usize>,
    reporting: Cell<u32>,
    scope: Cell<u32>,
    /// Bytes until the profile's next sample, and the state of the generator that draws the ones after.
    sample: Cell<(isize, u64)>,
    /// Allocations until the next that is guarded.
    guard: Cell<u32>,
}

thread_local! {
    static LOCAL: Local = const {
        Local { stripe: Cell::new(UNKNOWN), reporting: Cell::new(0), scope: Cell::new(0), sample: Cell::new((0, 0x9E37_79B9_7F4A_7C15)), guard: Cell::new(0) }
    };
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

/// What the thread is to an allocator call: its stripe and the leak scope it is in; `None` while it reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) stripe: usize,
    pub(crate) scope: u32,
    /// Differs from that of every other running thread; not zero.
    pub(crate) token: usize,
}

impl Caller {
    /// The calling thread, unless it is [`reporting`]. A few loads.
    #[inline]
    pub(crate) fn current() -> Option<Self> {
        LOCAL.with(|local| {
            let mut stripe = local.stripe.get();
            if stripe >= STRIPES {
                stripe = first_use(local)?;
            }
            Some(Self { stripe, scope: local.scope.get(), token: core::ptr::from_ref(local).addr() })
        })
    }
}

#[cold]
#[inline(never)]
fn first_use(local: &Local) -> Option<usize> {
    if local.reporting.get() > 0 {
        return None;
    }
    // Threads take turns: nothing is ordered by the counter.
    let stripe = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
    local.stripe.set(stripe);
    Some(stripe)
}

/// Runs `f` while every allocation that this thread asks of any debug allocator comes from the report's own
/// memory, and nothing it does is checked. May be nested.
pub(crate) fn reporting<T>(f: impl FnOnce() -> T) -> T {
    /// Puts the thread's state back, also when `f` unwinds.
    struct Leave(usize);
    impl Drop for Leave {
        fn drop(&mut self) {
            LOCAL.with(|local| {
                local.reporting.set(local.reporting.get() - 1);
                local.stripe.set(self.0);
            });
        }
    }
    let leave = LOCAL.with(|local| {
        local.reporting.set(local.reporting.get() + 1);
        Leave(local.stripe.replace(UNKNOWN))
    });
    let result = f();
    drop(leave);
    result
}

/// Whether the calling thread is inside [`reporting`].
#[inline]
pub(crate) fn is_reporting() -> bool {
    LOCAL.with(|local| local.reporting.get() > 0)
}

/// Sets the leak scope that this thread's blocks are counted in, and returns the one before; 0 is none.
pub(crate) fn replace_scope(scope: u32) -> u32 {
    LOCAL.with(|local| local.scope.replace(scope))
}

/// A number that differs from that of every other running thread; not zero.
#[inline]
pub(crate) fn token() -> usize {
    LOCAL.with(|local| core::ptr::from_ref(local).addr())
}

/// What an allocation counts for: its bytes, for the profile, and one in so many that is guarded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sampling {
    pub(crate) bytes: Option<usize>,
    pub(crate) guarded: Option<u32>,
}

/// Whether an allocation is neither to be counted nor to be guarded, so that it may [`pass_by`] both.
#[inline]
pub(crate) fn is_between_samples(sampling: Sampling) -> bool {
    LOCAL.with(|local| {
        let left = local.sample.get().0;
        let counted = sampling.bytes.is_some_and(|bytes| left <= bytes.cast_signed());
        let guarded = sampling.guarded.is_some_and(|interval| !(2..=interval).contains(&local.guard.get()));
        !counted && !guarded
    })
}

/// Counts an allocation that [`is_between_samples`].
#[inline]
pub(crate) fn pass_by(sampling: Sampling) {
    LOCAL.with(|local| {
        if let Some(bytes) = sampling.bytes {
            let (left, random) = local.sample.get();
            local.sample.set((left - bytes.cast_signed(), random));
        }
        if sampling.guarded.is_some() {
            local.guard.set(local.guard.get() - 1);
        }
    });
}

/// Counts an allocation, and says whether it is the one in `interval` that is guarded.
pub(crate) fn guard_due(interval: u32) -> bool {
    LOCAL.with(|local| {
        let mut left = local.guard.get();
        if left == 0 {
            // A new thread begins somewhere, so that a thread's first block is not always the one.
            let mixed = (core::ptr::from_ref(local).addr() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
            left = 1 + mixed as u32 % interval;
        }
        let due = left == 1 || left > interval;
        local.guard.set(if due { interval } else { left - 1 });
        due
    })
}

/// Counts `size` bytes towards the profile's next sample, and says whether it is due. `distance` makes of a random number
/// the bytes from one sample to the next.
pub(crate) fn sample_due(size: usize, distance: impl Fn(u64) -> isize) -> bool {
    LOCAL.with(|local| {
        let (mut left, mut random) = local.sample.get();
        let mut draw = || {
            // xorshift64
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            distance(random)
        };
        if left == 0 {
            left = draw();
        }
        left = left.saturating_sub_unsigned(size);
        let due = left < 0;
        local.sample.set((if due { draw() } else { left }, random));
        due
    })
}
