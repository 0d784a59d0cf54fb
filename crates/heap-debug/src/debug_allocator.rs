//! [`DebugAllocator`]: what a user writes; its state, and what it can be asked.

use core::ptr::{self, NonNull};

use heap_os::PageAllocator;

use crate::config::{DebugConfig, Guard};
use crate::fault;
use crate::ledger::Ledger;
use crate::mutex::Mutex;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::violation::Violation;

/// An allocator that finds misuse of itself: see the [crate's documentation](crate).
///
/// Takes its memory from `A` in slabs and large blocks, keeps its books on pages of its own, and says where a block
/// was allocated, freed and misused. `const fn new`, so it can be a `static`, and it is a
/// [`GlobalAlloc`](core::alloc::GlobalAlloc): that static can be the `#[global_allocator]`.
///
/// Dropping it reports what is left, verifies everything once more, and gives all memory back to `A`, leaked blocks
/// included.
///
/// # Examples
///
/// ```
/// use core::alloc::Layout;
/// use heap_core::Allocator;
/// use heap_debug::{Check, DebugAllocator, DebugConfig, Format, OnViolation, ViolationKind};
///
/// const CONFIG: DebugConfig = DebugConfig::new().on_violation(OnViolation::Record).format(Format::Silent);
/// let debug = DebugAllocator::with_config(CONFIG);
/// let layout = Layout::new::<[u8; 40]>();
/// let block = debug.alloc(layout)?.cast::<u8>();
/// // SAFETY: not at all. The allocator finds both.
/// unsafe {
///     block.add(40).write(1);
///     debug.free(block, layout);
///     debug.free(block, layout);
/// }
/// let found: Vec<_> = debug.violations().map(|violation| violation.kind).collect();
/// assert_eq!(found, [ViolationKind::WritePastEnd, ViolationKind::DoubleFree]);
/// assert_eq!(debug.deinit(), Check::Ok);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "SafeAllocator")]
pub struct DebugAllocator<A: heap_core::Allocator = PageAllocator> {
    pub(crate) backing: A,
    pub(crate) config: DebugConfig,
    /// Whether the configuration lets most calls take the short way of [`hot`](crate::hot).
    pub(crate) plain: bool,
    /// Whether some of those calls are counted or guarded after all.
    pub(crate) sampling: bool,
    /// Null until first used.
    pub(crate) ledger: AtomicPtr<Ledger>,
    pub(crate) limit: AtomicUsize,
    mutex: Option<&'static dyn Mutex>,
}

/// Zig's older name for the same.
pub type GeneralPurposeAllocator<A = PageAllocator> = DebugAllocator<A>;

/// Zig's newer allocator of the kind. Ours does what both do: its shape is [`DebugConfig::shrink_in_place`]`(false)`.
pub type SafeAllocator<A = PageAllocator> = DebugAllocator<A>;

/// Whether blocks were left when an allocator ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum Check {
    /// None.
    Ok,
    /// Some; they were reported.
    Leak,
}

impl DebugAllocator {
    /// With the default settings, over pages from the system.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_config(DebugConfig::new())
    }

    /// With settings of one's own, over pages from the system.
    #[must_use]
    pub const fn with_config(config: DebugConfig) -> Self {
        Self::new_in(PageAllocator, config)
    }
}

impl Default for DebugAllocator {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: heap_core::Allocator> DebugAllocator<A> {
    /// Over any allocator. O(1); nothing is asked of it before the first allocation.
    #[must_use]
    pub const fn new_in(backing: A, config: DebugConfig) -> Self {
        let limit = match config.memory_limit {
            Some(bytes) => bytes,
            None => usize::MAX,
        };
        let (plain, sampling) = (config.is_plain(), config.is_sampling());
        let ledger = AtomicPtr::new(ptr::null_mut());
        Self { backing, config, plain, sampling, ledger, limit: AtomicUsize::new(limit), mutex: None }
    }

    /// The same with a lock of one's own instead of the built-in ones: see [`Mutex`].
    #[must_use]
    pub const fn with_mutex(mut self, mutex: &'static dyn Mutex) -> Self {
        self.mutex = Some(mutex);
        self.plain = false;
        self
    }

    /// The settings.
    pub const fn config(&self) -> &DebugConfig {
        &self.config
    }

    /// The allocator that the memory comes from.
    #[must_use]
    pub const fn backing(&self) -> &A {
        &self.backing
    }

    /// Bytes that are live, as requested. Exact while no other thread allocates. O(1).
    #[must_use]
    #[doc(alias = "total_requested_bytes")]
    pub fn requested_bytes(&self) -> usize {
        self.sum(|stripe| stripe.live_bytes)
    }

    /// Blocks that are live. As [`requested_bytes`](Self::requested_bytes).
    #[must_use]
    pub fn live_blocks(&self) -> usize {
        self.sum(|stripe| stripe.live_blocks)
    }

    /// Bytes held of the backing allocator and of the system's pages for guarded blocks, the books not counted.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.sum(|stripe| stripe.held)
    }

    /// Sets the limit of [`DebugConfig::requested_memory_limit`] anew; without one in the configuration nothing is
    /// counted, and this has no effect. A limit below what is live refuses growth only.
    pub fn set_requested_memory_limit(&self, bytes: usize) {
        // A number of its own: nothing is ordered by it.
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// What was found so far, oldest first: the first 64 at most.
    pub fn violations(&self) -> impl Iterator<Item = Violation> + '_ {
        let mut index = 0;
        core::iter::from_fn(move || {
            let violation = self.known_ledger()?.kept(index)?;
            index += 1;
            Some(violation)
        })
    }

    /// Forgets what was found, and says how much that was.
    pub fn forget_violations(&self) -> usize {
        self.known_ledger().map_or(0, Ledger::forget)
    }

    /// The books, if anything was ever allocated.
    #[inline]
    pub(crate) fn known_ledger(&self) -> Option<&Ledger> {
        // Acquire pairs with the release in `Ledger::create`.
        let ledger = NonNull::new(self.ledger.load(Ordering::Acquire))?;
        // SAFETY: mapped until `end`, which takes the allocator by value or by unique reference.
        Some(unsafe { ledger.as_ref() })
    }

    #[cold]
    #[inline(never)]
    fn create_ledger(&self) -> Option<&Ledger> {
        if self.config.guard != Guard::Off {
            fault::watch();
        }
        Ledger::create(&self.ledger, self.config.canary, self.mutex)
    }

    /// The books, made if they are not there yet; `None` without memory.
    #[inline]
    pub(crate) fn ledger(&self) -> Option<&Ledger> {
        match self.known_ledger() {
            Some(ledger) => Some(ledger),
            None => self.create_ledger(),
        }
    }
}

impl<A: heap_core::Allocator> core::fmt::Debug for DebugAllocator<A> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DebugAllocator")
            .field("config", &self.config)
            .field("live_blocks", &self.live_blocks())
            .field("requested_bytes", &self.requested_bytes())
            .finish_non_exhaustive()
    }
}
