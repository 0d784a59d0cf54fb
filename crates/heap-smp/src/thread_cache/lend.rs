//! Which classes may lend blocks to which, for C: a small program has few blocks of many sizes, and a page for each size
//! would cost it more than what the blocks hold.
#![forbid(unsafe_code)]

use heap_core::SizeClasses;

use crate::size::CLASSES;

/// Blocks of C are aligned to so many bytes, whatever their size.
pub(crate) const C_ALIGN: usize = 16;

/// Up to this slot size several blocks share a page.
const SLOT_MAX: usize = 1024;
/// Bytes, and blocks, that a class may have from others before it gets a slab of its own.
const BYTES: usize = 2048;
const BLOCKS: usize = 8;

/// The largest class whose blocks may stand in for one of each class: at most twice as long as any size of the class rounded
/// up to 16, so that a size that C23's `free_sized` brings can still be checked.
static LAST: [u8; CLASSES] = {
    let mut table = [0; CLASSES];
    let mut least = C_ALIGN;
    let mut class = 0;
    while class < CLASSES {
        let mut last = class;
        while last + 1 < CLASSES && SizeClasses::class_size(last + 1) <= 2 * least {
            last += 1;
        }
        table[class] = last as u8;
        if SizeClasses::class_size(class).is_multiple_of(C_ALIGN) {
            least = SizeClasses::class_size(class) + C_ALIGN;
        }
        class += 1;
    }
    table
};

/// How many blocks a class may have from others.
pub(crate) fn blocks(class: usize) -> usize {
    let slot = SizeClasses::class_size(class);
    if slot > SLOT_MAX { 0 } else { (BYTES / slot).min(BLOCKS) }
}

/// The classes that may lend to `class`, the smallest first: those that C uses, whose slots are multiples of [`C_ALIGN`].
pub(crate) fn lenders(class: usize) -> impl Iterator<Item = usize> {
    (class + 1..=LAST[class] as usize).filter(|&class| SizeClasses::class_size(class).is_multiple_of(C_ALIGN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lent_block_is_longer_aligned_and_at_most_twice_what_was_asked_for() {
        let mut lent = 0;
        for size in 1..=SLOT_MAX {
            let rounded = size.next_multiple_of(C_ALIGN);
            for lender in lenders(SizeClasses::class_of(rounded)) {
                let slot = SizeClasses::class_size(lender);
                assert!(
                    slot > rounded && slot <= 2 * rounded && slot.is_multiple_of(C_ALIGN),
                    "{size}: {slot}"
                );
                lent += 1;
            }
        }
        assert!(lent > SLOT_MAX, "most sizes have more than one");
    }

    #[test]
    fn what_fills_pages_is_not_borrowed() {
        assert_eq!(blocks(SizeClasses::class_of(64)), BLOCKS);
        assert_eq!(blocks(SizeClasses::class_of(1024)), 2);
        assert_eq!(blocks(SizeClasses::class_of(1025)), 0);
    }
}
