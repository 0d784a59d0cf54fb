//! [`Rounding`]: how [`Quantized`](crate::Quantized) rounds sizes up, and three ways to do it.

use heap_core::SizeClasses;

/// A way to round sizes up.
///
/// # Safety
///
/// For sizes in bytes that are not zero:
///
/// - **Q1** The result is at least the size. `None` where it would not fit a `usize`.
/// - **Q2** It never falls: of two sizes the larger has no smaller result.
/// - **Q3** A result is its own result, and the same size has the same result always.
///
/// It does not panic. Blocks are found again by these rules.
///
/// ```
/// use heap_compose::Rounding;
/// /// Whole pages from a page on, and nothing below.
/// struct Pages;
/// // SAFETY: Q1 to Q3 hold of the identity and of rounding to a multiple, and 4096 is where both agree.
/// unsafe impl Rounding for Pages {
///     fn round(size: usize) -> Option<usize> {
///         if size <= 4096 { Some(size) } else { size.checked_next_multiple_of(4096) }
///     }
/// }
/// assert_eq!((Pages::round(4000), Pages::round(5000)), (Some(4000), Some(8192)));
/// ```
pub unsafe trait Rounding {
    /// The size to ask for, in bytes, where `size` is wanted, which is not zero.
    fn round(size: usize) -> Option<usize>;
}

/// Up to the next multiple of `STEP` bytes, which is not zero.
#[derive(Clone, Copy, Debug, Default)]
pub struct MultipleOf<const STEP: usize>;

/// Up to the next power of two.
#[derive(Clone, Copy, Debug, Default)]
pub struct PowerOfTwo;

/// Up to the next of heap-core's [`SizeClasses`]: four per doubling, at most a fifth of the block is slack.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToSizeClass;

// SAFETY: Q1 to Q3 are properties of rounding up to a multiple.
unsafe impl<const STEP: usize> Rounding for MultipleOf<STEP> {
    #[inline]
    fn round(size: usize) -> Option<usize> {
        const { assert!(STEP > 0, "a step of zero") }
        size.checked_next_multiple_of(STEP)
    }
}

// SAFETY: Q1 to Q3 are properties of the next power of two.
unsafe impl Rounding for PowerOfTwo {
    #[inline]
    fn round(size: usize) -> Option<usize> {
        size.checked_next_power_of_two()
    }
}

// SAFETY: C1: the class size is the least one that holds the size, and so its own.
unsafe impl Rounding for ToSizeClass {
    #[inline]
    fn round(size: usize) -> Option<usize> {
        Some(SizeClasses::class_size(SizeClasses::class_of(size)))
    }
}
