//! Known bytes: fills of fresh and freed memory, canaries around blocks, and where they were changed.
//!
//! Works on memory that the allocator owns and the client must not touch. All of it compiles to vector code: no
//! early exit in the comparison, because the answer is almost always "unchanged".

/// Bytes before every block that are filled with [`LEADING`].
pub(crate) const LEAD: usize = 16;
/// The smallest number of bytes behind every block that are filled with [`TRAILING`].
pub(crate) const TRAIL: usize = 8;
/// The canary before a block.
pub(crate) const LEADING: u8 = 0xFC;
/// The canary behind a block, up to the end of its slot.
pub(crate) const TRAILING: u8 = 0xFD;

/// What was found in a run of bytes that should all have been the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    /// Index of the first changed byte.
    pub(crate) first: usize,
    /// Index of the last changed byte.
    pub(crate) last: usize,
    /// How many bytes are changed.
    pub(crate) count: usize,
}

/// Whether all `len` bytes are `byte`.
///
/// # Safety
///
/// `len` bytes at `start` are readable, and nobody writes them meanwhile.
#[inline]
pub(crate) unsafe fn is_intact(start: *const u8, len: usize, byte: u8) -> bool {
    let pattern = u64::from_ne_bytes([byte; 8]);
    let words = len / 8;
    let mut difference = 0;
    for i in 0..words {
        // SAFETY: `i < words`, so the eight bytes lie within `len`; read unaligned.
        difference |= unsafe { start.add(8 * i).cast::<u64>().read_unaligned() } ^ pattern;
    }
    let mut rest = 0;
    for i in 8 * words..len {
        // SAFETY: `i < len`.
        rest |= unsafe { start.add(i).read() } ^ byte;
    }
    difference == 0 && rest == 0
}

/// Where the bytes differ from `byte`; `None` when they do not.
///
/// # Safety
///
/// As for [`is_intact`].
#[cold]
#[inline(never)]
pub(crate) unsafe fn find_damage(start: *const u8, len: usize, byte: u8) -> Option<Damage> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts(start, len) };
    let first = bytes.iter().position(|&found| found != byte)?;
    let last = bytes.iter().rposition(|&found| found != byte)?;
    let count = bytes.iter().filter(|&&found| found != byte).count();
    Some(Damage { first, last, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changed_byte_is_found() {
        for len in 0..70 {
            for bad in 0..len {
                let mut bytes = vec![7; len];
                // SAFETY: both calls are given the vector's own bytes.
                assert!(unsafe { is_intact(bytes.as_ptr(), len, 7) });
                bytes[bad] ^= 0x80;
                // SAFETY: as above.
                let (intact, damage) =
                    unsafe { (is_intact(bytes.as_ptr(), len, 7), find_damage(bytes.as_ptr(), len, 7)) };
                assert!(!intact);
                assert_eq!(damage, Some(Damage { first: bad, last: bad, count: 1 }));
            }
        }
    }
}
