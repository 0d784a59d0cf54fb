//! Allocate one block and free it at once: the shortest life there is, for one size at a time.
//!
//! The size is a constant, as in `Box::new`. From 64 KiB on every page of the block is written as well, in a
//! second family, because an allocator that gives the pages back pays for them there and not in the call.

use std::hint::black_box;

use super::block::Block;
use crate::workload::{Job, Outcome, Scale, Workload};

pub(crate) fn list() -> Vec<Workload> {
    let pair = Workload::micro;
    vec![
        pair("pair-8", pair_of::<8, 20_000_000>, "allocate and free 8 bytes"),
        pair("pair-64", pair_of::<64, 20_000_000>, "allocate and free 64 bytes"),
        pair("pair-512", pair_of::<512, 20_000_000>, "allocate and free 512 bytes"),
        pair("pair-4k", pair_of::<4_096, 15_000_000>, "allocate and free 4 KiB"),
        pair("pair-16k", pair_of::<16_384, 8_000_000>, "allocate and free 16 KiB"),
        pair("pair-32k", pair_of::<32_768, 8_000_000>, "allocate and free 32 KiB"),
        pair("pair-128k", pair_of::<131_072, 8_000_000>, "allocate and free 128 KiB"),
        pair("pair-1m", pair_of::<1_048_576, 1_000_000>, "allocate and free 1 MiB"),
        pair("pair-8m", pair_of::<8_388_608, 1_000_000>, "allocate and free 8 MiB"),
        pair("touch-64k", touch_of::<65_536, 300_000>, "allocate, write and free 64 KiB"),
        pair("touch-1m", touch_of::<1_048_576, 20_000>, "allocate, write and free 1 MiB"),
        pair("touch-8m", touch_of::<8_388_608, 1_500>, "allocate, write and free 8 MiB"),
    ]
}

fn pair_of<const SIZE: usize, const COUNT: usize>(scale: Scale) -> Job {
    let count = scale.of(COUNT);
    Box::new(move || {
        let good = (0..count as u64).filter(|&number| Block::new(SIZE, number).free(number)).count();
        outcome(good, count)
    })
}

fn touch_of<const SIZE: usize, const COUNT: usize>(scale: Scale) -> Job {
    let count = scale.of(COUNT);
    Box::new(move || {
        let good = (0..count as u64).filter(|&number| {
            let mut block = Block::new(SIZE, number);
            block.touch();
            black_box(block).free(number)
        });
        outcome(good.count(), count)
    })
}

/// The outcome of `count` blocks of which `good` were intact.
pub(crate) fn outcome(good: usize, count: usize) -> Outcome {
    Outcome { ok: good == count, check: format!("blocks={good}"), ops: count as u64 }
}
