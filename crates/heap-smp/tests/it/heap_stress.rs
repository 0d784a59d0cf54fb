//! Private heaps under everything at once: many threads, several heaps, blocks that cross threads, heaps that are dropped and
//! made again, owners that end. Each block's content is checked before it is freed.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use heap_core::Allocator;
use heap_smp::{Heap, SmpAllocator};

use crate::child;

const THREADS: usize = 16;
const HEAPS: usize = 6;
const STEPS: usize = 4000;

/// A block, its layout, and what is written all over it.
struct Held {
    block: NonNull<u8>,
    layout: Layout,
    mark: u8,
}

// SAFETY: the block is this value's alone.
unsafe impl Send for Held {}

impl Held {
    fn new(heap: &Heap, random: usize) -> Self {
        let size = match random % 100 {
            0 => 33_000 + random / 100 % 200_000,
            1..10 => random / 100 % 8000,
            _ => random / 100 % 300,
        };
        let layout = Layout::from_size_align(size, 1 << (random % 7)).unwrap();
        let mark = (random >> 20) as u8;
        let block = heap.alloc(layout).unwrap().cast::<u8>();
        // SAFETY: the block is ours and that long.
        unsafe { block.write_bytes(mark, size) };
        Self { block, layout, mark }
    }

    fn free(self, heap: &Heap) {
        // SAFETY: the block is ours, and of this heap.
        unsafe {
            let bytes = core::slice::from_raw_parts(self.block.as_ptr(), self.layout.size());
            assert!(bytes.iter().all(|&byte| byte == self.mark), "somebody else wrote here");
            heap.free(self.block, self.layout);
        }
    }
}

/// A heap, and its live blocks for any thread to take. The blocks go before the heap, or with it.
struct Place {
    heap: Heap,
    held: Mutex<Vec<Held>>,
}

fn place() -> RwLock<Place> {
    RwLock::new(Place { heap: Heap::new(), held: Mutex::new(Vec::new()) })
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 24) as usize
    }
}

fn step(places: &[RwLock<Place>; HEAPS], random: &mut Random) {
    let place = &places[random.next() % HEAPS];
    match random.next() % 400 {
        // All of it goes at once, and another heap is there; or it is reset; or it has another owner.
        0 => *place.write().unwrap() = Place { heap: Heap::new(), held: Mutex::new(Vec::new()) },
        1 => {
            let mut place = place.write().unwrap();
            place.held.get_mut().unwrap().clear();
            heap_core::Reset::reset(&mut place.heap);
        }
        2..5 => place.write().unwrap().heap.claim(),
        5 => drop(place.read().unwrap().heap.purge()),
        6 => assert_eq!(place.read().unwrap().heap.validate(), Ok(())),
        choice => {
            let place = place.read().unwrap();
            let mut held = place.held.lock().unwrap();
            let taken = if choice % 2 == 0 || held.len() > 300 { held.pop() } else { None };
            drop(held);
            match taken {
                Some(block) => block.free(&place.heap),
                None => {
                    let blocks: Vec<_> = (0..3).map(|_| Held::new(&place.heap, random.next())).collect();
                    place.held.lock().unwrap().extend(blocks);
                }
            }
        }
    }
}

#[test]
fn sixteen_threads_share_heaps_that_come_and_go() {
    child::passes("heap_stress::sixteen_threads_share_heaps_that_come_and_go", || {
        let before = SmpAllocator::new().stats().private_bytes;
        let places: Arc<[RwLock<Place>; HEAPS]> = Arc::new(std::array::from_fn(|_| place()));
        // In two generations, so that owners end while their heaps live.
        for generation in 0..2 {
            let workers: Vec<_> = (0..THREADS)
                .map(|n| {
                    let places = Arc::clone(&places);
                    thread::spawn(move || {
                        let mut random = Random((generation * THREADS + n) as u64);
                        (0..STEPS).for_each(|_| step(&places, &mut random));
                    })
                })
                .collect();
            workers.into_iter().for_each(|worker| worker.join().unwrap());
            assert_eq!(SmpAllocator::new().validate(), Ok(()));
        }
        for place in places.iter() {
            let mut place = place.write().unwrap();
            assert_eq!(place.heap.validate(), Ok(()));
            let held = std::mem::take(place.held.get_mut().unwrap());
            held.into_iter().for_each(|block| block.free(&place.heap));
            assert_eq!(place.heap.validate(), Ok(()));
        }
        drop(places);
        assert_eq!(SmpAllocator::new().stats().private_bytes, before);
        assert_eq!(SmpAllocator::new().validate(), Ok(()));
    });
}
