//! Several threads at once: throughput as threads are added, threads that die, and lines that two threads share.
//!
//! `larson`, `xmalloc`, `scratch` and `thrash` follow benchmarks of those names by Larson and Krishnan (1998), Lever and
//! Boreham (2000) and Berger (2000), which every allocator's report shows.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::block::Block;
use super::pair::outcome;
use crate::rng::Rng;
use crate::workload::{Job, Scale, Workload};

/// Threads of the workloads that do not say how many.
const THREADS: usize = 4;

pub(crate) fn list() -> Vec<Workload> {
    let micro = Workload::micro;
    vec![
        micro("scale-1", scaled::<1>, "mixed sizes, all of the work in one thread"),
        micro("scale-2", scaled::<2>, "the same work, shared by two threads").threads(2),
        micro("scale-4", scaled::<4>, "the same work, shared by 4 threads").threads(4),
        micro("scale-8", scaled::<8>, "the same work, shared by 8 threads").threads(8),
        micro("scale-32", scaled::<32>, "the same work, shared by 32 threads").threads(32),
        micro("scale-128", scaled::<128>, "the same work, shared by 128 threads").threads(128),
        micro("churn", churn, "10,000 short threads that leave half of their blocks to others")
            .threads(THREADS),
        micro("larson", larson, "blocks replaced at random, then handed to a new thread").threads(THREADS),
        micro("xmalloc", xmalloc, "batches allocated by one thread and freed by any").threads(THREADS),
        micro("scratch", scratch, "small blocks given to threads that free them and write to their own")
            .threads(THREADS),
        micro("thrash", thrash, "small blocks that each thread allocates and writes to").threads(THREADS),
    ]
}

/// Runs `work` in `count` threads and adds up what they return.
fn spread(count: usize, work: impl Fn(usize) -> usize + Sync) -> usize {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || work(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    })
}

type Slots = Vec<Option<(Block, u64)>>;

/// Replaces a random block `count` times; how many of the replaced were intact.
fn replace(slots: &mut Slots, rng: &mut Rng, count: usize, most: usize) -> usize {
    let mut good = 0;
    for number in 0..count as u64 {
        let slot = rng.below(slots.len());
        let size = rng.size(most);
        let old = slots[slot].replace((Block::new(size, number), number));
        good += usize::from(old.is_none_or(|(block, number)| block.free(number)));
    }
    good
}

fn clear(slots: Slots) -> bool {
    slots.into_iter().flatten().all(|(block, number)| block.free(number))
}

fn scaled<const COUNT: usize>(scale: Scale) -> Job {
    let each = scale.of(8_000_000).div_ceil(COUNT);
    Box::new(move || {
        let good = spread(COUNT, |index| {
            let mut slots: Slots = (0..2_000).map(|_| None).collect();
            let good = replace(&mut slots, &mut Rng::new(index as u64), each, 4_096);
            if clear(slots) { good } else { 0 }
        });
        outcome(good, each * COUNT)
    })
}

fn churn(scale: Scale) -> Job {
    const BLOCKS: usize = 50;
    let each = scale.at_least(2_500, 2);
    Box::new(move || {
        let good = spread(THREADS, |index| {
            let mut left: VecDeque<Vec<(Block, u64)>> = VecDeque::new();
            let mut good = 0;
            for round in 0..each {
                let short = thread::spawn(move || {
                    let mut rng = Rng::new((index * each + round) as u64);
                    let make = |number: u64| (Block::new(rng.size(512), number), number);
                    let mut blocks: Vec<(Block, u64)> = (0..2 * BLOCKS as u64).map(make).collect();
                    let kept = blocks.split_off(BLOCKS);
                    let good = blocks.into_iter().filter_map(|(b, n)| b.free(n).then_some(())).count();
                    (kept, good)
                });
                let Ok((kept, freed)) = short.join() else { continue };
                good += freed;
                left.push_back(kept);
                if left.len() > 20 {
                    good += free_all(left.pop_front());
                }
            }
            good + left.into_iter().map(|kept| free_all(Some(kept))).sum::<usize>()
        });
        outcome(good, 2 * BLOCKS * each * THREADS)
    })
}

fn free_all(blocks: Option<Vec<(Block, u64)>>) -> usize {
    blocks.into_iter().flatten().filter_map(|(block, number)| block.free(number).then_some(())).count()
}

fn larson(scale: Scale) -> Job {
    const GENERATIONS: usize = 100;
    let each = scale.at_least(30_000, 20);
    Box::new(move || {
        let good = spread(THREADS, |index| {
            let mut slots: Slots = (0..1_000).map(|_| None).collect();
            let mut good = 0;
            for generation in 0..GENERATIONS {
                // A new thread inherits the blocks of the one before.
                let heir = thread::spawn(move || {
                    let mut rng = Rng::new((index * GENERATIONS + generation) as u64);
                    let good = replace(&mut slots, &mut rng, each, 1_024);
                    (slots, good)
                });
                let Ok((inherited, count)) = heir.join() else { return 0 };
                slots = inherited;
                good += count;
            }
            if clear(slots) { good } else { 0 }
        });
        outcome(good, GENERATIONS * each * THREADS)
    })
}

fn xmalloc(scale: Scale) -> Job {
    const BATCH: usize = 120;
    let each = scale.at_least(15_000, 4);
    Box::new(move || {
        let shared: Mutex<VecDeque<Vec<Block>>> = Mutex::default();
        let take = || shared.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let free = |batch: Option<Vec<Block>>| {
            let numbered = batch.into_iter().flatten().zip(0..);
            numbered.filter_map(|(block, number)| block.free(number).then_some(())).count()
        };
        let mut good = spread(THREADS, |index| {
            let mut rng = Rng::new(index as u64);
            let mut good = 0;
            for _ in 0..each {
                let batch = (0..BATCH as u64).map(|number| Block::new(rng.size(512), number)).collect();
                let waiting = {
                    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    shared.push_back(batch);
                    shared.len()
                };
                if waiting > 2 * THREADS {
                    good += free(take());
                }
            }
            good
        });
        while let Some(batch) = take() {
            good += free(Some(batch));
        }
        outcome(good, BATCH * each * THREADS)
    })
}

/// Adds to all bytes of a small block, again and again, in memory.
fn write(block: &mut [u8; 8], times: usize) {
    for _ in 0..times {
        for byte in black_box(&mut *block) {
            *byte = byte.wrapping_add(1);
        }
    }
}

/// Writes to a block in one go: an allocator that puts the blocks of two threads in one cache line makes this slow.
const WRITES: usize = 500;

fn scratch(scale: Scale) -> Job {
    let each = scale.at_least(60_000, 4);
    Box::new(move || {
        let mut given: Vec<Option<Box<[u8; 8]>>> = (0..THREADS).map(|_| Some(Box::new([0; 8]))).collect();
        let given: Vec<Mutex<Option<Box<[u8; 8]>>>> = given.drain(..).map(Mutex::new).collect();
        let good = spread(THREADS, |index| {
            // The block came from another thread; what takes its place must not stay next to its neighbours.
            drop(given[index].lock().unwrap_or_else(PoisonError::into_inner).take());
            written(each)
        });
        outcome(good, each * THREADS)
    })
}

fn thrash(scale: Scale) -> Job {
    let each = scale.at_least(60_000, 4);
    Box::new(move || outcome(spread(THREADS, |_| written(each)), each * THREADS))
}

/// Allocates a small block, writes to it and frees it, `each` times.
fn written(each: usize) -> usize {
    (0..each)
        .filter(|_| {
            let mut block = Box::new([0_u8; 8]);
            write(&mut block, WRITES);
            *block == [WRITES as u8; 8]
        })
        .count()
}
