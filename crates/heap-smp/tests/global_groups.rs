//! Several groups of processors under one heap, as on a large machine: the same promises as with one. The number of groups is decided once
//! for a process, so these tests have one of their own.

#[path = "it/forked.rs"]
mod forked;

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use heap_core::HeapBox;
use heap_smp::{Settings, SmpAllocator};

#[cfg(unix)]
use crate::forked::in_a_child;

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::with(Settings::new().processor_groups(32));

/// The tests count what is out and what is resident, so they take turns, and each begins with what no other has left free.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    GLOBAL.purge();
    turn
}

/// Bytes of slots that are not at home.
fn out() -> usize {
    let _ = GLOBAL.purge();
    GLOBAL.stats().classes.iter().map(|class| (class.slots - class.free) * class.slot).sum()
}

/// A text that says its own length.
fn text(len: usize) -> String {
    let mut text = len.to_string();
    text.extend(std::iter::repeat_n('.', len));
    text
}

fn is_whole(text: &str) -> bool {
    let digits = text.trim_end_matches('.');
    digits.parse() == Ok(text.len() - digits.len())
}

#[test]
fn texts_of_many_threads_stay_whole_and_all_memory_comes_home() {
    let _turn = turn();
    let before = out();
    let (send, receive) = mpsc::sync_channel::<Vec<String>>(8);
    let consumer = thread::spawn(move || {
        let mut seen = 0;
        for batch in receive {
            assert!(batch.iter().all(|text| is_whole(text)));
            seen += batch.len();
        }
        seen
    });
    let producers: Vec<_> = (0..8)
        .map(|producer| {
            let send = send.clone();
            thread::spawn(move || {
                for batch in 0..200 {
                    let texts = (0..50).map(|n| text((producer * 7 + batch * 13 + n * 31) % 900));
                    send.send(texts.collect()).unwrap();
                    // Moves to another processor now and then.
                    thread::yield_now();
                }
            })
        })
        .collect();
    drop(send);
    producers.into_iter().for_each(|producer| producer.join().unwrap());
    assert_eq!(consumer.join().unwrap(), 8 * 200 * 50);
    assert_eq!(GLOBAL.validate(), Ok(()));
    // The test's own thread keeps a few chains, and the harness what it needs.
    let after = out();
    assert!(after <= before + (1 << 20), "{before} before, {after} after");
}

#[test]
fn a_producer_and_a_consumer_on_two_processors_need_no_more_the_longer_they_run() {
    let _turn = turn();
    let (send, receive) = mpsc::sync_channel::<Vec<Box<[u8; 200]>>>(4);
    let consumer = thread::spawn(move || receive.into_iter().map(|batch| batch.len()).sum::<usize>());
    let mut slabs = Vec::new();
    for batch in 0..2000 {
        send.send((0..100).map(|n| Box::new([n; 200])).collect()).unwrap();
        if batch % 500 == 499 {
            slabs.push(GLOBAL.stats().slab_bytes);
        }
    }
    drop(send);
    assert_eq!(consumer.join().unwrap(), 200_000);
    assert!(slabs[3] <= slabs[0] + (8 << 20), "{slabs:?}");
}

/// Bytes that say their own length.
fn bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    bytes.iter_mut().step_by(4096).for_each(|byte| *byte = (len >> 12) as u8);
    bytes
}

fn are_whole(bytes: &[u8]) -> bool {
    bytes.iter().step_by(4096).all(|&byte| byte == (bytes.len() >> 12) as u8)
}

/// Calls when it is dropped.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Four threads hand large blocks of many lengths to each other while `body` runs.
fn beside_large_blocks(body: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let shelf: [Mutex<Vec<u8>>; 8] = [const { Mutex::new(Vec::new()) }; 8];
    thread::scope(|scope| {
        for worker in 0..4_usize {
            let (done, shelf) = (&done, &shelf);
            scope.spawn(move || {
                let mut random = worker;
                for round in 0.. {
                    random = random.wrapping_mul(1103515245).wrapping_add(12345) & 0x7fff_ffff;
                    let fresh = bytes((40 << 10) + random % (1 << 20));
                    let old = mem::replace(&mut *shelf[round % 8].lock().unwrap(), fresh);
                    assert!(are_whole(&old));
                    if round >= 200 && done.load(Ordering::Relaxed) {
                        break;
                    }
                    // Moves to another processor now and then.
                    thread::yield_now();
                }
            });
        }
        // Where the body panics, the threads end all the same.
        let _end = AtEnd(|| done.store(true, Ordering::Relaxed));
        body();
    });
}

#[test]
fn large_blocks_that_threads_hand_to_each_other_stay_whole_and_no_more_is_resident_than_they_need() {
    let _turn = turn();
    let mut most = 0;
    beside_large_blocks(|| {
        for _ in 0..20 {
            assert_eq!(GLOBAL.validate(), Ok(()));
            let stats = GLOBAL.stats();
            most = most.max(stats.run_bytes + stats.slab_bytes + stats.free_resident_bytes);
            thread::yield_now();
        }
    });
    assert_eq!(GLOBAL.validate(), Ok(()));
    // Twelve blocks of a megabyte at the most, eight that wait, and what the other tests left.
    assert!(most <= 64 << 20, "{most}");
}

#[test]
#[cfg(unix)]
fn a_child_of_a_fork_in_the_middle_of_it_finds_all_heaps_whole() {
    let _turn = turn();
    beside_large_blocks(|| {
        for _ in 0..50 {
            in_a_child(|| {
                let mut good = GLOBAL.validate().is_ok();
                for len in 1..30 {
                    good &= are_whole(&bytes(len * 50_000)) && is_whole(&text(len * 30));
                }
                good
            });
        }
    });
}

#[test]
fn a_private_heap_has_memory_of_several_span_heaps_and_gives_all_of_it_back() {
    let _turn = turn();
    let heap = heap_smp::Heap::new();
    let work = || {
        let mut all = Vec::new();
        for n in 1..100 {
            all.push(HeapBox::slice_in(n * 37 % 3000, |at| at, &heap).unwrap());
            all.push(HeapBox::slice_in((5 << 10) + n * 300, |at| at, &heap).unwrap());
            thread::yield_now();
        }
        assert!(all.iter().all(|one| one.iter().enumerate().all(|(at, &value)| at == value)));
        all.truncate(150);
        all.into_iter().step_by(2).for_each(mem::forget);
    };
    thread::scope(|scope| (0..4).for_each(|_| _ = scope.spawn(work)));
    assert_eq!((heap.validate(), GLOBAL.validate()), (Ok(()), Ok(())));
    assert!(GLOBAL.stats().private_bytes > 0);
    drop(heap);
    assert_eq!((GLOBAL.stats().private_bytes, GLOBAL.validate()), (0, Ok(())));
}
