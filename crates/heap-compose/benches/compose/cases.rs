//! The cases and their subjects. An operation is one alloc and one free of [`BLOCK`].

use core::alloc::Layout;
use core::cell::Cell;
use core::hint::black_box;
use core::mem::MaybeUninit;

use heap_arena::{Arena, FixedBuffer};
use heap_compose::{
    Affix, Buckets, BySize, Cascade, Fallback, FreeList, Inspect, Limit, MinAlign, Null, PerThread,
    Quantized, Scoped, Stats, ThreadSafe, ToSizeClass, Zeroize,
};
use heap_core::Allocator;
use heap_os::PageAllocator;
use heap_smp::SmpAllocator;

use crate::by_hand::ByHand;

/// What is asked for.
const BLOCK: Layout = Layout::new::<[u64; 8]>();
/// Blocks that are live at once in a batch.
const BATCH: usize = 64;
const PLENTY: usize = 1 << 40;
const SMP: SmpAllocator = SmpAllocator::new();

/// One allocator in one case; `run` does so many operations with a new one.
pub(crate) struct Subject {
    pub(crate) case: &'static str,
    pub(crate) name: &'static str,
    pub(crate) run: fn(usize),
}

const fn subject(case: &'static str, name: &'static str, run: fn(usize)) -> Subject {
    Subject { case, name, run }
}

/// Alloc and free at once.
#[inline(never)]
fn pairs(heap: &impl Allocator, ops: usize) {
    for _ in 0..ops {
        if let Ok(block) = heap.alloc(BLOCK) {
            // SAFETY: allocated just above with this layout.
            unsafe { heap.free(black_box(block.cast()), BLOCK) };
        }
    }
}

/// Alloc a batch, then free it, the last one first.
#[inline(never)]
fn batches(heap: &impl Allocator, ops: usize) {
    let mut blocks = [None; BATCH];
    for _ in 0..ops / BATCH {
        for block in &mut blocks {
            *block = heap.alloc(BLOCK).ok();
        }
        for block in black_box(&mut blocks).iter_mut().rev().flat_map(Option::take) {
            // SAFETY: allocated above with this layout, taken once.
            unsafe { heap.free(block.cast(), BLOCK) };
        }
    }
}

/// Runs `work` with a new buffer of `LEN` bytes.
fn buffer<const LEN: usize>(work: impl FnOnce(&mut [MaybeUninit<u8>])) {
    work(&mut [MaybeUninit::uninit(); LEN]);
}

/// Buffer first, then pages, by this crate.
fn composed(buffer: &mut [MaybeUninit<u8>]) -> Fallback<FixedBuffer<'_>, PageAllocator> {
    Fallback::new(FixedBuffer::new(buffer), PageAllocator)
}

/// Runs the operations on two threads, half of them each.
fn two_threads(heap: &(impl Allocator + Sync), ops: usize) {
    std::thread::scope(|scope| (0..2).for_each(|_| _ = scope.spawn(|| pairs(heap, ops / 2))));
}

const IN_BUFFER: &str = "first child serves";
const PAST_BUFFER: &str = "second child serves";
const FALLBACK: &str = "Fallback<FixedBuffer, PageAllocator>";
const BY_HAND: &str = "the same by hand";
const PAIR: &str = "one part over SmpAllocator";
const ARENA: &str = "batch of 64 over Arena";
const THREADS: &str = "two threads over SmpAllocator";

/// All of them, by case.
pub(crate) const SUBJECTS: &[Subject] = &[
    subject(IN_BUFFER, FALLBACK, |ops| buffer::<16384>(|memory| batches(&composed(memory), ops))),
    subject(IN_BUFFER, BY_HAND, |ops| buffer::<16384>(|memory| batches(&ByHand::new(memory), ops))),
    subject(PAST_BUFFER, FALLBACK, |ops| buffer::<0>(|memory| pairs(&composed(memory), ops))),
    subject(PAST_BUFFER, BY_HAND, |ops| buffer::<0>(|memory| pairs(&ByHand::new(memory), ops))),
    subject(PAIR, "SmpAllocator alone", |ops| pairs(&SMP, ops)),
    subject(PAIR, "Fallback", |ops| pairs(&Fallback::new(Null, SMP), ops)),
    subject(PAIR, "BySize", |ops| pairs(&BySize::new(SMP, Null, black_box(64)), ops)),
    subject(PAIR, "Buckets", |ops| pairs(&Buckets::<_, 8, 64>::new([SMP; 8]), ops)),
    subject(PAIR, "MinAlign", |ops| pairs(&MinAlign::<_, 64>::new(SMP), ops)),
    subject(PAIR, "Quantized", |ops| pairs(&Quantized::<_, ToSizeClass>::new(SMP), ops)),
    subject(PAIR, "Affix", |ops| pairs(&Affix::<_, u64, u64>::new(SMP, 1, 2), ops)),
    subject(PAIR, "Scoped", |ops| pairs(&Scoped::new(SMP), ops)),
    subject(PAIR, "FreeList", |ops| pairs(&FreeList::<_, 1, 64>::new(SMP), ops)),
    subject(PAIR, "Limit", |ops| pairs(&Limit::new(SMP, PLENTY), ops)),
    subject(PAIR, "Limit on one thread", |ops| {
        pairs(&Limit::<_, Cell<usize>>::with_counter(SMP, PLENTY), ops)
    }),
    subject(PAIR, "Stats", |ops| pairs(&Stats::new(SMP), ops)),
    subject(PAIR, "Stats on one thread", |ops| pairs(&Stats::<_, Cell<usize>>::with_counter(SMP), ops)),
    subject(PAIR, "Stats off", |ops| pairs(&Stats::<_, ()>::with_counter(SMP), ops)),
    subject(PAIR, "Inspect", |ops| pairs(&Inspect::new(SMP, |event| _ = black_box(event)), ops)),
    subject(PAIR, "Zeroize", |ops| pairs(&Zeroize::new(SMP), ops)),
    subject(PAIR, "ThreadSafe", |ops| pairs(&ThreadSafe::new(SMP), ops)),
    subject(PAIR, "PerThread", |ops| pairs(&PerThread::<_, 4>::new([SMP; 4]), ops)),
    subject(ARENA, "Arena alone", |ops| arena(|arena| batches(&arena, ops))),
    subject(ARENA, "FreeList", |ops| arena(|arena| batches(&FreeList::<_, 1, 64>::new(arena), ops))),
    subject(ARENA, "Cascade", |ops| {
        batches(&Cascade::new(|bytes| Arena::with_capacity(bytes.max(1 << 16)).ok()), ops)
    }),
    subject(THREADS, "SmpAllocator alone", |ops| two_threads(&SMP, ops)),
    subject(THREADS, "Limit", |ops| two_threads(&Limit::new(SMP, PLENTY), ops)),
    subject(THREADS, "Stats", |ops| two_threads(&Stats::new(SMP), ops)),
    subject(THREADS, "ThreadSafe", |ops| two_threads(&ThreadSafe::new(SMP), ops)),
    subject(THREADS, "PerThread", |ops| two_threads(&PerThread::<_, 8>::new([SMP; 8]), ops)),
];

/// A new arena with room for the batches.
fn arena(work: impl FnOnce(Arena)) {
    if let Ok(arena) = Arena::with_capacity(1 << 16) {
        work(arena);
    }
}
