//! Bitmaps as slices of words: find a run of ones, set and clear ranges. Pure arithmetic.
//!
//! The span heap keeps its free units in such maps, so neighbours coalesce by themselves: two free runs that
//! touch *are* one run, and no list has to be repaired.
#![forbid(unsafe_code)]

const BITS: usize = u64::BITS as usize;

/// The ones of a word from bit `from` on, `count` of them (`from + count <= 64`, `count > 0`).
#[inline]
fn mask(from: usize, count: usize) -> u64 {
    (u64::MAX >> (BITS - count)) << from
}

/// Calls `f(word index, mask)` for the words that cover bits `start..start + count`.
#[inline]
fn for_words(start: usize, count: usize, mut f: impl FnMut(usize, u64)) {
    let end = start + count;
    let mut at = start;
    while at < end {
        let from = at % BITS;
        let here = (BITS - from).min(end - at);
        f(at / BITS, mask(from, here));
        at += here;
    }
}

/// Sets bits `start..start + count`.
pub(crate) fn set(map: &mut [u64], start: usize, count: usize) {
    for_words(start, count, |word, mask| map[word] |= mask);
}

/// Clears bits `start..start + count`.
pub(crate) fn clear(map: &mut [u64], start: usize, count: usize) {
    for_words(start, count, |word, mask| map[word] &= !mask);
}

/// How many of the bits `start..start + count` are set.
pub(crate) fn count(map: &[u64], start: usize, count: usize) -> usize {
    let mut ones = 0;
    for_words(start, count, |word, mask| ones += (map[word] & mask).count_ones() as usize);
    ones
}

/// The length of the run of ones that starts at bit `start`, at most `limit`. O(words).
pub(crate) fn run_at(word: impl Fn(usize) -> u64, start: usize, limit: usize) -> usize {
    let mut at = start;
    let end = start + limit;
    while at < end {
        let from = at % BITS;
        let ones = (!(word(at / BITS) >> from)).trailing_zeros() as usize;
        let here = ones.min(BITS - from);
        at += here;
        if from + here < BITS {
            break;
        }
    }
    at.min(end) - start
}

/// The length of the run of ones that ends before bit `end`. O(words).
pub(crate) fn run_before(word: impl Fn(usize) -> u64, end: usize) -> usize {
    let mut at = end;
    while at > 0 {
        let last = (at - 1) % BITS;
        let ones = (!(word((at - 1) / BITS) << (BITS - 1 - last))).leading_zeros() as usize;
        let here = ones.min(last + 1);
        at -= here;
        if here < last + 1 {
            break;
        }
    }
    end - at
}

/// The first bit at or after `from` that is set, below `len`.
pub(crate) fn next_one(word: impl Fn(usize) -> u64, from: usize, len: usize) -> Option<usize> {
    let mut at = from;
    while at < len {
        let rest = word(at / BITS) >> (at % BITS);
        if rest != 0 {
            let found = at + rest.trailing_zeros() as usize;
            return (found < len).then_some(found);
        }
        at = (at / BITS + 1) * BITS;
    }
    None
}

/// The lowest start of `count` consecutive ones (at least one) that is a multiple of `align`, in a map of `words`, not before the word
/// `from`. `word` gives them, so that a caller can search the conjunction of two maps. O(words · log count), whatever the number of
/// runs; with an alignment above one O(words + runs).
pub(crate) fn find_run(
    word: impl Fn(usize) -> u64 + Copy,
    words: usize,
    from: usize,
    count: usize,
    align: usize,
) -> Option<usize> {
    if align > 1 {
        return find_aligned_run(word, words, from, count, align);
    }
    // Ones at the end of the words before.
    let mut carried = 0;
    for at in from..words {
        let here = word(at);
        if carried + here.trailing_ones() as usize >= count {
            return Some(at * BITS - carried);
        }
        if here == u64::MAX {
            carried += BITS;
            continue;
        }
        let starts = starts_of_runs(here, count);
        if starts != 0 {
            return Some(at * BITS + starts.trailing_zeros() as usize);
        }
        carried = here.leading_ones() as usize;
    }
    None
}

/// The bits of a word at which `count` consecutive ones start within it. After Warren, "Hacker's Delight" (2012), 6-2.
#[inline]
fn starts_of_runs(word: u64, count: usize) -> u64 {
    if count > BITS {
        return 0;
    }
    let (mut starts, mut len) = (word, 1);
    // Invariant: `starts` are the bits at which `len` ones start.
    while len < count && starts != 0 {
        let step = len.min(count - len);
        starts &= starts >> step;
        len += step;
    }
    starts
}

fn find_aligned_run(
    word: impl Fn(usize) -> u64 + Copy,
    words: usize,
    from: usize,
    count: usize,
    align: usize,
) -> Option<usize> {
    let len = words * BITS;
    let mut from = from * BITS;
    while let Some(one) = next_one(word, from, len) {
        let start = one.next_multiple_of(align);
        if start + count > len {
            return None;
        }
        let run = run_at(word, start, count);
        if run == count {
            return Some(start);
        }
        from = start + run.max(1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow_find(map: &[bool], from: usize, count: usize, align: usize) -> Option<usize> {
        (from..map.len())
            .filter(|start| start.is_multiple_of(align))
            .find(|&start| start + count <= map.len() && map[start..start + count].iter().all(|&bit| bit))
    }

    #[test]
    fn runs_are_found_where_a_naive_search_finds_them() {
        let mut seed = 1u64;
        let mut random = move || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 33) as usize
        };
        for _ in 0..3000 {
            let mut words = [0u64; 4];
            let mut naive = [false; 256];
            for _ in 0..random() % 12 {
                let start = random() % 256;
                let count = 1 + random() % (256 - start);
                let on = random() % 3 != 0;
                if on {
                    set(&mut words, start, count)
                } else {
                    clear(&mut words, start, count)
                }
                naive[start..start + count].fill(on);
            }
            let want = 1 + random() % 100;
            let align = 1 << (random() % 4);
            let first = random() % 4;
            assert_eq!(
                find_run(|i| words[i], 4, first, want, align),
                slow_find(&naive, first * 64, want, align)
            );
            let (start, len) = (random() % 200, random() % 56);
            assert_eq!(count(&words, start, len), naive[start..start + len].iter().filter(|&&b| b).count());
            let run = naive[start..].iter().take(50).take_while(|&&bit| bit).count();
            assert_eq!(run_at(|i| words[i], start, 50), run);
            let before = naive[..start].iter().rev().take_while(|&&bit| bit).count();
            assert_eq!(run_before(|i| words[i], start), before);
        }
    }

    #[test]
    fn a_full_map_is_one_run() {
        let words = [u64::MAX; 2];
        let find = |count, align| find_run(|i| words[i], 2, 0, count, align);
        assert_eq!([find(128, 1), find(129, 1), find(64, 64)], [Some(0), None, Some(0)]);
        assert_eq!(run_at(|i| words[i], 0, 128), 128);
        assert_eq!(run_before(|i| words[i], 128), 128);
    }
}
