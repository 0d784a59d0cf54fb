//! Several groups of processors under one heap, as on a large machine: the same promises as with one. The number of groups is decided once
//! for a process, so these tests have one of their own.

use std::sync::{Mutex, mpsc};
use std::thread;

use heap_smp::{Settings, SmpAllocator};

#[global_allocator]
static GLOBAL: SmpAllocator = SmpAllocator::with(Settings::new().processor_groups(32));

/// The tests count what is out, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

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
    let _turn = TURN.lock();
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
    let _turn = TURN.lock();
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
