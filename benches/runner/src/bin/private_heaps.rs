//! Private heaps beside the process's heap, mimalloc's heaps and an arena: pairs, requests, and heaps that come and go.
//!
//! `cargo run --release -p heap-bench --features private-heaps --bin heap-private-heaps` prints, for each case and subject,
//! nanoseconds per operation: the median of the turns, and the quartiles. All subjects of a case run in turns.
//! `... CASE SUBJECT N` runs one of them alone, N operations long: for callgrind, as the difference of two lengths.

use std::alloc::Layout;
use std::hint::black_box;
use std::ptr::NonNull;
use std::time::Instant;

use heap_arena::Arena;
use heap_core::{Allocator, Global, Reset};
use heap_smp::{Heap, SmpAllocator};
use libmimalloc_sys as mi;

/// So many operations.
type Work = fn(usize);

const SMP: SmpAllocator = SmpAllocator::new();
const PAIR: Layout = Layout::new::<[u64; 8]>();
/// Blocks of a request.
const BLOCKS: usize = 1000;

/// Sizes of a request's blocks: most are small, some of a few hundred bytes, one in 100 of some KiB.
fn size(n: usize) -> usize {
    let random = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    match random % 100 {
        0 => 1024 + random as usize % 4096,
        1..20 => 128 + random as usize % 384,
        _ => 8 + random as usize % 120,
    }
}

fn layout(n: usize) -> Layout {
    Layout::from_size_align(size(n), 8).expect("a layout")
}

/// One block of a request, with its first byte written.
fn block(heap: &impl Allocator, n: usize) -> NonNull<u8> {
    let block = heap.alloc(layout(n)).expect("memory").cast::<u8>();
    // SAFETY: the block is ours.
    unsafe { block.write(n as u8) };
    black_box(block)
}

fn pair(heap: &impl Allocator, count: usize) {
    for _ in 0..count {
        let block = black_box(heap.alloc(PAIR).expect("memory").cast::<u8>());
        // SAFETY: allocated just now.
        unsafe { heap.free(block, PAIR) };
    }
}

fn pair_of_another_thread(count: usize) {
    let heap = Heap::new();
    pair(&heap, 1);
    std::thread::scope(|scope| {
        scope.spawn(|| pair(&heap, count));
    });
}

fn pair_of_mimalloc(count: usize) {
    // SAFETY: the heap is ours, and so are its blocks.
    unsafe {
        let heap = mi::mi_heap_new();
        for _ in 0..count {
            mi::mi_free(black_box(mi::mi_heap_malloc(heap, PAIR.size())));
        }
        mi::mi_heap_destroy(heap);
    }
}

/// A heap for each request.
fn request(count: usize) {
    for _ in 0..count {
        let heap = Heap::new();
        (0..BLOCKS).for_each(|n| {
            block(&heap, n);
        });
    }
}

/// One heap, reset after each request.
fn request_reset(count: usize) {
    let mut heap = Heap::new();
    for _ in 0..count {
        (0..BLOCKS).for_each(|n| {
            block(&heap, n);
        });
        Reset::reset(&mut heap);
    }
}

/// Each block freed on its own.
fn request_freed(heap: &impl Allocator, count: usize) {
    let mut blocks = Vec::with_capacity(BLOCKS);
    for _ in 0..count {
        blocks.extend((0..BLOCKS).map(|n| block(heap, n)));
        for (n, block) in blocks.drain(..).enumerate() {
            // SAFETY: allocated above with this layout.
            unsafe { heap.free(block, layout(n)) };
        }
    }
}

fn request_of_mimalloc(count: usize) {
    for _ in 0..count {
        // SAFETY: the heap is ours, and so are its blocks.
        unsafe {
            let heap = mi::mi_heap_new();
            for n in 0..BLOCKS {
                black_box(mi::mi_heap_malloc(heap, size(n)).cast::<u8>()).write(n as u8);
            }
            mi::mi_heap_destroy(heap);
        }
    }
}

fn request_of_arena(count: usize) {
    for _ in 0..count {
        let arena = Arena::new_in(Global);
        (0..BLOCKS).for_each(|n| {
            block(&arena, n);
        });
    }
}

fn request_of_arena_reset(count: usize) {
    let mut arena = Arena::new_in(Global);
    for _ in 0..count {
        (0..BLOCKS).for_each(|n| {
            block(&arena, n);
        });
        Reset::reset(&mut arena);
    }
}

/// The least that a request costs where each heap has a segment of its own: to map and unmap it, and to touch a page for each size
/// class of the request. Nothing is allocated.
fn request_of_own_segment(count: usize) {
    const SEGMENT: usize = 32 << 20;
    const CLASSES: usize = 40;
    for _ in 0..count {
        let base = heap_os::pages::map_aligned(SEGMENT, SEGMENT).expect("memory");
        for page in 0..CLASSES {
            // SAFETY: inside the mapping.
            unsafe { base.add(page << 15).write(1) };
        }
        // SAFETY: mapped above, and not used again.
        unsafe { heap_os::pages::unmap(base, SEGMENT) }.expect("ours");
    }
}

/// A heap with one block.
fn heap_of_one(count: usize) {
    for _ in 0..count {
        black_box(Heap::new().alloc(PAIR).expect("memory"));
    }
}

fn heap_of_one_of_mimalloc(count: usize) {
    for _ in 0..count {
        // SAFETY: the heap is ours, and so is its block.
        unsafe {
            let heap = mi::mi_heap_new();
            black_box(mi::mi_heap_malloc(heap, PAIR.size()));
            mi::mi_heap_destroy(heap);
        }
    }
}

const CASES: [(&str, &[(&str, Work)]); 3] = [
    (
        "pair",
        &[
            ("Heap", |count| pair(&Heap::new(), count)),
            ("Heap, other thread", pair_of_another_thread),
            ("SmpAllocator", |count| pair(&SMP, count)),
            ("mi_heap", pair_of_mimalloc),
        ],
    ),
    (
        "request",
        &[
            ("Heap", request),
            ("Heap, reset", request_reset),
            ("SmpAllocator", |count| request_freed(&SMP, count)),
            ("mi_heap", request_of_mimalloc),
            ("segment of its own", request_of_own_segment),
            ("Arena", request_of_arena),
            ("Arena, reset", request_of_arena_reset),
        ],
    ),
    ("heap of one block", &[("Heap", heap_of_one), ("mi_heap", heap_of_one_of_mimalloc)]),
];

/// Turns of each subject.
const TURNS: usize = 31;
/// How long one turn is, about.
const TURN_NS: u128 = 4_000_000;

fn time(work: Work, count: usize) -> u128 {
    let start = Instant::now();
    work(black_box(count));
    start.elapsed().as_nanos()
}

fn measure(case: &str, subjects: &[(&str, Work)]) {
    let counts: Vec<usize> = subjects
        .iter()
        .map(|(_, work)| {
            let mut count = 16;
            while time(*work, count) < TURN_NS {
                count *= 2;
            }
            count
        })
        .collect();
    let mut turns = vec![Vec::new(); subjects.len()];
    for turn in 0..TURNS {
        for step in 0..subjects.len() {
            let subject = (turn + step) % subjects.len();
            let took = time(subjects[subject].1, counts[subject]);
            turns[subject].push(took as f64 / counts[subject] as f64);
        }
    }
    for ((subject, _), mut turns) in subjects.iter().zip(turns) {
        turns.sort_by(f64::total_cmp);
        let at = |part: usize| turns[part * (TURNS - 1) / 4];
        println!("{case:18} {subject:20} {:9.1} ns  ({:.1} to {:.1})", at(2), at(1), at(3));
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let alone = |case: &str, subject: &str| {
        let subjects = CASES.iter().find(|known| known.0 == case).expect("a case").1;
        subjects.iter().find(|known| known.0 == subject).expect("a subject").1
    };
    match &words[..] {
        [case, subject, count] => alone(case, subject)(black_box(count.parse().expect("a number"))),
        _ => CASES.iter().for_each(|(case, subjects)| measure(case, subjects)),
    }
}
