//! [`Cascade`]: a new child when the others are full.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Owns, Reset, UsableSize, Usage};

use crate::block::{Fresh, no_unwind};
use crate::nodes::{Node, Nodes};

/// As many allocators of one kind as it takes: where no child has memory, `make` makes another.
///
/// `make` is given the bytes that the child must be able to hand out, and `None` from it is out of memory; it should
/// make children much larger than that. Each child keeps its own bookkeeping, a few words, in its own memory. Requests
/// are tried on the newest child first. A child whose blocks are all freed is dropped, except the newest. A block is
/// found by asking the children whether they own it: O(children), so few large children are better than many small
/// ones. Stays on one thread. `make` must not panic: that aborts.
///
/// ```
/// use core::alloc::Layout;
/// use heap_arena::Arena;
/// use heap_compose::Cascade;
/// use heap_core::Allocator;
///
/// // Arenas that do not grow. The memory of each goes back when its last block is freed.
/// let heap = Cascade::new(|bytes| {
///     let arena = Arena::with_capacity(bytes.max(1 << 16)).ok()?;
///     arena.set_limit(Some(arena.held()));
///     Some(arena)
/// });
/// let layout = Layout::new::<[u8; 40_000]>();
/// let (first, second) = (heap.alloc(layout)?, heap.alloc(layout)?);
/// assert_eq!(heap.count(), 2);
/// // SAFETY: allocated just above with this layout.
/// unsafe { heap.free(first.cast(), layout) };
/// assert_eq!(heap.count(), 1);
/// # unsafe { heap.free(second.cast(), layout) };
/// # Ok::<(), heap_core::AllocError>(())
/// ```
#[doc(alias = "AllocatorList")]
pub struct Cascade<A: Owns, F> {
    make: F,
    nodes: Nodes<A>,
}

impl<A: Owns, F: Fn(usize) -> Option<A>> Cascade<A, F> {
    /// No child yet; the first request makes one.
    pub const fn new(make: F) -> Self {
        Self { make, nodes: Nodes::new() }
    }
    /// How many children there are. O(children).
    pub fn count(&self) -> usize {
        self.nodes.iter().count()
    }
    fn alloc_with(&self, layout: Layout, alloc: impl Fn(&A, Layout) -> Fresh) -> Fresh {
        if layout.size() == 0 {
            return Ok(zero_sized(layout));
        }
        let ask = |child: &A| alloc(child, layout).ok();
        self.nodes.ask(ask).or_else(|| self.grow(layout, ask)).ok_or(AllocError)
    }
    /// Makes a child, and keeps it if it has the memory that it was made for.
    #[cold]
    fn grow<T>(&self, layout: Layout, ask: impl Fn(&A) -> Option<T>) -> Option<T> {
        let bytes = Node::<A>::room_for(layout)?;
        let node = Node::settle(no_unwind(|| (self.make)(bytes))?)?;
        // SAFETY: settled just above, on no list, and it has a live block (for which it is held) or nobody used it.
        unsafe {
            let block = ask(&node.as_ref().child);
            if block.is_some() {
                self.nodes.push(node)
            } else {
                Node::unsettle(node)
            }
            block
        }
    }
}

heap_core::impl_foreign_allocators! { impl[A: Owns, F: Fn(usize) -> Option<A>] for Cascade<A, F> }

// SAFETY: each block is one child's, with the layout unchanged, and by `Owns` every later call reaches that child, which
// lives as long as its blocks (N2, N4); so A1, A2, A4 and A5 are the child's. Size zero reaches none (A3).
unsafe impl<A: Owns, F: Fn(usize) -> Option<A>> Allocator for Cascade<A, F> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc)
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: N3, and the caller's promise to the child that made the block.
        let ask = |node: NonNull<Node<A>>| unsafe { node.as_ref().child.resize(block, layout, new_size) };
        layout.size() != 0 && new_size != 0 && self.nodes.owner(block).is_some_and(ask)
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        if layout.size() == 0 || new_size == 0 {
            return None;
        }
        // SAFETY: N3, and the caller's promise to the child that made the block.
        unsafe { self.nodes.owner(block)?.as_ref().child.remap(block, layout, new_size) }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0
            && let Some(owner) = self.nodes.owner(block)
        {
            // SAFETY: N3, and the caller's promise to the child that made the block. It was counted (N2).
            unsafe {
                let node = owner.as_ref();
                node.child.free(block, layout);
                node.live.set(node.live.get().wrapping_sub(1));
                self.nodes.retire(owner);
            }
        }
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.alloc_with(layout, A::alloc_zeroed)
    }
}

// SAFETY: a block is owned by the child that made it, and by no other.
unsafe impl<A: Owns, F: Fn(usize) -> Option<A>> Owns for Cascade<A, F> {
    fn owns(&self, block: NonNull<u8>) -> bool {
        self.nodes.owner(block).is_some()
    }
}

// SAFETY: the promise of the child that made the block; of size zero there is none.
unsafe impl<A: Owns + UsableSize, F: Fn(usize) -> Option<A>> UsableSize for Cascade<A, F> {
    unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        // SAFETY: N3, and the caller's promise to the child that made the block.
        let ask = |node: NonNull<Node<A>>| unsafe { node.as_ref().child.usable_size(block, layout) };
        if layout.size() == 0 { 0 } else { self.nodes.owner(block).map_or(layout.size(), ask) }
    }
}

impl<A: Owns + Usage, F> Usage for Cascade<A, F> {
    fn used(&self) -> usize {
        self.nodes.sum(A::used)
    }
    fn capacity(&self) -> usize {
        self.nodes.sum(A::capacity)
    }
}

impl<A: Owns, F> Reset for Cascade<A, F> {
    /// Drops all children.
    fn reset(&mut self) {
        self.nodes.clear();
    }
}

impl<A: Owns, F> fmt::Debug for Cascade<A, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cascade").field("count", &self.nodes.iter().count()).finish_non_exhaustive()
    }
}
