//! Private heaps and threads: who owns one, what others may do, and what becomes of it when its owner ends.

use std::alloc::Layout;
use std::cell::RefCell;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use heap_core::{Allocator, HeapBox, Usage};
use heap_smp::{Heap, SmpAllocator};

use crate::child;
#[cfg(unix)]
use crate::forked::in_a_child;
use crate::rounds::rounds;

const SMALL: Layout = Layout::new::<[u64; 8]>();

/// Blocks of `SMALL` that are home.
fn home(heap: &Heap) -> usize {
    heap.stats().classes.iter().find(|class| class.slot == SMALL.size()).map_or(0, |class| class.free)
}

/// Whether the calling thread keeps what it frees at hand, as the owner alone does.
fn is_owner(heap: &Heap) -> bool {
    let block = heap.alloc(SMALL).unwrap().cast();
    let before = home(heap);
    // SAFETY: allocated just now.
    unsafe { heap.free(block, SMALL) };
    home(heap) == before
}

#[test]
fn the_first_thread_that_allocates_is_the_owner() {
    let heap = Heap::new();
    thread::scope(|scope| {
        assert!(scope.spawn(|| is_owner(&heap)).join().unwrap());
    });
    let heap = Heap::new();
    assert!(is_owner(&heap));
    thread::scope(|scope| {
        assert!(!scope.spawn(|| is_owner(&heap)).join().unwrap());
    });
    assert!(is_owner(&heap));
}

#[test]
fn when_the_owner_has_ended_its_bins_are_home_and_the_next_thread_owns() {
    let heap = Heap::new();
    for _ in 0..100 {
        thread::scope(|scope| {
            let worker = scope.spawn(|| {
                assert!(is_owner(&heap));
                let held: Vec<_> = (0..300).map(|n| HeapBox::new_in(|| [n; 8], &heap).unwrap()).collect();
                drop(held);
            });
            worker.join().unwrap();
        });
        // The scope is left when the thread is done, which may be before its end is.
    }
    assert_eq!(heap.validate(), Ok(()));
}

#[test]
fn a_heap_that_moved_can_be_claimed() {
    let mut heap = Heap::new();
    assert!(is_owner(&heap));
    let mut heap = thread::spawn(move || {
        assert!(!is_owner(&heap));
        heap.claim();
        assert!(is_owner(&heap));
        heap
    })
    .join()
    .unwrap();
    heap.claim();
    assert!(is_owner(&heap));
    assert_eq!(heap.validate(), Ok(()));
}

#[test]
fn blocks_freed_by_another_thread_serve_again() {
    child::passes("heap_threads::blocks_freed_by_another_thread_serve_again", || {
        let heap = Heap::new();
        let (send, receive) = mpsc::sync_channel::<Vec<HeapBox<[u64; 8], &Heap>>>(4);
        thread::scope(|scope| {
            scope.spawn(move || receive.into_iter().for_each(drop));
            let heap = &heap;
            for batch in 0..2000u64 {
                send.send((0..100).map(|n| HeapBox::new_in(|| [batch * n; 8], heap).unwrap()).collect())
                    .unwrap();
            }
            drop(send);
        });
        // At most eight batches are alive at a time.
        assert!(heap.capacity() < 1 << 20, "{}", heap.capacity());
        assert_eq!(heap.validate(), Ok(()));
    });
}

#[test]
fn a_heap_may_be_used_and_dropped_by_destructors_of_an_ended_thread() {
    thread_local! { static LATE: RefCell<Vec<Late>> = const { RefCell::new(Vec::new()) }; }
    struct Late {
        own: Option<Heap>,
        shared: Arc<Heap>,
    }
    impl Drop for Late {
        fn drop(&mut self) {
            for heap in self.own.iter().chain([&*self.shared]) {
                let blocks: Vec<_> = (0..200).map(|n| HeapBox::new_in(|| [n; 8], &*heap).unwrap()).collect();
                assert!(blocks.iter().enumerate().all(|(n, block)| block[3] == n));
                drop(blocks);
                assert_eq!(heap.validate(), Ok(()));
            }
        }
    }
    let shared = Arc::new(Heap::new());
    for early in [true, false] {
        let shared = Arc::clone(&shared);
        // Destructors run in the opposite order of registration, or not: both orders of ours and the heap's are tried.
        let worker = thread::spawn(move || {
            let touch = |heap: &Heap| drop(HeapBox::new_in(|| [0u64; 8], heap).unwrap());
            let own = Heap::new();
            if early {
                touch(&own);
                touch(&shared);
            }
            LATE.with(|late| late.borrow_mut().push(Late { own: Some(own), shared: Arc::clone(&shared) }));
            LATE.with(|late| touch(late.borrow()[0].own.as_ref().unwrap()));
        });
        worker.join().unwrap();
    }
    assert!(is_owner(&shared), "the owner has ended");
    assert_eq!(shared.validate(), Ok(()));
}

#[test]
fn heaps_come_and_go_while_their_owners_end() {
    child::passes("heap_threads::heaps_come_and_go_while_their_owners_end", || {
        // The heap is dropped here while the thread that owns it is about to end, or has just ended.
        for round in 0..300 {
            let heap = Arc::new(Heap::new());
            let worker = {
                let heap = Arc::clone(&heap);
                thread::spawn(move || {
                    (0..100).for_each(|n| drop(HeapBox::new_in(|| [n; 8], &*heap).unwrap()));
                    drop(heap);
                })
            };
            if round % 2 == 0 {
                thread::yield_now();
            }
            if let Some(mut heap) = Arc::into_inner(heap) {
                heap.claim();
                assert!(is_owner(&heap));
            }
            worker.join().unwrap();
        }
        assert_eq!(SmpAllocator::new().validate(), Ok(()));
        assert_eq!(SmpAllocator::new().stats().private_bytes, 0);
    });
}

#[test]
fn many_threads_make_the_first_block_of_one_heap() {
    for _ in 0..50 {
        let heap = Heap::new();
        let barrier = Barrier::new(8);
        let blocks = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for n in 0..8u64 {
                let (heap, barrier, blocks) = (&heap, &barrier, &blocks);
                scope.spawn(move || {
                    barrier.wait();
                    let block = HeapBox::new_in(|| [n; 8], &*heap).unwrap();
                    blocks.lock().unwrap().push(block);
                });
            }
        });
        let mut seen: Vec<_> = blocks.into_inner().unwrap().iter().map(|block| block[7]).collect();
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(heap.validate(), Ok(()));
    }
}

#[cfg(unix)]
#[test]
fn the_child_of_a_fork_finds_its_heaps_whole() {
    use std::sync::atomic::{AtomicBool, Ordering};
    child::passes("heap_threads::the_child_of_a_fork_finds_its_heaps_whole", || {
        static DONE: AtomicBool = AtomicBool::new(false);
        static HEAPS: [Heap; 3] = [const { Heap::new() }; 3];
        let churn = |heap: &Heap| {
            let held: Vec<_> = (0..50).map(|n| HeapBox::slice_in(n * 5, |i| i, heap).unwrap()).collect();
            held.iter().map(|block| block.len()).sum::<usize>() == 49 * 50 / 2 * 5
        };
        let workers: Vec<_> = (0..4)
            .map(|n| {
                thread::spawn(move || {
                    while !DONE.load(Ordering::Relaxed) {
                        assert!(churn(&HEAPS[n % 2]));
                        assert!(churn(&Heap::new()));
                    }
                })
            })
            .collect();
        assert!(churn(&HEAPS[2]));
        for _ in 0..rounds(200) {
            in_a_child(|| {
                HEAPS.iter().all(churn)
                    && HEAPS.iter().all(|heap| heap.validate().is_ok())
                    && churn(&Heap::new())
            });
        }
        DONE.store(true, Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}
