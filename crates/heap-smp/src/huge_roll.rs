//! The huge blocks of one private heap, in a list through their records.

use core::ptr::{self, NonNull};

use crate::directory::HugeRecord;
use crate::huge::HugeState;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::violation::{Violation, report};

/// A heap's huge blocks.
///
/// # Invariants
///
/// - **U1** The list that starts at `first` has exactly the records whose `tenant` is this heap's. It is read and changed under
///   the lock of the [`HugeState`].
/// - **U2** `bytes` and `count` are sums over the list.
#[derive(Debug)]
pub(crate) struct HugeRoll {
    first: AtomicPtr<HugeRecord>,
    bytes: AtomicUsize,
    count: AtomicUsize,
}

impl HugeRoll {
    /// All zeros: no blocks.
    pub(crate) const fn new() -> Self {
        Self {
            first: AtomicPtr::new(ptr::null_mut()),
            bytes: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
        }
    }

    /// Bytes of the mappings.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Blocks.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: usize, count: usize) {
        // Relaxed: counts, changed under the lock.
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.count.fetch_add(count, Ordering::Relaxed);
    }

    /// Puts a block of the process's heap on the roll.
    pub(crate) fn enroll(&self, _: &mut HugeState, tenant: u32, record: &'static HugeRecord) {
        let own = ptr::from_ref(record).cast_mut();
        let first = self.first.load(Ordering::Relaxed);
        record.tenant.store(tenant, Ordering::Relaxed);
        record.prev.store(ptr::null_mut(), Ordering::Relaxed);
        record.next.store(first, Ordering::Relaxed);
        // SAFETY: records are never unmapped.
        if let Some(first) = unsafe { first.as_ref() } {
            first.prev.store(own, Ordering::Relaxed);
        }
        self.first.store(own, Ordering::Relaxed);
        self.add(record.len.load(Ordering::Relaxed), 1);
    }

    /// Takes a block off the roll: from now on it is the process's heap's. Aborts if it is not on it.
    pub(crate) fn strike(
        &self,
        _: &mut HugeState,
        tenant: u32,
        record: &'static HugeRecord,
        block: NonNull<u8>,
    ) {
        let base = record.base.load(Ordering::Relaxed);
        if base != block.as_ptr() {
            let violation = if base.is_null() { Violation::DoubleFree } else { Violation::InteriorPointer };
            report(violation, block.addr().get())
        }
        if record.tenant.load(Ordering::Relaxed) != tenant {
            report(Violation::WrongHeap, block.addr().get())
        }
        let (prev, next) = (record.prev.load(Ordering::Relaxed), record.next.load(Ordering::Relaxed));
        // SAFETY: records are never unmapped.
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.next.store(next, Ordering::Relaxed),
            None => self.first.store(next, Ordering::Relaxed),
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.prev.store(prev, Ordering::Relaxed);
        }
        record.tenant.store(0, Ordering::Relaxed);
        self.add(record.len.load(Ordering::Relaxed).wrapping_neg(), usize::MAX);
    }

    /// The record of the block that came last.
    pub(crate) fn first(&self, _: &mut HugeState) -> Option<&'static HugeRecord> {
        // SAFETY: records are never unmapped.
        unsafe { self.first.load(Ordering::Relaxed).as_ref() }
    }

    /// Whether `addr` lies in one of the blocks. O(blocks).
    pub(crate) fn contains(&self, state: &mut HugeState, addr: usize) -> bool {
        let mut next = self.first(state);
        while let Some(record) = next {
            let base = record.base.load(Ordering::Relaxed).addr();
            if addr.wrapping_sub(base) < record.len.load(Ordering::Relaxed) {
                return true;
            }
            // SAFETY: records are never unmapped.
            next = unsafe { record.next.load(Ordering::Relaxed).as_ref() };
        }
        false
    }
}
