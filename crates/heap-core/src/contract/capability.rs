//! What some allocators can do and others never can: each a trait of its own, absent where impossible.
//!
//! An allocator that may merely say "not this time" implements the operation and refuses; one that can
//! *never* do it lacks the trait, so that a composition which needs it does not compile.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::Allocator;

/// Knows its own blocks by their address.
///
/// # Safety
///
/// `owns` answers `true` for every live block of the allocator that has memory (size not zero), and `false`
/// for every block of another allocator. Compositions free by its answer.
pub unsafe trait Owns: Allocator {
    /// Whether `block` lies in memory that this allocator hands out. Never dereferences `block`.
    #[doc(alias = "ownsPtr")]
    fn owns(&self, block: NonNull<u8>) -> bool;
}

/// Knows how many bytes of a block may be used.
///
/// # Safety
///
/// The answer is at least `layout.size()`, and so many bytes at `block` may be read and written until it is
/// resized or freed, and that size may be passed back (A2).
pub unsafe trait UsableSize: Allocator {
    /// The usable size in bytes of a live block.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this allocator, and `layout` fits it (A2).
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize;
}

/// Forgets all its blocks at once and can be used again.
///
/// The exclusive borrow proves that no handle to the allocator, and so no borrowed block, is left.
pub trait Reset {
    /// Gives up all blocks. What is kept for later use is the implementation's choice, and documented there.
    fn reset(&mut self);
}

/// Counts the bytes that it has handed out.
pub trait Usage {
    /// Bytes of live blocks, as this allocator counts them (requested or usable, padding or not: see there).
    fn used(&self) -> usize;
    /// Bytes that it holds from its backing, used or not.
    #[doc(alias = "queryCapacity")]
    fn capacity(&self) -> usize;
}
