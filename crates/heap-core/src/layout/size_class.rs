//! Size classes: 8-byte steps up to 64 bytes, then four classes per doubling.
//!
//! The waste inside a slot is below 8 bytes up to 64 bytes and at most 20 % of the slot above (jemalloc's
//! spacing). Written as arithmetic, so a lookup costs no memory access.
#![forbid(unsafe_code)]

use core::alloc::Layout;

/// Sizes up to here are spaced [`SizeClasses::STEP`] bytes apart.
const LINEAR_MAX: usize = 64;
/// Classes in the linear part.
const LINEAR_CLASSES: usize = LINEAR_MAX / SizeClasses::STEP;
/// log2 of the classes per doubling.
const PER_DOUBLING_LOG2: u32 = 2;

/// The map between sizes in bytes and class indices.
///
/// # Invariants
///
/// - **C1** `class_size(class_of(s)) >= s`, and `class_of(s)` is the smallest class with that.
/// - **C2** `class_size(class_of_layout(l))` is a multiple of `l.align()`: slots laid end to end from an aligned base are
///   all aligned. For the class is that of the size rounded up to the alignment `a`; where `a` is at most the distance
///   between classes, every class size is a multiple of `a`, and where it is more, the rounded size is itself a class.
///
/// ```
/// use heap_core::SizeClasses;
/// assert_eq!(SizeClasses::class_size(SizeClasses::class_of(100)), 112);
/// assert_eq!(SizeClasses::class_size(SizeClasses::class_of(4096)), 4096);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SizeClasses;

impl SizeClasses {
    /// The smallest class size and the spacing of the smallest classes, in bytes.
    pub const STEP: usize = 8;

    /// The class of a size in bytes, which is not zero. Complexity O(1), no branches but one.
    #[inline]
    #[must_use]
    pub const fn class_of(size: usize) -> usize {
        let last = size.wrapping_sub(1);
        if last < LINEAR_MAX {
            return last / Self::STEP;
        }
        let log2 = usize::BITS - 1 - last.leading_zeros();
        let quarter = (last >> (log2 - PER_DOUBLING_LOG2)) & ((1 << PER_DOUBLING_LOG2) - 1);
        LINEAR_CLASSES + (((log2 - LINEAR_MAX.ilog2()) as usize) << PER_DOUBLING_LOG2) + quarter
    }

    /// The class whose slots hold a layout and are aligned for it (C2). The size is not zero.
    #[inline]
    #[must_use]
    pub const fn class_of_layout(layout: Layout) -> usize {
        // The size rounded up to the alignment, less one, plus one: no branch and no overflow, because a
        // layout's size rounded up to its alignment fits an `isize`.
        Self::class_of(((layout.size() - 1) | (layout.align() - 1)) + 1)
    }

    /// The slot size in bytes of a class. Saturates at `usize::MAX` for classes no size maps to.
    #[inline]
    #[must_use]
    pub const fn class_size(class: usize) -> usize {
        if class < LINEAR_CLASSES {
            return (class + 1) * Self::STEP;
        }
        let above = class - LINEAR_CLASSES;
        let log2 = (above >> PER_DOUBLING_LOG2) as u32 + LINEAR_MAX.ilog2();
        let quarters = (above & ((1 << PER_DOUBLING_LOG2) - 1)) + 1 + (1 << PER_DOUBLING_LOG2);
        let shift = log2 - PER_DOUBLING_LOG2;
        if shift > quarters.leading_zeros() { usize::MAX } else { quarters << shift }
    }

    /// How many classes cover the sizes `1..=max`.
    #[inline]
    #[must_use]
    pub const fn count_up_to(max: usize) -> usize {
        Self::class_of(max) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_the_smallest_class_that_holds_it() {
        for size in 1..=(1 << 16) {
            let class = SizeClasses::class_of(size);
            assert!(SizeClasses::class_size(class) >= size, "{size}");
            assert!(class == 0 || SizeClasses::class_size(class - 1) < size, "{size}");
        }
    }

    #[test]
    fn slots_keep_every_alignment_of_their_layouts() {
        for align in (0..=14).map(|log2| 1usize << log2) {
            for size in 1..=(1usize << 15) {
                let class = SizeClasses::class_of_layout(Layout::from_size_align(size, align).unwrap());
                let slot = SizeClasses::class_size(class);
                assert!(slot >= size && slot.is_multiple_of(align), "{size} at {align}: {slot}");
            }
        }
    }

    #[test]
    fn waste_is_at_most_a_fifth_of_the_slot() {
        for size in 65..=(1 << 16) {
            let slot = SizeClasses::class_size(SizeClasses::class_of(size));
            assert!((slot - size) * 5 <= slot, "{size}: {slot}");
        }
    }

    #[test]
    fn the_largest_sizes_have_classes_too() {
        let top = isize::MAX as usize + 1;
        assert_eq!(SizeClasses::class_size(SizeClasses::class_of(top)), top);
        assert!(SizeClasses::class_size(SizeClasses::class_of(usize::MAX)) == usize::MAX);
    }
}
