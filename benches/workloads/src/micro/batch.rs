//! Many blocks allocated, then all freed: newest first, oldest first, or in random order.
//!
//! Newest first keeps a free list in cache; random order is what breaks one that trusts in order.

use super::block::Block;
use super::pair::outcome;
use crate::rng::Rng;
use crate::workload::{Job, Scale, Workload};

/// Blocks in one batch.
const BATCH: usize = 10_000;

pub(crate) fn list() -> Vec<Workload> {
    let batch = Workload::micro;
    vec![
        batch("lifo-32", lifo::<32>, "10,000 blocks of 32 bytes, freed newest first"),
        batch("lifo-512", lifo::<512>, "10,000 blocks of 512 bytes, freed newest first"),
        batch("fifo-32", fifo::<32>, "10,000 blocks of 32 bytes, freed oldest first"),
        batch("fifo-512", fifo::<512>, "10,000 blocks of 512 bytes, freed oldest first"),
        batch("random-64", random::<64, 1_200>, "10,000 blocks of 64 bytes, freed in random order"),
        batch("random-2k", random::<2_048, 200>, "10,000 blocks of 2 KiB, freed in random order"),
        batch("random-mixed", mixed, "10,000 live blocks of 8 bytes to 8 KiB, replaced in random order"),
        batch(
            "sweep",
            sweep::<8, { 64 << 10 }, 800>,
            "each size from 8 bytes to 64 KiB in turn, eight blocks of it",
        ),
        batch(
            "sweep-large",
            sweep::<{ 64 << 10 }, { 8 << 20 }, 200>,
            "each size from 64 KiB to 8 MiB in turn, eight blocks of it",
        ),
    ]
}

fn lifo<const SIZE: usize>(scale: Scale) -> Job {
    batches::<SIZE>(scale, |blocks| {
        (0..blocks.len()).rev().filter(|&n| blocks.pop().is_some_and(|b| b.free(n as u64))).count()
    })
}

fn fifo<const SIZE: usize>(scale: Scale) -> Job {
    batches::<SIZE>(scale, |blocks| {
        blocks.drain(..).zip(0..).filter_map(|(b, n)| b.free(n).then_some(())).count()
    })
}

/// Batches of equal blocks; `free` frees them all and counts the intact ones.
fn batches<const SIZE: usize>(scale: Scale, free: fn(&mut Vec<Block>) -> usize) -> Job {
    let rounds = scale.of(1_000);
    Box::new(move || {
        let mut blocks = Vec::with_capacity(BATCH);
        let mut good = 0;
        for _ in 0..rounds {
            blocks.extend((0..BATCH as u64).map(|number| Block::new(SIZE, number)));
            good += free(&mut blocks);
        }
        outcome(good, rounds * BATCH)
    })
}

fn random<const SIZE: usize, const ROUNDS: usize>(scale: Scale) -> Job {
    let rounds = scale.of(ROUNDS);
    let mut order: Vec<usize> = (0..BATCH).collect();
    Rng::new(3).shuffle(&mut order);
    Box::new(move || {
        let mut blocks: Vec<Option<Block>> = Vec::with_capacity(BATCH);
        let mut good = 0;
        for _ in 0..rounds {
            blocks.extend((0..BATCH as u64).map(|number| Some(Block::new(SIZE, number))));
            good += order.iter().filter(|&&n| blocks[n].take().is_some_and(|b| b.free(n as u64))).count();
            blocks.clear();
        }
        outcome(good, rounds * BATCH)
    })
}

fn mixed(scale: Scale) -> Job {
    let count = scale.of(10_000_000);
    Box::new(move || {
        let mut rng = Rng::new(4);
        let mut blocks: Vec<Option<(Block, u64)>> = (0..BATCH).map(|_| None).collect();
        let mut good = 0;
        for number in 0..count as u64 {
            let slot = rng.below(BATCH);
            let size = rng.size(8 << 10);
            let old = blocks[slot].replace((Block::new(size, number), number));
            good += usize::from(old.is_some_and(|(block, number)| block.free(number)));
        }
        good += blocks.into_iter().flatten().filter_map(|(b, n)| b.free(n).then_some(())).count();
        outcome(good, count)
    })
}

fn sweep<const LEAST: usize, const MOST: usize, const ROUNDS: usize>(scale: Scale) -> Job {
    let rounds = scale.of(ROUNDS);
    Box::new(move || {
        let (mut good, mut count) = (0, 0);
        for _ in 0..rounds {
            let mut size = LEAST;
            while size <= MOST {
                let blocks: [Block; 8] = std::array::from_fn(|number| Block::new(size, number as u64));
                count += blocks.len();
                good += blocks.into_iter().zip(0..).filter_map(|(b, n)| b.free(n).then_some(())).count();
                size += (size / 32).max(1);
            }
        }
        outcome(good, count)
    })
}
