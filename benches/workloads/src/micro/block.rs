//! The block that micro workloads pass around: raw bytes with a number at the start.

use std::hint::black_box;

/// A block of the requested size whose first eight bytes (or fewer, if it is smaller) are its number.
#[derive(Debug)]
pub(crate) struct Block(Vec<u8>);

impl Block {
    /// Allocates `size` bytes, writes `number` at the start, and leaves the rest as it is.
    #[inline]
    pub(crate) fn new(size: usize, number: u64) -> Self {
        let mut bytes = Vec::with_capacity(size);
        bytes.extend_from_slice(&number.to_le_bytes()[..size.min(8)]);
        // Without this the compiler may see that nobody needs the block and remove the pair of calls.
        Self(black_box(bytes))
    }

    /// Frees the block; true if it still holds `number`.
    #[inline]
    pub(crate) fn free(self, number: u64) -> bool {
        self.0[..] == number.to_le_bytes()[..self.0.len()]
    }

    /// Writes all of the block but its number, so that all of it is resident.
    pub(crate) fn touch(&mut self) {
        const PIECE: [u8; 4_096] = [7; 4_096];
        let start = self.0.len();
        while self.0.len() < self.0.capacity() {
            let room = self.0.capacity() - self.0.len();
            self.0.extend_from_slice(&PIECE[..room.min(PIECE.len())]);
        }
        self.0.truncate(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_knows_its_number() {
        for size in [1, 7, 8, 9, 4_096, 10_000] {
            assert!(Block::new(size, 200).free(200), "{size}");
            assert!(!Block::new(size, 200).free(201), "{size}");
        }
    }

    #[test]
    fn touching_a_block_keeps_its_number() {
        let mut block = Block::new(10_000, 0x0102_0304_0506_0708);
        block.touch();
        assert!(block.free(0x0102_0304_0506_0708));
    }
}
