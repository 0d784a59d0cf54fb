//! Known bytes behind a block, where its slot has room for them: whoever writes past the end of the block writes there.

use crate::secret::secret;

/// The longest canary, in bytes.
const LEN: usize = 16;

/// The bytes for the block at `addr`: from the secret, so that an overflow cannot be made to fit, and from the address, so
/// that a copied one does not.
#[inline]
fn bytes(addr: usize) -> u128 {
    let word = |salt: usize| (secret() ^ addr.rotate_left(17)).wrapping_mul(salt) as u64;
    u128::from(word(0x9e37_79b1)) | u128::from(word(0x85eb_ca77)) << 64
}

/// Calls `f` with pieces of a canary of `len` bytes, each with its offset, which overlap and cover it all. Stops where `f` says so.
#[inline]
fn pieces(canary: u128, len: usize, mut f: impl FnMut(usize, Piece) -> bool) -> bool {
    let shifted = |from: usize| canary >> (8 * from);
    match len {
        0 => true,
        LEN.. => f(0, Piece::Sixteen(canary)),
        8.. => f(0, Piece::Eight(canary as u64)) && f(len - 8, Piece::Eight(shifted(len - 8) as u64)),
        4.. => f(0, Piece::Four(canary as u32)) && f(len - 4, Piece::Four(shifted(len - 4) as u32)),
        _ => (0..len).all(|at| f(at, Piece::One(shifted(at) as u8))),
    }
}

/// Some bytes of a canary.
#[derive(Clone, Copy)]
enum Piece {
    Sixteen(u128),
    Eight(u64),
    Four(u32),
    One(u8),
}

/// Writes the canary of a block of `size` bytes with `slack` more behind it.
///
/// # Safety
///
/// `size + slack` bytes at `block` are the caller's to write.
#[inline]
pub(crate) unsafe fn write(block: *mut u8, size: usize, slack: usize) {
    if slack == 0 {
        return;
    }
    pieces(bytes(block.addr()), slack, |at, piece| {
        // SAFETY: the caller's promise: a piece lies in the slack.
        unsafe {
            let to = block.add(size + at);
            match piece {
                Piece::Sixteen(bytes) => to.cast::<u128>().write_unaligned(bytes.to_le()),
                Piece::Eight(bytes) => to.cast::<u64>().write_unaligned(bytes.to_le()),
                Piece::Four(bytes) => to.cast::<u32>().write_unaligned(bytes.to_le()),
                Piece::One(byte) => to.write(byte),
            }
        }
        true
    });
}

/// Whether the canary is as [`write`] left it.
///
/// # Safety
///
/// `size + slack` bytes at `block` may be read, and [`write`] was called with these.
#[inline]
pub(crate) unsafe fn is_whole(block: *const u8, size: usize, slack: usize) -> bool {
    if slack == 0 {
        return true;
    }
    pieces(bytes(block.addr()), slack, |at, piece| {
        // SAFETY: the caller's promise: a piece lies in the slack.
        unsafe {
            let from = block.add(size + at);
            match piece {
                Piece::Sixteen(bytes) => from.cast::<u128>().read_unaligned() == bytes.to_le(),
                Piece::Eight(bytes) => from.cast::<u64>().read_unaligned() == bytes.to_le(),
                Piece::Four(bytes) => from.cast::<u32>().read_unaligned() == bytes.to_le(),
                Piece::One(byte) => from.read() == byte,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changed_byte_shows() {
        let mut slot = [0u8; 64];
        let block = slot.as_mut_ptr();
        for size in 40..64 {
            let slack = 64 - size;
            for past in 0..slack.min(LEN) {
                // SAFETY: the slot is 64 bytes long.
                unsafe {
                    write(block, size, slack);
                    assert!(is_whole(block, size, slack));
                    *block.add(size + past) ^= 1;
                    assert!(!is_whole(block, size, slack), "{size} {past}");
                }
            }
        }
    }

    #[test]
    fn another_place_has_another_canary() {
        assert_ne!(bytes(64), bytes(80));
    }
}
