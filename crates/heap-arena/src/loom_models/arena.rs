//! Models of the chunks of a `SyncArena`, without lanes.
#![cfg(test)]

use core::ptr::NonNull;

use heap_core::Allocator;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::memory::{GRANULE, Memory};
use super::{granules, model, model_bounded};
use crate::sync_arena::SyncArena;
use crate::{ResetMode, SyncRewind, TypedAlloc};

type Shared = SyncArena<Memory, 0>;

fn arena(in_place: bool) -> Arc<Shared> {
    Arc::new(SyncArena::new_in(Memory::new(in_place)))
}

/// Allocates and uses a block.
fn take(arena: &Shared, count: usize) -> Option<NonNull<[u8]>> {
    let block = arena.alloc(granules(count)).ok()?;
    arena.child().touch(block);
    Some(block)
}

/// Two threads at work; then the arena is alone, with what the child has agreeing with what it counts.
fn two(arena: Arc<Shared>, work: impl Fn(&Shared) + Send + Copy + 'static) -> Shared {
    let other = Arc::clone(&arena);
    let thread = thread::spawn(move || work(&other));
    work(&arena);
    thread.join().unwrap();
    let arena = alone(arena);
    assert_eq!(arena.held(), arena.child().live_bytes());
    assert_eq!(arena.chunks(), arena.child().live_blocks());
    arena
}

/// The arena, when no other thread has it any more.
fn alone<A: core::fmt::Debug>(arena: Arc<A>) -> A {
    Arc::try_unwrap(arena).expect("the threads have ended")
}

/// Everything goes back to the child.
fn end(mut arena: Shared) {
    assert!(arena.reset(ResetMode::FreeAll));
    assert_eq!((arena.held(), arena.child().live_blocks()), (0, 0));
}

#[test]
fn threads_that_make_the_first_chunk_at_once_keep_one() {
    model(|| {
        let arena = two(arena(false), |arena| assert!(take(arena, 2).is_some()));
        assert_eq!((arena.chunks(), arena.used()), (1, 4 * GRANULE + 16));
        end(arena);
    });
}

#[test]
fn threads_that_fill_a_chunk_at_once_lose_no_block_and_no_chunk() {
    model(|| {
        let arena = arena(false);
        take(&arena, 5).unwrap();
        let arena = two(arena, |arena| assert!(take(arena, 2).is_some()));
        assert_eq!(arena.chunks(), 2);
        end(arena);
    });
}

#[test]
fn a_loser_that_does_not_fit_puts_its_chunk_on_top() {
    model(|| {
        let arena = two(arena(false), |arena| assert!(take(arena, 7).is_some()));
        assert_eq!(arena.chunks(), 2);
        end(arena);
    });
}

#[test]
fn threads_that_lengthen_a_chunk_at_once_share_what_comes() {
    model_bounded(3, || {
        let arena = arena(true);
        take(&arena, 6).unwrap();
        end(two(arena, |arena| assert!(take(arena, 2).is_some())));
    });
}

#[test]
fn a_thread_uses_what_another_has_lengthened() {
    model(|| {
        let arena = arena(true);
        take(&arena, 6).unwrap();
        let other = Arc::clone(&arena);
        let thread = thread::spawn(move || take(&other, 2).is_some());
        // Fits only if the other thread has been there: never a new chunk, for the limit is what the longer one needs.
        arena.set_limit(Some(1024));
        let mine = take(&arena, 1).is_some();
        assert!(thread.join().unwrap() || mine);
        assert!(arena.held() <= 1024);
    });
}

#[test]
fn bytes_that_are_freed_go_to_the_next_owner_in_order() {
    model_bounded(3, || {
        let arena = arena(false);
        take(&arena, 5).unwrap();
        let arena = two(arena, |arena| {
            let block = take(arena, 2).unwrap();
            // SAFETY: live, ours, and not used after.
            unsafe { arena.free(block.cast(), granules(2)) };
        });
        end(arena);
    });
}

#[test]
fn the_newest_block_grows_with_its_chunk_or_not_at_all() {
    model(|| {
        let arena = arena(true);
        let block = take(&arena, 6).unwrap();
        let other = Arc::clone(&arena);
        let thread = thread::spawn(move || assert!(take(&other, 1).is_some()));
        // SAFETY: live, with this layout.
        if unsafe { arena.resize(block.cast(), granules(6), 9 * GRANULE) } {
            arena.child().touch(NonNull::slice_from_raw_parts(block.cast(), 9 * GRANULE));
        }
        thread.join().unwrap();
        assert_eq!(arena.held(), arena.child().live_bytes());
    });
}

#[test]
fn the_limit_holds_while_threads_ask_for_chunks() {
    model(|| {
        let arena = arena(false);
        arena.set_limit(Some(1000));
        let arena = two(arena, |arena| {
            let served = take(arena, 7).is_some();
            assert!(arena.held() <= 1000 && arena.child().live_bytes() <= 1000);
            let _ = served;
        });
        assert_eq!(arena.chunks(), 1, "the limit has room for one, and whoever comes first gets it");
        end(arena);
    });
}

#[test]
fn a_reserve_lets_what_follows_fit() {
    model(|| {
        let arena = arena(false);
        let other = Arc::clone(&arena);
        let thread = thread::spawn(move || other.reserve(10 * GRANULE).is_ok());
        assert!(take(&arena, 1).is_some());
        assert!(thread.join().unwrap());
        let calls = arena.chunks();
        assert!(take(&arena, 8).is_some());
        assert_eq!(arena.chunks(), calls);
    });
}

#[test]
fn values_registered_at_once_are_each_dropped_once() {
    /// Counts its drop.
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    model_bounded(3, || {
        let dropped = Arc::new(AtomicUsize::new(0));
        let arena = arena(false);
        let (other, theirs) = (Arc::clone(&arena), Arc::clone(&dropped));
        let thread = thread::spawn(move || {
            other.alloc_drop(Counted(theirs)).map_err(drop).unwrap();
            other.alloc_value(1_u8).unwrap();
        });
        arena.alloc_drop(Counted(Arc::clone(&dropped))).map_err(drop).unwrap();
        thread.join().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
        drop(alone(arena));
        assert_eq!(dropped.load(Ordering::Relaxed), 2);
    });
}

/// What a scope leaves to the next: an arena with a block, and a spare.
fn with_spare(spare: usize) -> Arc<Shared> {
    let mut arena = SyncArena::new_in(Memory::new(false));
    take(&arena, 6).unwrap();
    arena.scoped(|scope| assert!(scope.alloc_slice_copy(&[0_u8; 1000][..spare]).is_ok()));
    assert_eq!(arena.chunks(), 2);
    Arc::new(arena)
}

#[test]
fn threads_that_want_the_spare_at_once_do_not_share_it() {
    model_bounded(3, || {
        let arena = two(with_spare(900), |arena| assert!(take(arena, 5).is_some()));
        assert!((2..=3).contains(&arena.chunks()));
        end(arena);
    });
}

#[test]
fn a_spare_that_one_thread_looks_at_is_not_freed_by_another() {
    model_bounded(3, || {
        // Too small for both; and the limit has room for one chunk more, once it is gone.
        let arena = with_spare(500);
        arena.set_limit(Some(arena.held() + 300));
        let arena = two(arena, |arena| {
            let _ = take(arena, 12);
        });
        assert!(arena.held() <= arena.limit().unwrap());
        end(arena);
    });
}

#[test]
fn what_threads_took_in_a_scope_is_gone_in_order() {
    model_bounded(3, || {
        let mut arena = alone(arena(false));
        take(&arena, 1).unwrap();
        let used = arena.used();
        let mark = arena.mark();
        for count in [5, 2] {
            let shared = two(Arc::new(arena), move |arena| assert!(take(arena, count).is_some()));
            arena = shared;
            // SAFETY: nothing made since the mark is used.
            unsafe { arena.rewind(mark) };
            assert_eq!(arena.used(), used);
        }
        end(arena);
    });
}
