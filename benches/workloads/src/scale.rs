//! The same work shared by 1 to 128 threads, in six patterns: does throughput hold as threads are added?
//!
//! The work, and the blocks that are alive at a time, are the same for every number of threads (where a batch is handed
//! on: for each batch), so what changes with the number is the allocator's and the system's part.

use std::collections::VecDeque;
use std::sync::Barrier;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use crate::micro::block::Block;
use crate::micro::pair::outcome;
use crate::rng::Rng;
use crate::workload::{Job, Scale, Workload};

/// How many threads share the work.
pub(crate) const COUNTS: [usize; 6] = [1, 2, 4, 8, 32, 128];

/// Blocks in one batch that is handed on.
const BATCH: usize = 1_000;

/// A pattern: its names at each of [`COUNTS`], what it does, how many threads run, and how it is prepared.
type Pattern = ([&'static str; COUNTS.len()], &'static str, fn(Scale, usize) -> Job);

const PATTERNS: [Pattern; 6] = [
    (
        ["small-1", "small-2", "small-4", "small-8", "small-32", "small-128"],
        "blocks of up to 256 bytes replaced at random",
        small,
    ),
    (
        ["mixed-1", "mixed-2", "mixed-4", "mixed-8", "mixed-32", "mixed-128"],
        "blocks of up to 4 KiB, one in 16 of 32 KiB to 1 MiB, replaced at random",
        mixed,
    ),
    (
        ["large-1", "large-2", "large-4", "large-8", "large-32", "large-128"],
        "blocks of 32 KiB to 1 MiB replaced at random",
        large,
    ),
    (
        ["ring-1", "ring-2", "ring-4", "ring-8", "ring-32", "ring-128"],
        "each thread frees what the one before allocated and allocates anew",
        ring,
    ),
    (
        ["stream-1", "stream-2", "stream-4", "stream-8", "stream-32", "stream-128"],
        "half of the threads allocate, the others free",
        stream,
    ),
    (
        ["heirs-1", "heirs-2", "heirs-4", "heirs-8", "heirs-32", "heirs-128"],
        "blocks replaced at random by threads that die and leave all to a new one (larson)",
        heirs,
    ),
];

/// All patterns at all numbers of threads.
pub(crate) fn list() -> Vec<Workload> {
    let one = |(names, what, prepare): Pattern| {
        names
            .into_iter()
            .zip(COUNTS)
            .map(move |(name, threads)| Workload::scale(name, prepare, threads, what))
    };
    PATTERNS.into_iter().flat_map(one).collect()
}

type Slots = Vec<Option<(Block, u64)>>;

/// Replaces random blocks `count` times; how many of the replaced were intact.
fn replace(slots: &mut Slots, rng: &mut Rng, count: usize, size: fn(&mut Rng) -> usize) -> usize {
    let mut good = 0;
    for number in 0..count as u64 {
        let slot = rng.below(slots.len());
        let old = slots[slot].replace((Block::new(size(rng), number), number));
        good += usize::from(old.is_none_or(|(block, number)| block.free(number)));
    }
    good
}

fn clear(slots: Slots) -> bool {
    slots.into_iter().flatten().all(|(block, number)| block.free(number))
}

fn empty(count: usize) -> Slots {
    (0..count.max(1)).map(|_| None).collect()
}

/// Runs `work` in `count` threads, which begin when all are there, and adds up what they return.
fn spread(count: usize, work: impl Fn(usize) -> usize + Sync) -> usize {
    let (work, start) = (&work, &Barrier::new(count));
    thread::scope(|scope| {
        let begin = move |index| {
            start.wait();
            work(index)
        };
        let threads: Vec<_> = (0..count).map(|index| scope.spawn(move || begin(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    })
}

/// `ops` replacements among `live` blocks, both shared by the threads.
fn replacing(threads: usize, ops: usize, live: usize, size: fn(&mut Rng) -> usize) -> Job {
    let (each, slots) = (ops.div_ceil(threads), live / threads);
    Box::new(move || {
        let good = spread(threads, |index| {
            let mut slots = empty(slots);
            let good = replace(&mut slots, &mut Rng::new(index as u64), each, size);
            if clear(slots) { good } else { 0 }
        });
        outcome(good, each * threads)
    })
}

/// 32 KiB to 1 MiB, each doubling as likely as the next.
fn large_size(rng: &mut Rng) -> usize {
    let low = (32 << 10) << rng.below(5);
    rng.range(low, 2 * low)
}

fn mixed_size(rng: &mut Rng) -> usize {
    if rng.below(16) == 0 { large_size(rng) } else { rng.size(4_096) }
}

fn small(scale: Scale, threads: usize) -> Job {
    replacing(threads, scale.of(10_000_000), 32_768, |rng| rng.size(256))
}

fn mixed(scale: Scale, threads: usize) -> Job {
    replacing(threads, scale.of(3_000_000), 4_096, mixed_size)
}

fn large(scale: Scale, threads: usize) -> Job {
    replacing(threads, scale.of(600_000), 512, large_size)
}

/// Frees a batch and counts the intact blocks.
fn free_all(batch: Vec<Block>) -> usize {
    batch.into_iter().zip(0..).filter_map(|(block, number)| block.free(number).then_some(())).count()
}

fn fresh(rng: &mut Rng) -> Vec<Block> {
    (0..BATCH as u64).map(|number| Block::new(rng.size(1_024), number)).collect()
}

fn ring(scale: Scale, threads: usize) -> Job {
    let rounds = scale.of(6_000).div_ceil(threads);
    Box::new(move || {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..threads).map(|_| sync_channel::<Vec<Block>>(1)).unzip();
        let good = thread::scope(|scope| {
            let next = senders.iter().cycle().skip(1);
            let lanes: Vec<_> = receivers
                .into_iter()
                .zip(next)
                .enumerate()
                .map(|(index, (from, to))| {
                    let to = to.clone();
                    scope.spawn(move || {
                        let mut rng = Rng::new(index as u64);
                        let mut good = 0;
                        for _ in 0..rounds {
                            if to.send(fresh(&mut rng)).is_err() {
                                break;
                            }
                            good += from.recv().map_or(0, free_all);
                        }
                        good
                    })
                })
                .collect();
            lanes.into_iter().map(|lane| lane.join().unwrap_or(0)).sum()
        });
        outcome(good, rounds * threads * BATCH)
    })
}

fn produce(rng: &mut Rng, batches: usize, to: &SyncSender<Vec<Block>>) {
    for _ in 0..batches {
        if to.send(fresh(rng)).is_err() {
            return;
        }
    }
}

fn consume(from: Receiver<Vec<Block>>) -> usize {
    from.into_iter().map(free_all).sum()
}

fn stream(scale: Scale, threads: usize) -> Job {
    const WAITING: usize = 4;
    let pairs = (threads / 2).max(1);
    let batches = scale.of(6_000).div_ceil(pairs);
    let alone = move || {
        let (mut rng, mut waiting, mut good) = (Rng::new(0), VecDeque::new(), 0);
        for _ in 0..batches {
            waiting.push_back(fresh(&mut rng));
            if waiting.len() > WAITING {
                good += waiting.pop_front().map_or(0, free_all);
            }
        }
        good + waiting.into_iter().map(free_all).sum::<usize>()
    };
    Box::new(move || {
        if threads == 1 {
            return outcome(alone(), batches * BATCH);
        }
        let good = thread::scope(|scope| {
            let mut consumers = Vec::new();
            for index in 0..pairs {
                let (to, from) = sync_channel(WAITING);
                scope.spawn(move || produce(&mut Rng::new(index as u64), batches, &to));
                consumers.push(scope.spawn(move || consume(from)));
            }
            consumers.into_iter().map(|consumer| consumer.join().unwrap_or(0)).sum()
        });
        outcome(good, batches * pairs * BATCH)
    })
}

fn heirs(scale: Scale, threads: usize) -> Job {
    /// Lives of all threads together.
    const LIVES: usize = 384;
    let generations = LIVES / threads;
    let each = scale.of(8_000_000).div_ceil(LIVES);
    Box::new(move || {
        let good = spread(threads, |lane| {
            let mut slots = empty(16_384 / threads);
            let mut good = 0;
            for generation in 0..generations {
                let heir = thread::spawn(move || {
                    let mut rng = Rng::new((lane * generations + generation) as u64);
                    let good = replace(&mut slots, &mut rng, each, |rng| rng.size(1_024));
                    (slots, good)
                });
                let Ok((inherited, count)) = heir.join() else { return 0 };
                slots = inherited;
                good += count;
            }
            if clear(slots) { good } else { 0 }
        });
        outcome(good, generations * threads * each)
    })
}
