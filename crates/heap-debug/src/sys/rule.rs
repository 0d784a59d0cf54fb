//! [`Rule`]: how one instruction's frame is left, in one word, and a cache of them that needs no lock.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(all(target_arch = "x86_64", target_os = "linux")),
    allow(dead_code, reason = "used there only")
)]

use crate::sync::{AtomicUsize, Ordering};

/// Where the caller's frame starts, and where the caller's frame pointer is.
///
/// Bit 0: the walk ends here. Bit 1: the start (the *canonical frame address*) counts from the frame pointer instead
/// of the stack pointer. Bits 2 to 32: its distance from that register in bytes. Bits 33 to 63: how far below the
/// start the caller's frame pointer was saved; 0 when it is still in its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule(usize);

const FIELD: u32 = 31;
const MASK: usize = (1 << FIELD) - 1;

impl Rule {
    /// The outermost frame, or one that these rules cannot tell.
    pub(crate) const END: Self = Self(1);

    /// `None` when a distance does not fit.
    pub(crate) fn new(from_frame_pointer: bool, distance: i64, saved_below: i64) -> Option<Self> {
        let distance = usize::try_from(distance).ok().filter(|&bytes| bytes <= MASK)?;
        let saved = usize::try_from(saved_below).ok().filter(|&bytes| bytes <= MASK)?;
        Some(Self(usize::from(from_frame_pointer) << 1 | distance << 2 | saved << (2 + FIELD)))
    }

    pub(crate) const fn is_end(self) -> bool {
        self.0 & 1 != 0
    }

    /// The start of the caller's frame; `None` when it overflows.
    #[inline]
    pub(crate) fn frame_address(self, sp: usize, fp: usize) -> Option<usize> {
        let base = if self.0 & 2 != 0 { fp } else { sp };
        base.checked_add(self.0 >> 2 & MASK)
    }

    /// How far below the frame address the caller's frame pointer is; 0 when it is in its register.
    #[inline]
    pub(crate) const fn saved_below(self) -> usize {
        self.0 >> (2 + FIELD)
    }
}

/// Places of the cache: return addresses that a busy program allocates through, 64 KiB in all.
const PLACES: usize = 4096;

/// A cache of rules by instruction address. Racing writers may lose an entry, never mix two.
///
/// # Invariants
///
/// - **R1** A place whose two words, combined, give an address holds the rule of that address: a torn pair gives another
///   address than the one looked for.
pub(crate) struct Cache([[AtomicUsize; 2]; PLACES]);

impl Cache {
    pub(crate) const fn new() -> Self {
        Self([const { [const { AtomicUsize::new(0) }; 2] }; PLACES])
    }

    #[inline]
    fn place(&self, address: usize) -> &[AtomicUsize; 2] {
        &self.0[(address.wrapping_mul(0x9E37_79B9) >> 16) % PLACES]
    }

    /// Relaxed: R1 needs no order between the words.
    #[inline]
    pub(crate) fn get(&self, address: usize) -> Option<Rule> {
        let [check, rule] = self.place(address);
        let rule = rule.load(Ordering::Relaxed);
        (check.load(Ordering::Relaxed) ^ mix(rule) == address).then_some(Rule(rule))
    }

    pub(crate) fn set(&self, address: usize, rule: Rule) {
        let [check, word] = self.place(address);
        word.store(rule.0, Ordering::Relaxed);
        check.store(address ^ mix(rule.0), Ordering::Relaxed);
    }
}

/// Spreads a rule over all bits, so that two addresses and two rules that are near each other never cancel out.
#[inline]
fn mix(rule: usize) -> usize {
    let spread = (rule as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (spread ^ (spread >> 32)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_what_it_was_made_of() {
        let rule = Rule::new(true, 16, 24).unwrap();
        assert!(!rule.is_end());
        assert_eq!((rule.frame_address(1, 100), rule.saved_below()), (Some(116), 24));
        assert_eq!(Rule::new(false, 8, 0).unwrap().frame_address(1000, 1), Some(1008));
        assert!(Rule::new(false, -8, 0).is_none() && Rule::new(false, 8, 1 << 40).is_none());
        assert!(Rule::END.is_end());
    }

    #[test]
    fn the_cache_answers_for_the_address_it_was_told() {
        let cache = Cache::new();
        let rule = Rule::new(false, 48, 16).unwrap();
        assert_eq!(cache.get(0x5555_0000_1234), None);
        cache.set(0x5555_0000_1234, rule);
        assert_eq!(cache.get(0x5555_0000_1234), Some(rule));
        assert_eq!(cache.get(0x5555_0000_1235), None);
    }
}
