//! [`Fault`]: one broken promise, by the allocator or by its client, with the addresses that show it.
#![forbid(unsafe_code)]

use core::alloc::Layout;
use core::fmt;

/// A broken promise of the contract that `heap_core::Allocator` states.
///
/// Addresses are plain numbers and sizes are bytes, so a fault can be kept and sent after the memory is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// An `AllocError` where the memory should have been there.
    Refused {
        /// What was asked for.
        layout: Layout,
    },
    /// A block at an address that is not a multiple of its alignment (A2).
    Misaligned {
        /// Address of the block.
        addr: usize,
        /// What was asked for.
        layout: Layout,
    },
    /// A block that is shorter than asked (A2), or a zero-sized one that has bytes (A3).
    WrongLength {
        /// Address of the block.
        addr: usize,
        /// Length that was returned.
        len: usize,
        /// What was asked for.
        layout: Layout,
    },
    /// A block that shares bytes with another live one (A1).
    Overlap {
        /// Address of the new block.
        addr: usize,
        /// Its length.
        len: usize,
        /// Address of the block that was there before.
        other: usize,
        /// Its length.
        other_len: usize,
    },
    /// A byte of a live block that is not what the client wrote last (A1), or was not kept in a move.
    Changed {
        /// Address of the block.
        addr: usize,
        /// Where in the block.
        offset: usize,
        /// What the client wrote.
        wrote: u8,
        /// What is there.
        found: u8,
    },
    /// A byte of a block from `alloc_zeroed` that is not zero.
    NotZero {
        /// Address of the block.
        addr: usize,
        /// Where in the block.
        offset: usize,
        /// What is there.
        found: u8,
    },
    /// The client freed or resized an address where no live block starts: freed before, or never allocated.
    NotLive {
        /// The address.
        addr: usize,
    },
    /// The client passed back a size that does not fit the block (A2).
    WrongSize {
        /// Address of the block.
        addr: usize,
        /// What the client passed.
        given: usize,
        /// The smallest size that fits: what was asked for.
        requested: usize,
        /// The largest size that fits: what was returned.
        usable: usize,
    },
    /// The client passed back another alignment than it asked for.
    WrongAlign {
        /// Address of the block.
        addr: usize,
        /// What the client passed.
        given: usize,
        /// What it asked for.
        requested: usize,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Refused { layout } => write!(f, "no memory for {}", Asked(layout)),
            Self::Misaligned { addr, layout } => {
                write!(f, "block {addr:#x} for {} is not aligned", Asked(layout))
            }
            Self::WrongLength { addr, len, layout } => {
                write!(f, "block {addr:#x} for {} has a length of {len} bytes", Asked(layout))
            }
            Self::Overlap { addr, len, other, other_len } => write!(
                f,
                "block {addr:#x} of {len} bytes overlaps the live block {other:#x} of {other_len} bytes"
            ),
            Self::Changed { addr, offset, wrote, found } => write!(
                f,
                "block {addr:#x} changed at offset {offset}: {found:#04x} where the client wrote {wrote:#04x}"
            ),
            Self::NotZero { addr, offset, found } => {
                write!(f, "zeroed block {addr:#x} is {found:#04x} at offset {offset}")
            }
            Self::NotLive { addr } => {
                write!(f, "no live block at {addr:#x}: freed before, or never allocated")
            }
            Self::WrongSize { addr, given, requested, usable } => write!(
                f,
                "block {addr:#x} passed back with {given} bytes; {requested} to {usable} bytes fit it"
            ),
            Self::WrongAlign { addr, given, requested } => write!(
                f,
                "block {addr:#x} passed back with alignment {given}; it was allocated with alignment {requested}"
            ),
        }
    }
}

impl std::error::Error for Fault {}

/// A layout as a reader wants it.
struct Asked(Layout);

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at alignment {}", self.0.size(), self.0.align())
    }
}
