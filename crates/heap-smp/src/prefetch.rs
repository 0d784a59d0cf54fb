//! A hint to the processor that a block will be used soon. Never reads it.
//!
//! The next block of a list is the one that the next allocation gives out, and reading its link is that allocation's first step. A
//! block that another thread freed, or that was freed long ago, is in no near cache: asked for one allocation ahead, it comes
//! while the program fills the block before. After Google's TCMalloc, which does so on its fast path.

use crate::chain::Link;

/// Asks for the block's first line. A null pointer, and memory that is not there, do no harm.
#[inline(always)]
pub(crate) fn prefetch(block: *mut Link) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint: it faults for no address, and changes nothing.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(block.cast());
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    // SAFETY: as above.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{}]", in(reg) block, options(nostack, readonly, preserves_flags));
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let _ = block;
}
