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

/// Bytes up to which a loop of our own beats a call of the C library's.
const SHORT: usize = 256;

type Word = u128;
const WORD: usize = size_of::<Word>();

/// Sets `len` bytes to `byte`.
///
/// # Safety
///
/// `len` bytes at `start` are the caller's to write.
#[inline]
pub(crate) unsafe fn set(start: *mut u8, len: usize, byte: u8) {
    if !(WORD..=SHORT).contains(&len) {
        // SAFETY: the caller's promise.
        return unsafe { start.write_bytes(byte, len) };
    }
    let pattern = Word::from_ne_bytes([byte; WORD]);
    let last = len - WORD;
    let mut at = 0;
    // SAFETY: `at < last` and `last + WORD == len`: each word lies within `len`. The last may overlap the one before.
    unsafe {
        while at < last {
            start.add(at).cast::<Word>().write_unaligned(pattern);
            at += WORD;
        }
        start.add(last).cast::<Word>().write_unaligned(pattern);
    }
}

/// Whether all `len` bytes are `byte`.
///
/// # Safety
///
/// `len` bytes at `start` are readable, and nobody writes them meanwhile.
#[inline]
pub(crate) unsafe fn is_intact(start: *const u8, len: usize, byte: u8) -> bool {
    let pattern = Word::from_ne_bytes([byte; WORD]);
    if len < WORD {
        let mut difference = 0;
        for i in 0..len {
            // SAFETY: `i < len`.
            difference |= unsafe { start.add(i).read() } ^ byte;
        }
        return difference == 0;
    }
    let last = len - WORD;
    let (mut difference, mut at) = (0, 0);
    // SAFETY: as in `set`.
    unsafe {
        while at < last {
            difference |= start.add(at).cast::<Word>().read_unaligned() ^ pattern;
            at += WORD;
        }
        difference |= start.add(last).cast::<Word>().read_unaligned() ^ pattern;
    }
    difference == 0
}

/// Sets the canary before a block: `LEAD` bytes that end at `block`.
///
/// # Safety
///
/// Those bytes are the caller's to write.
#[inline]
pub(crate) unsafe fn set_leading(block: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { block.sub(LEAD).cast::<Word>().write_unaligned(Word::from_ne_bytes([LEADING; WORD])) }
}

/// Whether the canary before a block is intact.
///
/// # Safety
///
/// `LEAD` bytes before `block` are readable, and nobody writes them meanwhile.
#[inline]
pub(crate) unsafe fn is_leading_intact(block: *const u8) -> bool {
    // SAFETY: the caller's promise.
    let word = unsafe { block.sub(LEAD).cast::<Word>().read_unaligned() };
    word == Word::from_ne_bytes([LEADING; WORD])
}

/// Sets a canary of `len` bytes, at least [`TRAIL`].
///
/// # Safety
///
/// As for [`set`].
#[inline]
pub(crate) unsafe fn set_trailing(start: *mut u8, len: usize) {
    let pattern = u64::from_ne_bytes([TRAILING; TRAIL]);
    let last = len - TRAIL;
    let mut at = 0;
    // SAFETY: as in `set`, by words of `TRAIL` bytes.
    unsafe {
        while at < last {
            start.add(at).cast::<u64>().write_unaligned(pattern);
            at += TRAIL;
        }
        start.add(last).cast::<u64>().write_unaligned(pattern);
    }
}

/// Whether a canary of `len` bytes, at least [`TRAIL`], is intact.
///
/// # Safety
///
/// As for [`is_intact`].
#[inline]
pub(crate) unsafe fn is_trailing_intact(start: *const u8, len: usize) -> bool {
    let pattern = u64::from_ne_bytes([TRAILING; TRAIL]);
    let last = len - TRAIL;
    let (mut difference, mut at) = (0, 0);
    // SAFETY: as in `set`, by words of `TRAIL` bytes.
    unsafe {
        while at < last {
            difference |= start.add(at).cast::<u64>().read_unaligned() ^ pattern;
            at += TRAIL;
        }
        difference |= start.add(last).cast::<u64>().read_unaligned() ^ pattern;
    }
    difference == 0
}

const _: () = assert!(LEAD == WORD && TRAIL == size_of::<u64>());

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
                let mut bytes = vec![0; len];
                // SAFETY: the vector's own bytes.
                unsafe { set(bytes.as_mut_ptr(), len, 7) };
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

    #[test]
    fn canaries_see_each_of_their_bytes() {
        for len in TRAIL..50 {
            for bad in 0..len {
                let mut bytes = vec![0; LEAD + len];
                let block = bytes.as_mut_ptr().wrapping_add(LEAD);
                // SAFETY: all within the vector.
                unsafe {
                    set_leading(block);
                    set_trailing(block, len);
                    assert!(is_leading_intact(block) && is_trailing_intact(block, len));
                    *block.add(bad) ^= 1;
                    assert!(is_leading_intact(block) && !is_trailing_intact(block, len));
                    *block.sub(1 + bad % LEAD) ^= 1;
                    assert!(!is_leading_intact(block));
                }
            }
        }
    }
}
