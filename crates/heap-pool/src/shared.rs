//! What the threads of a shared pool share, for one of them at a time: a raw pool, and chains of slots that came back.
//!
//! A chain is a batch of free slots linked through themselves. It goes from lane to lane as a whole, whatever its
//! length.

use core::array;
use core::ptr::NonNull;

use heap_arena::ResetMode;
use heap_core::{AllocError, Allocator};

use crate::raw_pool::RawPool;
use crate::slot::{FreeSlots, FreshSlots};

/// How many chains are kept whole.
const CHAINS: usize = 64;

/// A raw pool and chains of its slots.
///
/// # Invariants
///
/// - **C1** Each of the first `count` chains is a batch of slots that `raw` has handed out and that are nobody else's;
///   the others are empty.
#[derive(Debug)]
pub(crate) struct Shared<A: Allocator> {
    pub(crate) raw: RawPool<A>,
    chains: [FreeSlots; CHAINS],
    count: usize,
    batch: usize,
}

impl<A: Allocator> Shared<A> {
    /// `batch`: how many slots a chain has.
    pub(crate) const fn new(raw: RawPool<A>, batch: usize) -> Self {
        Self { raw, chains: [const { FreeSlots::new() }; CHAINS], count: 0, batch }
    }

    /// Takes one slot.
    pub(crate) fn take(&mut self) -> Result<NonNull<u8>, AllocError> {
        if let Some(slot) = self.raw.take() {
            return Ok(slot);
        }
        let chain = FreeSlots::new();
        if self.pop(&chain) {
            self.raw.collect(&chain, self.batch);
        }
        self.raw.take().map_or_else(|| self.raw.take_slow(), Ok)
    }

    /// Moves slots to lists of a client, which are empty: at least one and up to a batch to `free`, or up to `run` to
    /// `fresh`. Returns how many of them are in `free`.
    pub(crate) fn deal(
        &mut self,
        free: &FreeSlots,
        fresh: &FreshSlots,
        run: usize,
    ) -> Result<usize, AllocError> {
        if self.pop(free) { Ok(self.batch) } else { self.raw.deal(free, fresh, self.batch, run) }
    }

    /// How many slots a chain has.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// Takes a client's chain.
    pub(crate) fn collect(&mut self, chain: &FreeSlots) {
        match self.chains.get(self.count) {
            Some(place) => {
                chain.move_to(place);
                self.count += 1;
            }
            None => _ = self.raw.collect(chain, self.batch),
        }
    }

    /// Moves a chain to a list, which is empty. `false`: there is none.
    fn pop(&mut self, to: &FreeSlots) -> bool {
        self.count = self.count.saturating_sub(1);
        self.chains[self.count].move_to(to)
    }

    /// How many slots are in chains.
    pub(crate) fn chained(&self) -> usize {
        self.count * self.batch
    }

    /// The slots in chains, and the pool that they belong to.
    pub(crate) fn split(&mut self) -> (impl Iterator<Item = NonNull<u8>>, &mut RawPool<A>) {
        (self.chains.iter().flat_map(FreeSlots::iter), &mut self.raw)
    }

    /// Forgets all slots that were handed out: see [`RawPool::reset`].
    pub(crate) fn reset(&mut self, mode: ResetMode) -> bool {
        (self.chains, self.count) = (array::from_fn(|_| FreeSlots::new()), 0);
        self.raw.reset(mode)
    }
}
