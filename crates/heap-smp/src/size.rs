//! Sizes of this allocator: which class a request has, how long its slabs and chains are. Tables made at compile time.
#![forbid(unsafe_code)]

use heap_core::SizeClasses;

use crate::config::{CHAIN_BYTES, CHAIN_MAX, DEPOT_BYTES, SMALL_MAX, UNIT};
use crate::depot::PLACES;

/// Number of size classes: 8 bytes to [`SMALL_MAX`].
pub(crate) const CLASSES: usize = SizeClasses::count_up_to(SMALL_MAX);

/// What is known of a class at compile time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    /// Bytes of one slot.
    pub(crate) slot: u32,
    /// Slots of one slab.
    pub(crate) slots: u32,
    /// Units of one slab.
    pub(crate) units: u32,
    /// Blocks of a full chain.
    pub(crate) chain: u32,
    /// Chains that the depot takes: of large blocks fewer, since each keeps a slab from closing.
    pub(crate) places: u32,
    /// Bytes of one slab.
    bytes: u32,
    /// `ceil(2^64 / slot)`: of its product with an offset the high half is the quotient, and the low half is below the reciprocal
    /// itself if there is no remainder. Exact for offsets within a slab. After Lemire, Kaser and Kurz, "Faster remainder by
    /// direct computation" (2019).
    reciprocal: u64,
}

impl Class {
    const fn new(class: usize) -> Self {
        let slot = SizeClasses::class_size(class);
        // Long enough for eight slots at the least, so that the tail that no slot fills stays small.
        let bytes = match slot {
            0..=256 => 32 << 10,
            257..=2048 => 64 << 10,
            2049..=8192 => 128 << 10,
            _ => 256 << 10,
        };
        let units = if bytes < UNIT { 1 } else { bytes / UNIT };
        let chain = chain_of(slot);
        let places = DEPOT_BYTES / (chain * slot);
        let places = if places > PLACES { PLACES } else { places };
        Self {
            slot: slot as u32,
            slots: (units * UNIT / slot) as u32,
            units: units as u32,
            chain: chain as u32,
            places: if places < 2 { 2 } else { places as u32 },
            bytes: (units * UNIT) as u32,
            reciprocal: u64::MAX / slot as u64 + 1,
        }
    }

    /// Bytes of a full chain.
    pub(crate) const fn chain_bytes(&self) -> usize {
        self.chain as usize * self.slot as usize
    }

    /// Whether the byte at `offset` from a slab's start lies in it.
    #[inline]
    pub(crate) fn holds(&self, offset: usize) -> bool {
        offset < self.bytes as usize
    }

    /// The slot that starts at `offset` bytes from the slab's start, if one does.
    #[inline]
    pub(crate) fn slot_starting_at(&self, offset: usize) -> Option<usize> {
        let product = self.product(offset);
        let slot = (product >> 64) as usize;
        ((product as u64) < self.reciprocal && slot < self.slots as usize).then_some(slot)
    }

    /// Which slot the byte at `offset` from the slab's start is in.
    #[inline]
    pub(crate) fn slot_at(&self, offset: usize) -> usize {
        (self.product(offset) >> 64) as usize
    }

    #[inline(always)]
    fn product(&self, offset: usize) -> u128 {
        offset as u128 * self.reciprocal as u128
    }
}

/// Blocks of a full chain: as many as [`CHAIN_BYTES`] hold. Of blocks from 1 KiB on up to eight, as long as they hold no more than twice
/// as much: a journey costs the same for few blocks as for many. Two at the least.
const fn chain_of(slot: usize) -> usize {
    let (fitting, double) = (CHAIN_BYTES / slot, 2 * CHAIN_BYTES / slot);
    match if fitting >= 8 || double < 8 { fitting } else { 8 } {
        0 | 1 => 2,
        blocks if blocks > CHAIN_MAX => CHAIN_MAX,
        blocks => blocks,
    }
}

/// The classes.
pub(crate) static CLASS: [Class; CLASSES] = {
    let mut table = [Class::new(0); CLASSES];
    let mut class = 1;
    while class < CLASSES {
        table[class] = Class::new(class);
        class += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn division_by_reciprocal_is_exact_in_every_slab() {
        for class in &CLASS {
            let slot = class.slot as usize;
            for offset in 0..class.bytes as usize {
                assert_eq!(class.slot_at(offset), offset / slot, "{offset} {slot}");
                let starting = offset.is_multiple_of(slot) && offset / slot < class.slots as usize;
                assert_eq!(
                    class.slot_starting_at(offset),
                    starting.then_some(offset / slot),
                    "{offset} {slot}"
                );
            }
        }
    }

    #[test]
    fn chains_hold_a_few_blocks_and_few_bytes() {
        for class in &CLASS {
            let (blocks, bytes) = (class.chain as usize, class.chain as usize * class.slot as usize);
            assert!(
                (2..=CHAIN_MAX).contains(&blocks) && (bytes <= 2 * CHAIN_BYTES || blocks == 2),
                "{class:?}"
            );
            assert!(class.slot > 2048 || blocks >= 8, "{class:?}");
        }
    }

    #[test]
    fn slabs_waste_little_and_hold_eight_slots() {
        for class in &CLASS {
            let bytes = class.units as usize * UNIT;
            assert!(class.slots >= 8);
            assert!((bytes - class.slots as usize * class.slot as usize) * 15 <= bytes, "{}", class.slot);
        }
    }
}
