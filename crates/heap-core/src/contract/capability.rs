//! What some allocators can do and others never can: each a trait of its own, absent where impossible.
//!
//! An allocator that may merely say "not this time" implements the operation and refuses; one that can
//! *never* do it lacks the trait, so that a composition which needs it does not compile.

use core::alloc::Layout;
use core::ptr::NonNull;

use crate::contract::Allocator;

/// Knows its own blocks by their address.
///
/// ```
/// use core::{alloc::Layout, ptr::NonNull};
/// use heap_core::{Allocator, Owns};
///
/// /// Gives a block back to the one of two allocators that it came from.
/// ///
/// /// # Safety
/// ///
/// /// `block` is a live block of one of them, `layout` fits it, and nobody uses it again.
/// unsafe fn free_either(first: &impl Owns, second: &impl Allocator, block: NonNull<u8>, layout: Layout) {
///     // SAFETY: `owns` is right about every live block that has memory; one without may go to anybody (A3).
///     unsafe {
///         if first.owns(block) { first.free(block, layout) } else { second.free(block, layout) }
///     }
/// }
/// ```
///
/// # Safety
///
/// `owns` answers `true` for every address in a live block of the allocator, and `false` for every block of
/// another allocator whose memory does not come from this one. Compositions free by its answer.
pub unsafe trait Owns: Allocator {
    /// Whether `block` lies in memory that this allocator hands out. Never dereferences `block`.
    #[doc(alias = "ownsPtr")]
    fn owns(&self, block: NonNull<u8>) -> bool;
}

/// Knows how many bytes of a block may be used.
///
/// ```
/// use core::{alloc::Layout, ptr::NonNull};
/// use heap_core::{AllocError, UsableSize};
///
/// /// A byte buffer that wastes nothing: all that the allocator has set aside.
/// fn buffer(alloc: &impl UsableSize, at_least: Layout) -> Result<NonNull<[u8]>, AllocError> {
///     let block = alloc.alloc(at_least)?.cast();
///     // SAFETY: a live block with this layout; the answer may be used and passed back.
///     let len = unsafe { alloc.usable_size(block, at_least) };
///     Ok(NonNull::slice_from_raw_parts(block, len))
/// }
/// ```
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
/// The exclusive borrow proves that no handle to the allocator, and so no borrowed block, is left:
///
/// ```compile_fail,E0502
/// use heap_core::{Allocator, HeapBox, Reset};
/// fn outlive<A: Allocator + Reset>(mut arena: A) {
///     let boxed = HeapBox::new_in(|| 1, &arena).unwrap();
///     arena.reset(); // error: `arena` is also borrowed as immutable
///     println!("{boxed}");
/// }
/// ```
pub trait Reset {
    /// Gives up all blocks. What is kept for later use is the implementation's choice, and documented there.
    fn reset(&mut self);
}

/// Counts the bytes that it has handed out.
///
/// ```
/// use heap_core::Usage;
/// /// The part of its memory that is in use, from 0 to 1.
/// fn load(alloc: &dyn Usage) -> f64 {
///     alloc.used() as f64 / alloc.capacity().max(1) as f64
/// }
/// ```
pub trait Usage {
    /// Bytes of live blocks, as this allocator counts them (requested or usable, padding or not: see there).
    fn used(&self) -> usize;
    /// Bytes that it holds from its backing, used or not.
    #[doc(alias = "queryCapacity")]
    fn capacity(&self) -> usize;
}
