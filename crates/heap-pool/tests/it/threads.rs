//! `SyncPool` under threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use heap_pool::{PoolBox, PoolOptions, SyncPool};

#[test]
fn boxes_of_many_threads_hold_what_was_put_into_them() {
    let pool = SyncPool::<[u64; 3]>::new();
    std::thread::scope(|threads| {
        for thread in 0..8 {
            let pool = &pool;
            threads.spawn(move || {
                for round in 0..50 {
                    let values = (0..100).map(|n| [thread, round, n]);
                    let boxes: Vec<_> = values.map(|value| pool.boxed(value).unwrap()).collect();
                    for (n, boxed) in (0..).zip(boxes) {
                        assert_eq!(*boxed, [thread, round, n]);
                    }
                }
            });
        }
    });
    let mut pool = pool;
    assert_eq!(pool.live(), 0);
}

#[test]
fn a_producer_and_a_consumer_need_no_more_slots_than_are_under_way() {
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    struct Message(usize);
    impl Drop for Message {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    const MESSAGES: usize = 20_000;
    let mut pool = SyncPool::<Message>::new();
    std::thread::scope(|threads| {
        let (sender, receiver) = mpsc::sync_channel::<PoolBox<'_, Message, SyncPool<Message>>>(100);
        threads.spawn(move || {
            receiver.iter().enumerate().for_each(|(nth, message)| assert_eq!(message.0, nth));
        });
        for nth in 0..MESSAGES {
            sender.send(pool.boxed(Message(nth)).unwrap()).unwrap();
        }
    });
    assert_eq!((pool.live(), DROPS.load(Ordering::Relaxed)), (0, MESSAGES));
    assert!(pool.slots() < 1000, "{} slots for 100 messages under way", pool.slots());
}

#[test]
fn every_slot_of_a_pool_that_may_not_grow_serves_any_thread() {
    let pool: SyncPool<u32> = SyncPool::with_options(PoolOptions::new().growable(false));
    pool.preheat(4).unwrap();
    for _ in 0..10 {
        std::thread::scope(|threads| {
            let boxes: Vec<_> = (0..4).map(|n| pool.boxed(n).unwrap()).collect();
            assert!(pool.create(4).is_err());
            threads.spawn(move || drop(boxes));
        });
    }
}

/// D-MP-05
#[test]
fn each_thread_reuses_its_latest_items_last_in_first_out() {
    let pool = SyncPool::<usize>::new();
    let items: Vec<_> = (0..1000).map(|n| pool.create(n).unwrap()).collect();
    // SAFETY: live items, not used again.
    items.iter().for_each(|&item| unsafe { pool.destroy(item) });
    let again: Vec<_> = (0..32).map(|n| pool.create(n).unwrap()).collect();
    assert!(items.iter().rev().take(32).eq(&again));
}

#[test]
fn more_threads_than_lanes_and_threads_one_after_the_other() {
    let pool = SyncPool::<usize>::new();
    std::thread::scope(|threads| {
        for thread in 0..40 {
            let pool = &pool;
            threads.spawn(move || {
                let boxes: Vec<_> = (0..100).map(|n| pool.boxed(thread * 100 + n).unwrap()).collect();
                std::thread::yield_now();
                assert!(boxes.iter().enumerate().all(|(n, boxed)| **boxed == thread * 100 + n));
            });
        }
    });
    for _ in 0..200 {
        std::thread::scope(|threads| _ = threads.spawn(|| drop(pool.boxed(1).unwrap())));
    }
    assert!(pool.slots() < 40 * 100 * 3);
}
