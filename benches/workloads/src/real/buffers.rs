//! Buffers that grow while others do: connections filling, texts being built, bytes split off and sent.
//!
//! Most of the work is `realloc`; whoever can grow in place need not copy.

use bytes::{BufMut, Bytes, BytesMut};

use crate::rng::Rng;
use crate::sum::Sum;
use crate::workload::{Job, Outcome, Scale};

/// Buffers that grow at the same time.
const OPEN: usize = 64;

pub(crate) fn prepare(scale: Scale) -> Job {
    let steps = scale.at_least(12_000_000, 2_000);
    Box::new(move || {
        let mut rng = Rng::new(2);
        let mut bytes: Vec<Vec<u8>> = (0..OPEN).map(|_| Vec::new()).collect();
        let mut texts: Vec<String> = (0..OPEN).map(|_| String::new()).collect();
        let mut frames: Vec<BytesMut> = (0..OPEN).map(|_| BytesMut::new()).collect();
        let mut sent: Vec<Bytes> = Vec::new();
        let (mut written, mut seen) = (0_usize, 0_usize);
        let mut sum = Sum::new();
        for step in 0..steps {
            let slot = rng.below(OPEN);
            let length = rng.size(8 << 10);
            match rng.below(3) {
                0 => bytes[slot].extend(std::iter::repeat_n(step as u8, length)),
                1 => texts[slot].extend(std::iter::repeat_n('x', length)),
                _ => frames[slot].put_bytes(step as u8, length),
            }
            written += length;
            if rng.below(2_000) == 0 {
                seen += finish(&mut bytes[slot], &mut texts[slot], &mut sum);
            }
            if frames[slot].len() > 256 << 10 {
                sent.push(frames[slot].split().freeze());
            }
            if sent.len() > 32 {
                seen += sent.drain(..16).map(|frame| take(&frame, &mut sum)).sum::<usize>();
            }
        }
        seen += bytes.iter_mut().zip(&mut texts).map(|(b, t)| finish(b, t, &mut sum)).sum::<usize>();
        seen += sent.iter().map(|frame| take(frame, &mut sum)).sum::<usize>();
        seen += frames.iter().map(|frame| take(frame, &mut sum)).sum::<usize>();
        let check = format!("bytes={seen} sum={:x}", sum.get());
        Outcome { ok: seen == written, check, ops: steps as u64 }
    })
}

/// Closes a connection: both its buffers are read and dropped.
fn finish(bytes: &mut Vec<u8>, text: &mut String, sum: &mut Sum) -> usize {
    let (bytes, text) = (std::mem::take(bytes), std::mem::take(text));
    let crosses = text.bytes().filter(|&byte| byte == b'x').count();
    take(&bytes, sum) + crosses
}

fn take(frame: &[u8], sum: &mut Sum) -> usize {
    sum.add(frame.iter().map(|&byte| u64::from(byte)).sum());
    frame.len()
}
