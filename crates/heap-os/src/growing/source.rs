//! [`Break`]: memory that grows at its end; and what has such memory.

use core::ptr::NonNull;

/// Memory of which there is more on demand, as a rule behind what there is.
///
/// # Safety
///
/// Every range that [`grow`](Self::grow) and [`initial`](Self::initial) return is readable and writable, used by nobody else, and stays so for the rest
/// of the process (or as long as blocks made of it are used). Its address and length are multiples of 16, and it lies behind
/// all ranges that were returned before. Ranges that touch may be used as one: they are parts of
/// one allocation, or memory outside of the language such as that of a system call.
/// Where [`THREADS`](Self::THREADS) is `false`, there is only one thread.
pub unsafe trait Break {
    /// Whether there can be several threads.
    const THREADS: bool = true;

    /// `len` bytes more, or some more than that; where they are and how many. `None`: there are no more.
    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)>;

    /// Memory that is there already, to be used first. Called once.
    fn initial(&self) -> Option<(NonNull<u8>, usize)> {
        None
    }
}

/// The least that [`FnBreak`] and the program break grow by, in bytes.
pub(super) const STEP: usize = 64 * 1024;

/// Addresses and lengths of what a [`Break`] returns are multiples of so many bytes.
const UNIT: usize = 16;

/// A [`Break`] that is a function: bytes in, address out, as `sbrk` in a kernel or a runtime.
///
/// It is asked for multiples of 64 KiB.
#[derive(Clone, Copy, Debug)]
pub struct FnBreak<F> {
    grow: F,
}

impl<F: Fn(usize) -> Option<NonNull<u8>>> FnBreak<F> {
    /// Takes memory from `grow`.
    ///
    /// # Safety
    ///
    /// What `grow(len)` returns meets the contract of [`Break`] for `len` bytes.
    #[must_use]
    pub const unsafe fn new(grow: F) -> Self {
        Self { grow }
    }
}

// SAFETY: whoever called `new` has promised it.
unsafe impl<F: Fn(usize) -> Option<NonNull<u8>>> Break for FnBreak<F> {
    fn grow(&self, len: usize) -> Option<(NonNull<u8>, usize)> {
        // What the function returns may start anywhere.
        let asked = len.checked_add(UNIT)?.checked_next_multiple_of(STEP)?;
        let base = (self.grow)(asked)?;
        let head = base.addr().get().wrapping_neg() & (UNIT - 1);
        // SAFETY: `head` is less than what was returned.
        Some((unsafe { base.add(head) }, asked - if head == 0 { 0 } else { UNIT }))
    }
}
