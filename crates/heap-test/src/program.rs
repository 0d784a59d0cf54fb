//! [`Program`]: a client as data, so that one sequence of calls can be replayed, cut down, printed and fuzzed.
#![forbid(unsafe_code)]

use core::fmt;

use heap_core::SizeClasses;

use crate::limits::Limits;
use crate::rng::Rng;

/// Places for blocks that a program can name.
pub const SLOTS: usize = 64;
/// Bytes of input that make one [`Op`].
pub const OP_BYTES: usize = 4;

/// One step of a [`Program`]. Sizes and alignments are in bytes; a step on an empty slot does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Frees what is in the slot and allocates there: slot, size, alignment.
    Alloc(u8, usize, usize),
    /// As `Alloc`, through `alloc_zeroed`.
    Zeroed(u8, usize, usize),
    /// Frees the block in the slot.
    Free(u8),
    /// Asks to change the size in place.
    Resize(u8, usize),
    /// Asks to change the size, perhaps by moving.
    Remap(u8, usize),
    /// Changes the size and the alignment.
    Realloc(u8, usize, usize),
    /// From now on passes back the usable size of the block instead of the requested one.
    Claim(u8),
    /// Hands the block to the next thread of a replay on several; on one thread, checks it.
    Hand(u8),
}

/// A sequence of calls to an allocator.
///
/// Made from a seed, from the raw bytes of a fuzzer or from steps written down; the same input makes the same program
/// on every machine. Prints as the expression that makes it, to be pasted into a test.
///
/// ```
/// use heap_core::Global;
/// use heap_test::{Limits, Program};
/// let program = Program::from_seed(1, 1000, &Limits::DEFAULT);
/// program.run(&Global, &Limits::DEFAULT)?;
/// # Ok::<(), heap_test::Failure>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    ops: Vec<Op>,
}

impl Program {
    /// The steps that `bytes` stand for, [`OP_BYTES`] a step; a rest is left out.
    ///
    /// Sizes lie within 2 bytes of a size class boundary most of the time, small ones more often than large ones.
    /// Any input is a program, and cutting a whole step out of the input cuts it out of the program. Complexity O(n).
    #[must_use]
    pub fn from_bytes(bytes: &[u8], limits: &Limits) -> Self {
        let ops = bytes.as_chunks::<OP_BYTES>().0.iter().map(|&code| decode(code, limits)).collect();
        Self { ops }
    }

    /// A random program of `len` steps. Complexity O(n).
    #[must_use]
    pub fn from_seed(seed: u64, len: usize, limits: &Limits) -> Self {
        let mut rng = Rng::new(seed);
        let ops = (0..len).map(|_| decode((rng.next_u64() as u32).to_le_bytes(), limits)).collect();
        Self { ops }
    }

    /// The steps.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }
}

impl<const N: usize> From<[Op; N]> for Program {
    fn from(ops: [Op; N]) -> Self {
        Self { ops: ops.into() }
    }
}

impl From<Vec<Op>> for Program {
    fn from(ops: Vec<Op>) -> Self {
        Self { ops }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program::from([")?;
        for (nth, op) in self.ops.iter().enumerate() {
            f.write_str(if nth == 0 { "" } else { ", " })?;
            write!(f, "Op::{op:?}")?;
        }
        f.write_str("])")
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One step from four bytes: verb and alignment, slot, and two bytes of size.
fn decode([head, slot, low, high]: [u8; OP_BYTES], limits: &Limits) -> Op {
    let slot = slot % SLOTS as u8;
    let size = decode_size(u16::from_le_bytes([low, high]), limits.max_size);
    let align = decode_align(head >> 3, limits.max_align);
    match head & 7 {
        0 | 1 => Op::Alloc(slot, size, align),
        2 => Op::Free(slot),
        3 => Op::Resize(slot, size),
        4 => Op::Remap(slot, size),
        5 => Op::Realloc(slot, size, align),
        6 => Op::Zeroed(slot, size, align),
        _ if low & 1 == 0 => Op::Claim(slot),
        _ => Op::Hand(slot),
    }
}

/// A size of at most `max`: half of all codes spread evenly over the size classes, half lean towards small ones.
fn decode_size(code: u16, max: usize) -> usize {
    let (delta, lean, pick) = (code & 15, code & 16 != 0, usize::from(code >> 5));
    let classes = if max == 0 { 0 } else { SizeClasses::count_up_to(max) };
    let class = if lean { (pick * pick * classes) >> 22 } else { (pick * classes) >> 11 };
    let boundary = SizeClasses::class_size(class);
    let size = match delta {
        // Now and then a size from nowhere, or none.
        15 => boundary / 2 + pick,
        14 => boundary.saturating_sub(boundary / 16 + 3),
        13 if pick < 32 => 0,
        near => (boundary + usize::from(near % 5)).saturating_sub(2),
    };
    size.min(max)
}

/// An alignment of at most `max`: usually one that types have, sometimes a page or more.
fn decode_align(code: u8, max: usize) -> usize {
    let log2 = match code {
        0..=19 => code % 5,
        20..=28 => code - 15,
        _ => (code - 29) * 2 + 14,
    };
    (1 << log2).min(max)
}
