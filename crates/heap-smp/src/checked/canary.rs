//! Known bytes behind a block, where its slot has room for them: whoever writes past the end of the block writes there.

use crate::secret::secret;

/// The longest canary, in bytes.
const LEN: usize = 16;

/// The bytes for the block at `addr`: from the secret, so that an overflow cannot be made to fit, and from the address, so
/// that a copied one does not.
#[inline]
fn bytes(addr: usize) -> [u8; LEN] {
    let word = |salt: usize| ((secret() ^ addr.rotate_left(17)).wrapping_mul(salt) as u64).to_ne_bytes();
    let (a, b) = (word(0x9e37_79b1), word(0x85eb_ca77));
    let mut all = [0; LEN];
    all[..8].copy_from_slice(&a);
    all[8..].copy_from_slice(&b);
    all
}

/// Writes the canary of a block of `size` bytes with `slack` more behind it.
///
/// # Safety
///
/// `size + slack` bytes at `block` are the caller's to write.
#[inline]
pub(crate) unsafe fn write(block: *mut u8, size: usize, slack: usize) {
    if slack > 0 {
        let all = bytes(block.addr());
        // SAFETY: the caller's promise.
        unsafe { block.add(size).copy_from_nonoverlapping(all.as_ptr(), slack.min(LEN)) };
    }
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
    let len = slack.min(LEN);
    // SAFETY: the caller's promise.
    let found = unsafe { core::slice::from_raw_parts(block.add(size), len) };
    found == &bytes(block.addr())[..len]
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
