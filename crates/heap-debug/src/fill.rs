//! Known bytes: fills of fresh and freed memory, canaries around blocks, and where they were changed.
//!
//! Works on memory that the allocator owns and the client must not touch. The comparisons compile to vector code: one
//! branch for 64 bytes, because the answer is almost always "unchanged".

/// Bytes before every block that are filled with [`LEADING`].
pub(crate) const LEAD: usize = 16;
/// The smallest number of bytes behind every block that are filled with [`TRAILING`].
pub(crate) const TRAIL: usize = 8;
/// The canary before a block.
pub(crate) const LEADING: u8 = 0xFC;
/// The canary behind a block, up to the end of its slot.
pub(crate) const TRAILING: u8 = 0xFD;

/// What a new block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    /// The fill of fresh blocks, if there is one.
    Filled,
    /// Zeros, which are to be written.
    Cleared,
    /// Zeros, which are there already.
    Zero,
}

impl Inside {
    /// Of memory that was used before.
    #[inline(always)]
    pub(crate) const fn of(zeroed: bool) -> Self {
        if zeroed { Self::Cleared } else { Self::Filled }
    }

    /// Of fresh memory, which the backing allocator was asked to clear if that matters.
    pub(crate) const fn of_fresh(zeroed: bool) -> Self {
        if zeroed { Self::Zero } else { Self::Filled }
    }
}

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
/// Words of a step of the loops: so many are set, or compared, before the next branch.
const STEP: usize = 4 * WORD;

/// Sets `len` bytes to `byte`.
///
/// # Safety
///
/// `len` bytes at `start` are the caller's to write.
#[inline(always)]
pub(crate) unsafe fn set(start: *mut u8, len: usize, byte: u8) {
    if len < WORD {
        // SAFETY: the caller's promise.
        return unsafe { set_few(start, len, byte) };
    }
    if len > SHORT {
        // SAFETY: the caller's promise.
        return unsafe { start.write_bytes(byte, len) };
    }
    let word = Word::from_ne_bytes([byte; WORD]);
    // SAFETY: every caller of this below gives an offset of at most `len - WORD`.
    let put = |at: usize| unsafe { start.add(at).cast::<Word>().write_unaligned(word) };
    if len < STEP {
        let half = if len < 2 * WORD { 0 } else { WORD };
        return [0, half, len - WORD - half, len - WORD].into_iter().for_each(put);
    }
    let (last, mut at) = (len - STEP, 0);
    let step = |at: usize| [at, at + WORD, at + 2 * WORD, at + 3 * WORD].into_iter().for_each(put);
    while at < last {
        step(at);
        at += STEP;
    }
    // May overlap the one before.
    step(last);
}

/// As [`set`], fewer bytes than a word: two halves that may overlap, or one by one.
///
/// # Safety
///
/// As for [`set`].
#[inline(always)]
unsafe fn set_few(start: *mut u8, len: usize, byte: u8) {
    let (eight, four) = (u64::from_ne_bytes([byte; 8]), u32::from_ne_bytes([byte; 4]));
    // SAFETY: every offset is at most `len` less the bytes written there.
    unsafe {
        if len >= 8 {
            start.cast::<u64>().write_unaligned(eight);
            start.add(len - 8).cast::<u64>().write_unaligned(eight);
        } else if len >= 4 {
            start.cast::<u32>().write_unaligned(four);
            start.add(len - 4).cast::<u32>().write_unaligned(four);
        } else {
            (0..len).for_each(|i| start.add(i).write(byte));
        }
    }
}

/// As [`is_intact`], of fewer bytes than a word.
///
/// # Safety
///
/// As for [`is_intact`].
#[inline(always)]
unsafe fn are_few_intact(start: *const u8, len: usize, byte: u8) -> bool {
    let (eight, four) = (u64::from_ne_bytes([byte; 8]), u32::from_ne_bytes([byte; 4]));
    // SAFETY: every offset is at most `len` less the bytes read there.
    unsafe {
        if len >= 8 {
            let ends = [start, start.add(len - 8)].map(|at| at.cast::<u64>().read_unaligned() ^ eight);
            ends[0] | ends[1] == 0
        } else if len >= 4 {
            let ends = [start, start.add(len - 4)].map(|at| at.cast::<u32>().read_unaligned() ^ four);
            ends[0] | ends[1] == 0
        } else {
            (0..len).all(|i| start.add(i).read() == byte)
        }
    }
}

/// Whether all `len` bytes are `byte`.
///
/// # Safety
///
/// `len` bytes at `start` are readable, and nobody writes them meanwhile.
#[inline(always)]
pub(crate) unsafe fn is_intact(start: *const u8, len: usize, byte: u8) -> bool {
    if len < WORD {
        // SAFETY: the caller's promise.
        return unsafe { are_few_intact(start, len, byte) };
    }
    let word = Word::from_ne_bytes([byte; WORD]);
    // SAFETY: as in `set`.
    let get = |at: usize| unsafe { start.add(at).cast::<Word>().read_unaligned() ^ word };
    if len < STEP {
        let half = if len < 2 * WORD { 0 } else { WORD };
        return get(0) | get(half) | get(len - WORD - half) | get(len - WORD) == 0;
    }
    let (last, mut at) = (len - STEP, 0);
    let step = |at: usize| get(at) | get(at + WORD) | get(at + 2 * WORD) | get(at + 3 * WORD) == 0;
    while at < last {
        if !step(at) {
            return false;
        }
        at += STEP;
    }
    step(last)
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
#[inline(always)]
pub(crate) unsafe fn set_trailing(start: *mut u8, len: usize) {
    let word = u64::from_ne_bytes([TRAILING; TRAIL]);
    // SAFETY: every offset below is at most `len - TRAIL`.
    let put = |at: usize| unsafe { start.add(at).cast::<u64>().write_unaligned(word) };
    let (last, mut at) = (len - TRAIL, TRAIL);
    put(0);
    while at < last {
        put(at);
        at += TRAIL;
    }
    put(last);
}

/// Whether a canary of `len` bytes, at least [`TRAIL`], is intact.
///
/// # Safety
///
/// As for [`is_intact`].
#[inline(always)]
pub(crate) unsafe fn is_trailing_intact(start: *const u8, len: usize) -> bool {
    let word = u64::from_ne_bytes([TRAILING; TRAIL]);
    // SAFETY: as in `set_trailing`.
    let get = |at: usize| unsafe { start.add(at).cast::<u64>().read_unaligned() ^ word };
    let (last, mut at) = (len - TRAIL, TRAIL);
    let mut difference = get(0) | get(last);
    while at < last {
        difference |= get(at);
        at += TRAIL;
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
        for len in 0..200 {
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
