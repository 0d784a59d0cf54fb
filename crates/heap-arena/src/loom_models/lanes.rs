//! Models of lanes: their numbers, and what crosses between a lane and the chunks.
#![cfg(test)]

use core::ptr::NonNull;
use std::vec::Vec;

use heap_core::Allocator;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::memory::{GRANULE, Memory};
use super::{granules, model, model_bounded};
use crate::SyncRewind;
use crate::lane::FIRST_PIECE;
use crate::lane_id::set_lane;
use crate::lane_ids::LaneIds;
use crate::sync_arena::SyncArena;
use crate::sync_chunk::SYNC_HEADER;

/// What stands for the lanes of a number.
struct Lanes {
    ids: LaneIds,
    lanes: [UnsafeCell<usize>; 2],
}

// SAFETY: loom checks each access to the cells.
unsafe impl Sync for Lanes {}
// SAFETY: as above.
unsafe impl Send for Lanes {}

#[test]
fn a_number_has_one_holder_and_the_next_sees_what_it_did() {
    model(|| {
        let lanes = Arc::new(Lanes { ids: LaneIds::new(), lanes: Default::default() });
        let live = |lanes: &Lanes| {
            let id = lanes.ids.claim().unwrap();
            // SAFETY: loom reports it if somebody else is in.
            lanes.lanes[id].with_mut(|lane| unsafe { *lane += 1 });
            // SAFETY: ours, and not used after.
            unsafe { lanes.ids.give_back(id) };
        };
        let other = Arc::clone(&lanes);
        let thread = thread::spawn(move || live(&other));
        live(&lanes);
        thread.join().unwrap();
        // SAFETY: the thread has ended.
        let uses = lanes.lanes.each_ref().map(|lane| lane.with(|lane| unsafe { *lane }));
        assert_eq!(uses.iter().sum::<usize>(), 2);
        assert_eq!(lanes.ids.claim(), Some(0), "all are free again");
    });
}

type Laned = SyncArena<Memory, 2>;

fn take(arena: &Laned, count: usize) -> NonNull<[u8]> {
    let block = arena.alloc(granules(count)).unwrap();
    arena.child().touch(block);
    block
}

#[test]
fn two_lanes_share_no_byte() {
    model_bounded(4, || {
        let arena = Arc::new(Laned::new_in(Memory::new(false)));
        let other = Arc::clone(&arena);
        let thread = thread::spawn(move || {
            // SAFETY: the other thread has lane 0.
            unsafe { set_lane(1) };
            take(&other, 1);
            take(&other, 1);
        });
        // SAFETY: the other thread has lane 1.
        unsafe { set_lane(0) };
        take(&arena, 1);
        take(&arena, 3);
        thread.join().unwrap();
        assert_eq!(arena.held(), arena.child().live_bytes());
    });
}

/// The last block of a lane's piece is freed by another thread, which gives the bytes to the chunk, while the lane goes on
/// (L2).
#[test]
fn a_block_at_the_end_of_a_piece_may_be_freed_by_another_thread() {
    model(|| {
        let arena = Arc::new(Laned::new_in(Memory::new(false)));
        // SAFETY: the other thread has none.
        unsafe { set_lane(0) };
        // The first piece begins behind the header, so its last granule ends at an odd place; fill it up.
        let first = take(&arena, 1);
        let end = first.addr().get() + GRANULE;
        let piece_end = arena.child().start().addr().get() + SYNC_HEADER + FIRST_PIECE;
        let last = core::alloc::Layout::from_size_align(piece_end - end, 16).unwrap();
        let block = arena.alloc(last).unwrap();
        arena.child().touch(block);
        let given = Arc::new(AtomicUsize::new(block.addr().get()));
        let (other, handed) = (Arc::clone(&arena), Arc::clone(&given));
        let thread = thread::spawn(move || {
            let addr = handed.load(Ordering::Acquire);
            let block = other.child().start().with_addr(addr.try_into().unwrap());
            // SAFETY: live, handed over by the other thread, and not used after.
            unsafe { other.free(block, last) };
            // Without a lane: straight from the chunk.
            let mine = other.alloc(granules(1)).unwrap();
            other.child().touch(mine);
        });
        take(&arena, 1);
        thread.join().unwrap();
        take(&arena, 1);
    });
}

#[test]
fn a_block_of_a_lane_grows_into_the_chunk_unless_somebody_was_faster() {
    model(|| {
        let arena = Arc::new(Laned::new_in(Memory::new(false)));
        // SAFETY: the other thread has lane 1.
        unsafe { set_lane(0) };
        let block = take(&arena, 1);
        let other = Arc::clone(&arena);
        let thread = thread::spawn(move || {
            // SAFETY: the other thread has lane 0.
            unsafe { set_lane(1) };
            take(&other, 1);
        });
        // SAFETY: live, with this layout.
        if unsafe { arena.resize(block.cast(), granules(1), 5 * GRANULE) } {
            arena.child().touch(NonNull::slice_from_raw_parts(block.cast(), 5 * GRANULE));
        }
        take(&arena, 1);
        thread.join().unwrap();
    });
}

/// A lane is made ready by its thread, and by one with a higher number, at once: one of them does it, the other takes its
/// block from the chunk meanwhile.
#[test]
fn lanes_that_are_made_ready_at_once_are_each_made_once() {
    model_bounded(3, || {
        let arena = Arc::new(SyncArena::<Memory, 3>::new_in(Memory::new(false)));
        let take = |arena: &SyncArena<Memory, 3>| {
            let block = arena.alloc(granules(1)).unwrap();
            arena.child().touch(block);
        };
        let other = Arc::clone(&arena);
        let thread = thread::spawn(move || {
            // SAFETY: the other thread has lane 2.
            unsafe { set_lane(1) };
            take(&other);
            take(&other);
        });
        // SAFETY: the other thread has lane 1, which is made ready with this one.
        unsafe { set_lane(2) };
        take(&arena);
        thread.join().unwrap();
        take(&arena);
    });
}

#[test]
fn a_rewind_gives_lanes_back_what_they_had_in_order() {
    model_bounded(2, || {
        let mut arena = Laned::new_in(Memory::new(false));
        // SAFETY: the other threads have lane 1.
        unsafe { set_lane(0) };
        take(&arena, 1);
        let mark = arena.mark();
        let mut places = Vec::new();
        for _ in 0..2 {
            let shared = Arc::new(arena);
            let other = Arc::clone(&shared);
            let thread = thread::spawn(move || {
                // SAFETY: the first thread has lane 0; the last holder of this one has ended.
                unsafe { set_lane(1) };
                take(&other, 1);
            });
            places.push(take(&shared, 1).addr());
            thread.join().unwrap();
            arena = Arc::try_unwrap(shared).expect("the thread has ended");
            // SAFETY: nothing made since the mark is used.
            unsafe { arena.rewind(mark) };
        }
        assert_eq!(places[0], places[1]);
    });
}
