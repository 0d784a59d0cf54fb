//! Allocators that threads share: no block twice, content kept, frees from anywhere.
#![forbid(unsafe_code)]

use core::alloc::Layout;
use std::sync::mpsc;
use std::thread;

use heap_core::Allocator;

use super::{layout, ok};
use crate::block::Block;
use crate::limits::Limits;
use crate::program::Program;
use crate::shadow::Shadow;

/// Threads in most cases: more than the cores of many machines, few enough for slow ones.
const THREADS: usize = 4;

/// Threads that allocate at the same time never get overlapping blocks (D-SM-01).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn threads_never_share_a_block<A: Allocator + Sync>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    for size in [8, 48, 200, 5000].into_iter().filter(|&size| size <= limits.max_size) {
        let layout = layout(size, limits.max_align.min(8));
        let count = (limits.count_of(layout) / THREADS / 40).min(200) as u64;
        // The later rounds use again what the earlier ones freed.
        for round in 0..4 {
            let allocator = &allocator;
            let many = move |thread: usize| {
                many_blocks(allocator, layout, (4 * round + thread as u64) * count, count)
            };
            let blocks: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || many(thread))).collect();
                threads
                    .into_iter()
                    .flat_map(|thread| thread.join().expect("a thread's case failed"))
                    .collect()
            });
            let mut shadow = Shadow::new();
            for block in blocks {
                ok(shadow.insert(block.addr(), block.usable(), block.layout()));
                ok(block.free());
            }
        }
    }
}

/// Allocates `count` blocks, and as many again that are freed in between.
fn many_blocks<A: Allocator>(allocator: &A, layout: Layout, stamp: u64, count: u64) -> Vec<Block<'_, A>> {
    let mut kept = Vec::new();
    for stamp in stamp..stamp + count {
        let short = ok(Block::alloc(allocator, layout, stamp));
        kept.push(ok(Block::alloc(allocator, layout, stamp)));
        ok(short.free());
    }
    kept
}

/// Blocks may be freed by another thread than allocated them, while that one goes on (D-SM-02).
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn blocks_may_be_freed_by_another_thread<A: Allocator + Sync>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let sizes = [16, 100, 700, 40_000].map(|size| size.min(limits.max_size));
    let each = layout(sizes[3], limits.max_align.min(8));
    let rounds = (limits.count_of(each) / 4).min(2000) as u64;
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(64);
        let allocator = &allocator;
        scope.spawn(move || {
            for stamp in 0..rounds {
                let layout = layout(sizes[stamp as usize % 4], each.align());
                if sender.send(ok(Block::alloc(allocator, layout, stamp))).is_err() {
                    break;
                }
            }
        });
        receiver.into_iter().for_each(|block| ok(block.free()));
    });
}

/// Many short threads one after the other leave the allocator usable (D-SM-03), and their blocks live.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn blocks_outlive_their_threads<A: Allocator + Sync>(make: impl Fn() -> A, limits: &Limits) {
    let allocator = make();
    let layout = layout(limits.max_size.min(64), limits.max_align.min(8));
    let count = (limits.count_of(layout) / 2).min(200) as u64;
    let mut kept = Vec::new();
    for stamp in 0..count {
        let make_two = || [stamp, stamp + 1].map(|stamp| ok(Block::alloc(&allocator, layout, stamp)));
        let [kept_block, freed] =
            thread::scope(|scope| scope.spawn(make_two).join().expect("a thread's case failed"));
        kept.push(kept_block);
        ok(freed.free());
    }
    kept.into_iter().for_each(|block| ok(block.free()));
}

/// Random programs on several threads of one allocator at once, handing blocks to each other.
///
/// # Panics
///
/// When the allocator breaks the promise.
pub fn random_programs_on_several_threads<A: Allocator + Sync>(make: impl Fn() -> A, limits: &Limits) {
    let small = limits.max_size(limits.max_size.min(512));
    for (seed, limits) in [small, *limits].iter().enumerate() {
        let programs: Vec<_> =
            (0..THREADS).map(|nth| Program::from_seed((seed * THREADS + nth) as u64, 1500, limits)).collect();
        if let Err(failure) = Program::run_on_threads(&programs, &make(), limits) {
            panic!("{failure}");
        }
    }
}
