//! From an address to the books of its segment, for any address: two levels of tables, filled as segments come.
//!
//! Only slow paths ask (a chain that comes home, a large block, a check): on the fast path the layout says all.

use core::ptr::{self, NonNull};

use heap_os::pages;

use crate::config::{SEGMENT, UNIT};
use crate::publish::{Outcome, publish};
use crate::segment::Segment;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// Bits of an address that user space may use.
const ADDRESS_BITS: u32 = if usize::BITS >= 64 { 48 } else { usize::BITS };
const INDEX_BITS: u32 = ADDRESS_BITS - SEGMENT.ilog2();
const LEAF_BITS: u32 = INDEX_BITS / 2;
const LEAF: usize = 1 << LEAF_BITS;
const ROOT: usize = 1 << (INDEX_BITS - LEAF_BITS);

/// The low bit of an entry: the record of a huge block rather than of a segment.
const HUGE: usize = 1;

/// What starts, or lies, in a stretch of [`SEGMENT`] bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner {
    /// A segment: its books.
    Segment(&'static Segment),
    /// A block with a mapping of its own, which starts at the beginning of the stretch: its length in bytes.
    Huge(&'static HugeRecord),
}

/// What is known of a huge block.
#[derive(Debug)]
#[repr(C, align(16))]
pub(crate) struct HugeRecord {
    /// The first byte; null while the record is spare.
    pub(crate) base: AtomicPtr<u8>,
    /// Bytes of the mapping.
    pub(crate) len: crate::sync::AtomicUsize,
    /// The next spare record, or the next of the same private heap.
    pub(crate) next: AtomicPtr<HugeRecord>,
    /// The one before it of the same private heap.
    pub(crate) prev: AtomicPtr<HugeRecord>,
    /// The private heap that the block belongs to; zero: the process's heap.
    pub(crate) tenant: AtomicU32,
}

#[repr(C)]
struct Leaf {
    entries: [AtomicPtr<u8>; LEAF],
}

/// Bytes of a leaf's mapping.
const LEAF_BYTES: usize = size_of::<Leaf>().next_multiple_of(UNIT);

/// The table. Anyone may read and claim entries.
///
/// # Invariants
///
/// - **D1** An entry is null, or points to books or to a record that stay mapped and of that type for ever.
/// - **D2** A leaf, once there, stays.
#[derive(Debug)]
pub(crate) struct Directory {
    root: [AtomicPtr<Leaf>; ROOT],
}

impl Directory {
    pub(crate) const fn new() -> Self {
        Self { root: [const { AtomicPtr::new(ptr::null_mut()) }; ROOT] }
    }

    fn split(addr: usize) -> Option<(usize, usize)> {
        let index = addr / SEGMENT;
        (index < ROOT * LEAF).then_some((index / LEAF, index % LEAF))
    }

    /// Who owns the stretch that `addr` lies in. Never dereferences `addr`. O(1).
    #[inline]
    pub(crate) fn owner_of(&self, addr: usize) -> Option<Owner> {
        let (high, low) = Self::split(addr)?;
        // Acquire pairs with the release in `set`: what an entry points to was written before.
        let leaf = NonNull::new(self.root[high].load(Ordering::Acquire))?;
        // SAFETY: D2.
        let entry = unsafe { &(*leaf.as_ptr()).entries[low] }.load(Ordering::Acquire);
        if entry.is_null() {
            return None;
        }
        if entry.addr() & HUGE == 0 {
            // SAFETY: D1.
            Some(Owner::Segment(unsafe { &*entry.cast::<Segment>() }))
        } else {
            // SAFETY: D1.
            Some(Owner::Huge(unsafe { &*entry.map_addr(|addr| addr & !HUGE).cast::<HugeRecord>() }))
        }
    }

    /// Names the owner of the stretch that `base` lies in. `false`: it has one already, there is no memory for the
    /// entry, or the address is out of reach; nothing has changed then.
    pub(crate) fn claim(&self, base: usize, owner: Owner) -> bool {
        let Some((high, low)) = Self::split(base) else { return false };
        let Some(leaf) = self.leaf(high) else { return false };
        let entry = match owner {
            Owner::Segment(books) => ptr::from_ref(books).cast_mut().cast(),
            Owner::Huge(record) => ptr::from_ref(record).cast_mut().cast::<u8>().map_addr(|addr| addr | HUGE),
        };
        // Release pairs with the acquire in `owner_of`.
        leaf.entries[low]
            .compare_exchange(ptr::null_mut(), entry, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes back a claim. The caller made it, and nothing of the owner's is left in the stretch.
    pub(crate) fn disclaim(&self, base: usize) {
        if let Some((high, low)) = Self::split(base)
            && let Some(leaf) = self.leaf(high)
        {
            leaf.entries[low].store(ptr::null_mut(), Ordering::Release);
        }
    }

    /// A leaf, made if it is not there yet.
    fn leaf(&self, high: usize) -> Option<&Leaf> {
        let mut leaf = self.root[high].load(Ordering::Acquire);
        if leaf.is_null() {
            let fresh = pages::map(LEAF_BYTES).ok()?;
            let outcome;
            (leaf, outcome) = publish(&self.root[high], fresh.as_ptr().cast());
            if outcome == Outcome::Late {
                // SAFETY: mapped just above, and nobody else's. If it stays mapped, a little is lost.
                let _ = unsafe { pages::unmap(fresh, LEAF_BYTES) };
            }
        }
        // SAFETY: D2.
        unsafe { leaf.as_ref() }
    }
}
