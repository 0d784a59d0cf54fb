//! Large buffers that come and go: frames of 64 KiB to 8 MiB, decoded, kept for a while, scaled, dropped.
//!
//! Whoever maps and unmaps each of them pays for every page; whoever keeps them all pays in memory.

use std::collections::VecDeque;

use crate::rng::Rng;
use crate::sum::Sum;
use crate::workload::{Job, Outcome, Scale};

/// Streams that are decoded at the same time; each has its own frame size.
const STREAMS: usize = 8;
/// Frames of one stream alive at most.
const WINDOW: usize = 5;
const SMALLEST: usize = 64 << 10;

/// A decoded picture: bytes, and its number in the stream.
struct Frame {
    bytes: Vec<u8>,
    number: u64,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let steps = scale.at_least(1_200, 5);
    Box::new(move || {
        let mut rng = Rng::new(100);
        let mut streams: Vec<VecDeque<Frame>> = (0..STREAMS).map(|_| VecDeque::new()).collect();
        let mut sum = Sum::new();
        let mut ok = true;
        for number in 0..steps as u64 {
            let stream = rng.below(STREAMS);
            // Sizes differ by a few rows, as cropped pictures do, so that few are equal.
            let length = (SMALLEST << stream) + rng.below(64) * 1_024;
            let frame = decode(length, number);
            let small = halve(&frame);
            sum.add(small.bytes.iter().step_by(997).map(|&byte| u64::from(byte)).sum());
            let window = &mut streams[stream];
            window.push_back(frame);
            if window.len() > WINDOW || rng.chance(10) {
                ok &= window.pop_front().is_some_and(|frame| intact(&frame));
            }
            if rng.chance(2) {
                ok &= window.drain(..).all(|frame| intact(&frame));
            }
        }
        ok &= streams.into_iter().flatten().all(|frame| intact(&frame));
        Outcome { ok, check: format!("frames={steps} sum={:x}", sum.get()), ops: steps as u64 }
    })
}

/// A frame whose byte at `n` is the number plus `n / 4096`.
fn decode(length: usize, number: u64) -> Frame {
    let mut bytes = Vec::with_capacity(length);
    for (page, start) in (0..length).step_by(4_096).enumerate() {
        let rest = (length - start).min(4_096);
        bytes.extend_from_slice(&[value(number, page); 4_096][..rest]);
    }
    Frame { bytes, number }
}

fn value(number: u64, page: usize) -> u8 {
    (number as usize).wrapping_add(page) as u8
}

/// Every second byte, in a fresh buffer.
fn halve(frame: &Frame) -> Frame {
    Frame { bytes: frame.bytes.iter().step_by(2).copied().collect(), number: frame.number }
}

fn intact(frame: &Frame) -> bool {
    frame.bytes.iter().step_by(4_096).enumerate().all(|(page, &byte)| byte == value(frame.number, page))
}
