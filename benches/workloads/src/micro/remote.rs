//! Blocks freed by a thread that did not allocate them.

use std::sync::mpsc::sync_channel;
use std::thread;

use super::block::Block;
use super::pair::outcome;
use crate::rng::Rng;
use crate::workload::{Job, Scale, Workload};

pub(crate) fn list() -> Vec<Workload> {
    let micro = Workload::micro;
    vec![
        micro("remote-64", stream::<64, 60_000>, "one thread allocates 64 bytes, another frees them")
            .threads(2),
        micro("remote-8k", stream::<8_192, 12_000>, "one thread allocates 8 KiB, another frees them")
            .threads(2),
        micro(
            "handover",
            handover,
            "four threads, each frees what the one before allocated and allocates anew",
        )
        .threads(4),
    ]
}

/// Blocks in one message, so that the channel costs little beside them.
const BATCH: usize = 100;

fn stream<const SIZE: usize, const BATCHES: usize>(scale: Scale) -> Job {
    let batches = scale.of(BATCHES);
    Box::new(move || {
        let (sender, receiver) = sync_channel::<Vec<Block>>(64);
        let good = thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..batches {
                    let blocks = (0..BATCH as u64).map(|number| Block::new(SIZE, number)).collect();
                    if sender.send(blocks).is_err() {
                        return;
                    }
                }
            });
            let freed = |blocks: Vec<Block>| {
                blocks.into_iter().zip(0..).filter_map(|(b, n)| b.free(n).then_some(())).count()
            };
            receiver.into_iter().map(freed).sum()
        });
        outcome(good, batches * BATCH)
    })
}

/// A thread's work in one round: free all of the last owner's blocks, allocate as many again.
fn replace(blocks: &mut Vec<Block>, rng: &mut Rng) -> usize {
    let count = blocks.len();
    let good = blocks.drain(..).zip(0..).filter_map(|(b, n)| b.free(n).then_some(())).count();
    blocks.extend((0..count as u64).map(|number| Block::new(rng.size(1_024), number)));
    good
}

fn handover(scale: Scale) -> Job {
    const THREADS: usize = 4;
    const BLOCKS: usize = 2_000;
    let rounds = scale.of(1_500);
    Box::new(move || {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..THREADS).map(|_| sync_channel::<Vec<Block>>(1)).unzip();
        let good: usize = thread::scope(|scope| {
            let threads: Vec<_> = receivers
                .into_iter()
                .enumerate()
                .map(|(index, receiver)| {
                    let next = senders[(index + 1) % THREADS].clone();
                    scope.spawn(move || {
                        let mut rng = Rng::new(index as u64);
                        let mut good = 0;
                        let mut blocks: Vec<Block> = (0..BLOCKS as u64).map(|n| Block::new(64, n)).collect();
                        for _ in 0..rounds {
                            if next.send(blocks).is_err() {
                                return good;
                            }
                            blocks = receiver.recv().unwrap_or_default();
                            good += replace(&mut blocks, &mut rng);
                        }
                        good
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
        });
        outcome(good, rounds * THREADS * BLOCKS)
    })
}
