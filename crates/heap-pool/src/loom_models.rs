//! Models of the shared pool: loom runs every interleaving that the C11 memory model allows.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p heap-pool --lib loom`. Loom does not see links that lie in raw memory, so
//! what a slot holds lies in loom's own cells: whoever has the slot writes there, and loom reports a race if a hand-over
//! does not order the accesses. Batches are of one slot here, so that slots wander soon.
#![cfg(test)]

use std::vec::Vec;

use heap_arena::lane_id;
use heap_core::{AllocError, Global};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::options::PoolOptions;
use crate::sync_raw_pool::SyncRawPool;
use core::alloc::Layout;
use core::ptr::NonNull;

/// How many slots a model may use.
const SLOTS: usize = 4;

/// A pool with one lane, and the contents of its slots.
struct Model {
    pool: SyncRawPool<Global, 1>,
    slots: Vec<NonNull<u8>>,
    contents: [UnsafeCell<usize>; SLOTS],
}

// SAFETY: the pool is shared as itself, loom checks each access to the cells, and the pointers are only compared.
unsafe impl Sync for Model {}
// SAFETY: as above.
unsafe impl Send for Model {}

impl Model {
    fn new(options: PoolOptions) -> Self {
        let pool = SyncRawPool::with_options_in(Layout::new::<usize>(), options, Global);
        let slots: Vec<_> = match pool.preheat(SLOTS) {
            Ok(()) => (0..SLOTS).flat_map(|_| pool.alloc_slot()).collect(),
            Err(AllocError) => Vec::new(),
        };
        assert_eq!(slots.len(), SLOTS, "there is memory");
        // SAFETY: taken above, given back once. This thread has no lane: all are in the shared part.
        slots.iter().for_each(|&slot| unsafe { pool.free_slot(slot) });
        Self { pool, slots, contents: core::array::from_fn(|_| UnsafeCell::new(0)) }
    }

    fn take(&self) -> NonNull<u8> {
        let Ok(slot) = self.pool.alloc_slot() else { unreachable!("there are enough") };
        let known = self.slots.iter().position(|&known| known == slot);
        let Some(nth) = known else { unreachable!("a slot that nobody made") };
        // SAFETY: we have the slot; if the pool is wrong, loom reports it.
        self.contents[nth].with_mut(|cell| unsafe { *cell += 1 });
        slot
    }

    fn put(&self, slot: NonNull<u8>) {
        // SAFETY: from `take`, given back once.
        unsafe { self.pool.free_slot(slot) };
    }

    /// Takes two slots and gives them back, twice.
    fn work(&self) {
        for _ in 0..2 {
            let (a, b) = (self.take(), self.take());
            assert_ne!(a, b);
            self.put(a);
            self.put(b);
        }
    }
}

/// Two threads; the first one has the lane if `lane` says so.
fn two_threads(lane: bool, options: PoolOptions) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let model = Arc::new(Model::new(options));
        let other = Arc::clone(&model);
        let handle = thread::spawn(move || {
            if lane {
                // SAFETY: no other thread has it.
                unsafe { lane_id::set_lane(0) };
            }
            other.work();
        });
        model.work();
        assert!(handle.join().is_ok());
    });
}

#[test]
fn loom_a_thread_with_a_lane_and_one_without_never_share_a_slot() {
    two_threads(true, PoolOptions::new());
}

#[test]
fn loom_threads_without_lanes_never_share_a_slot() {
    two_threads(false, PoolOptions::new());
}

#[test]
fn loom_every_slot_of_a_pool_that_may_not_grow_is_found_again() {
    two_threads(true, PoolOptions::new().growable(false));
}
