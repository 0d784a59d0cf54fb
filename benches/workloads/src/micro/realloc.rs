//! Blocks that change: growing step by step, zeroed, and with large alignments.

use std::hint::black_box;

use super::pair::outcome;
use crate::workload::{Job, Outcome, Scale, Workload};

pub(crate) fn list() -> Vec<Workload> {
    let micro = Workload::micro;
    vec![
        micro("grow-push", push, "vectors pushed to from empty to 64 KiB, doubling"),
        micro("grow-step", step, "a vector grown to 8 MiB by 64 KiB at a time"),
        micro("grow-two", two, "two vectors grown in turns to 4 MiB by 16 KiB at a time"),
        micro("shrink", shrink, "vectors of 4 KiB shrunk to fit what is in them"),
        micro("zeroed-1k", zeroed::<1_024, 8_000_000>, "allocate zeroed and free 1 KiB"),
        micro("zeroed-256k", zeroed::<262_144, 100_000>, "allocate zeroed and free 256 KiB"),
        micro("zeroed-4m", zeroed::<4_194_304, 4_000>, "allocate zeroed and free 4 MiB, every page read"),
        micro("aligned-64", aligned_64, "boxes of 64 bytes aligned to 64 bytes, freed oldest first"),
        micro("aligned-4k", aligned_4k, "boxes of 4 KiB aligned to 4 KiB, freed oldest first"),
    ]
}

fn push(scale: Scale) -> Job {
    let rounds = scale.of(20_000);
    Box::new(move || {
        let mut good = 0;
        for round in 0..rounds {
            let mut values: Vec<u32> = Vec::new();
            for value in 0..(16 << 10) {
                values.push(black_box(value));
            }
            good += usize::from(values[round % values.len()] as usize == round % values.len());
        }
        outcome(good, rounds)
    })
}

fn step(scale: Scale) -> Job {
    grow::<1, { 64 << 10 }, { 8 << 20 }>(scale.of(80))
}

fn two(scale: Scale) -> Job {
    grow::<2, { 16 << 10 }, { 4 << 20 }>(scale.of(80))
}

/// `COUNT` vectors grown in turns, `STEP` bytes at a time, until each has `TOP` bytes.
fn grow<const COUNT: usize, const STEP: usize, const TOP: usize>(rounds: usize) -> Job {
    Box::new(move || {
        let mut good = 0;
        for _ in 0..rounds {
            let mut vectors: [Vec<u8>; COUNT] = std::array::from_fn(|_| Vec::new());
            for step in 0..TOP / STEP {
                for vector in &mut vectors {
                    vector.reserve_exact(STEP);
                    vector.resize(vector.len() + STEP, step as u8);
                }
            }
            let intact = |vector: &Vec<u8>| (0..TOP / STEP).all(|step| vector[step * STEP] == step as u8);
            good += vectors.iter().filter(|vector| intact(vector)).count();
        }
        outcome(good, rounds * COUNT)
    })
}

fn shrink(scale: Scale) -> Job {
    let count = scale.of(1_500_000);
    Box::new(move || {
        let mut kept: Vec<Box<[u8]>> = (0..1_000).map(|_| Box::default()).collect();
        let mut good = 0;
        for number in 0..count {
            let mut vector: Vec<u8> = Vec::with_capacity(4_096);
            vector.resize(1 + number % 512, number as u8);
            let old = std::mem::replace(&mut kept[number % 1_000], vector.into_boxed_slice());
            let expected = number.wrapping_sub(1_000);
            good +=
                usize::from(old.is_empty() == (number < 1_000) && old.iter().all(|&b| b == expected as u8));
        }
        outcome(good, count)
    })
}

fn zeroed<const SIZE: usize, const COUNT: usize>(scale: Scale) -> Job {
    let count = scale.of(COUNT);
    Box::new(move || {
        let mut good = 0;
        for number in 0..count {
            let mut block = vec![0_u8; SIZE];
            let clean = block.iter().step_by(4_096).all(|&byte| byte == 0);
            // Dirty it, so that an allocator that hands out the same memory has to clear it.
            block[number % SIZE] = 1;
            block[SIZE - 1] = 1;
            good += usize::from(clean && black_box(block)[SIZE / 2 + 1] <= 1);
        }
        outcome(good, count)
    })
}

#[derive(Debug)]
#[repr(align(64))]
struct Line([u8; 64]);

#[derive(Debug)]
#[repr(align(4096))]
struct Page([u8; 4_096]);

fn aligned_64(scale: Scale) -> Job {
    let rounds = scale.of(800);
    Box::new(move || boxes(rounds, 10_000, |n| Line([n as u8; 64]), |line| line.0[63], 64))
}

fn aligned_4k(scale: Scale) -> Job {
    let rounds = scale.of(400);
    Box::new(move || boxes(rounds, 1_000, |n| Page([n as u8; 4_096]), |page| page.0[4_095], 4_096))
}

/// Rounds of `batch` boxes, each checked for its alignment and last byte.
fn boxes<T>(rounds: usize, batch: usize, make: fn(usize) -> T, last: fn(&T) -> u8, align: usize) -> Outcome {
    let mut good = 0;
    let mut held: Vec<Box<T>> = Vec::with_capacity(batch);
    for _ in 0..rounds {
        held.extend((0..batch).map(|number| Box::new(make(number))));
        for (number, item) in held.drain(..).enumerate() {
            let item = black_box(item);
            let addr = (&raw const *item).addr();
            good += usize::from(addr.is_multiple_of(align) && last(&item) == number as u8);
        }
    }
    outcome(good, rounds * batch)
}
