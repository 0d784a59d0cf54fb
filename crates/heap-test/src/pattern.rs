//! What a test client writes into its blocks: bytes that tell the block and the place in it.
//!
//! Filling and checking go by `memcpy` and `memcmp` from one table, so that they cost little also without
//! optimisation. The table's length is a prime, so a copy that is off by any power of two is seen.
#![forbid(unsafe_code)]

use core::mem::MaybeUninit;
use core::ops::Range;

use crate::rng::Rng;

/// Length of the table in bytes: the largest prime below 4 KiB.
const PERIOD: usize = 4093;
/// Up to this length a block is filled and checked whole; above, at its ends and in a few places between,
/// because each page that is touched for the first time costs more than the operation under test.
const WHOLE: usize = 32 << 10;
/// Bytes at each end of a longer block.
const END: usize = 8 << 10;
/// Places between the ends of a longer block, and their length in bytes.
const PROBES: usize = 14;
const PROBE: usize = 64;

/// The table twice over, so that a period can be read from any start.
static TABLE: [u8; 2 * PERIOD] = table();

const fn table() -> [u8; 2 * PERIOD] {
    let mut bytes = [0; 2 * PERIOD];
    let mut rng = Rng::new(0x68_65_61_70);
    let mut at = 0;
    while at < PERIOD {
        // Never zero: zero is what an allocator's fresh memory looks like.
        bytes[at] = (rng.next_u64() % 255) as u8 + 1;
        bytes[at + PERIOD] = bytes[at];
        at += 1;
    }
    bytes
}

/// The ranges of a block of `len` bytes that hold the pattern, in ascending order.
pub(crate) fn pieces(len: usize) -> impl Iterator<Item = Range<usize>> {
    let long = len > WHOLE;
    let head = 0..if long { END } else { len };
    let probes = (1..=if long { PROBES } else { 0 }).map(move |nth| {
        let at = END + (len - 2 * END - PROBE) / PROBES * nth;
        at..at + PROBE
    });
    let tail = long.then(|| len - END..len);
    core::iter::once(head).chain(probes).chain(tail)
}

/// The pattern of `stamp` for `len <= PERIOD` bytes from `offset` on.
fn expected(stamp: u64, offset: usize, len: usize) -> &'static [u8] {
    let start = ((stamp % PERIOD as u64) as usize + offset % PERIOD) % PERIOD;
    &TABLE[start..start + len]
}

/// Writes the pattern of `stamp` for the bytes that lie `offset` bytes into a block.
pub(crate) fn fill(bytes: &mut [MaybeUninit<u8>], stamp: u64, offset: usize) {
    for (nth, part) in bytes.chunks_mut(PERIOD).enumerate() {
        part.write_copy_of_slice(expected(stamp, offset + nth * PERIOD, part.len()));
    }
}

/// The first byte that differs from the pattern: its offset in the block, what was written, what is there.
pub(crate) fn difference(bytes: &[u8], stamp: u64, offset: usize) -> Option<(usize, u8, u8)> {
    for (nth, part) in bytes.chunks(PERIOD).enumerate() {
        let start = offset + nth * PERIOD;
        let wrote = expected(stamp, start, part.len());
        if part != wrote {
            let at = part.iter().zip(wrote).position(|(found, wrote)| found != wrote)?;
            return Some((start + at, wrote[at], part[at]));
        }
    }
    None
}

/// The first byte that is not zero: its offset, and what is there.
pub(crate) fn first_set_byte(bytes: &[u8]) -> Option<(usize, u8)> {
    const ZEROS: [u8; PERIOD] = [0; PERIOD];
    for (nth, part) in bytes.chunks(PERIOD).enumerate() {
        if part != &ZEROS[..part.len()] {
            let at = part.iter().position(|&byte| byte != 0)?;
            return Some((nth * PERIOD + at, part[at]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_lie_in_order_inside_the_block() {
        for len in [0, 1, WHOLE, WHOLE + 1, 100_000, 1 << 20, (64 << 20) + 13] {
            let mut end = 0;
            for piece in pieces(len) {
                assert!(piece.start >= end && piece.end <= len, "{piece:?} of {len}");
                end = piece.end;
            }
            assert_eq!(end, len);
        }
    }

    #[test]
    fn a_shifted_copy_and_another_stamp_are_seen() {
        let mut bytes = vec![MaybeUninit::new(0); 10_000];
        fill(&mut bytes, 5, 0);
        let bytes: Vec<u8> = expected(5, 0, PERIOD).iter().chain(expected(5, 0, PERIOD)).copied().collect();
        assert_eq!(difference(&bytes, 5, 0), None);
        assert!(difference(&bytes, 6, 0).is_some());
        for shift in [1, 8, 4096, 8192] {
            assert!(difference(&bytes, 5, shift).is_some(), "{shift}");
        }
    }

    #[test]
    fn the_first_wrong_byte_is_named() {
        let mut bytes: Vec<u8> = expected(9, 0, PERIOD).repeat(3);
        bytes[5000] ^= 0xff;
        let (at, wrote, found) = difference(&bytes, 9, 0).unwrap();
        assert_eq!((at, wrote), (5000, !found));
        assert_eq!(first_set_byte(&[0, 0, 3]), Some((2, 3)));
        assert_eq!(first_set_byte(&[0; 9000]), None);
    }
}
