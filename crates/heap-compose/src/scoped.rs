//! [`Scoped`]: whatever was not freed is freed when it is dropped.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::affix::Affix;
use crate::block::with_size;

type Blocks<A> = Affix<A, Node>;

/// Knows its live blocks and gives them all back on drop, and on [`reset`](Reset::reset).
///
/// For code that allocates much and frees when it is done, over an allocator that could not do it by itself; and for
/// code that may leak. A block costs a prefix of four words and a step in a doubly linked list; drop is O(live blocks).
/// Stays on one thread; a [`ThreadSafe`](crate::ThreadSafe) around it shares it.
///
/// ```
/// use core::alloc::Layout;
/// use heap_compose::{Scoped, Stats};
/// use heap_core::{Allocator, Global};
///
/// let heap = Stats::new(Global);
/// let scope = Scoped::new(&heap);
/// let _leaked = scope.alloc(Layout::new::<[u8; 100]>())?;
/// assert_eq!(heap.counts().live_blocks(), 1);
/// drop(scope);
/// assert_eq!(heap.counts().live_blocks(), 0);
/// # Ok::<(), heap_core::AllocError>(())
/// ```
///
/// # Invariants
///
/// - **S1** Every live block with memory has a [`Node`] as its prefix, and these are a list from `head`, linked both ways.
/// - **S2** A node's layout is the layout that the client holds for its block.
#[derive(Debug)]
#[doc(alias = "ScopedAllocator")]
pub struct Scoped<A: Allocator> {
    child: Blocks<A>,
    head: Cell<Option<NonNull<Node>>>,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    prev: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
    layout: Layout,
}

impl<A: Allocator> Scoped<A> {
    /// `child`, which gets back what is left.
    pub const fn new(child: A) -> Self {
        let unlinked = Node { prev: None, next: None, layout: Layout::new::<()>() };
        Self { child: Affix::new(child, unlinked, ()), head: Cell::new(None) }
    }
    /// The allocator that was given as `child`.
    pub const fn child(&self) -> &A {
        self.child.child()
    }
    /// Makes the neighbours of `node` point at `forward` and `backward` instead of at it.
    ///
    /// # Safety
    ///
    /// The neighbours of `node` are on the list (S1).
    unsafe fn join(&self, node: Node, forward: Option<NonNull<Node>>, backward: Option<NonNull<Node>>) {
        // SAFETY: S1: prefixes of live blocks, which no reference points at.
        unsafe {
            match node.prev {
                Some(prev) => (*prev.as_ptr()).next = forward,
                None => self.head.set(forward),
            }
            if let Some(next) = node.next {
                (*next.as_ptr()).prev = backward;
            }
        }
    }
    fn link(&self, block: NonNull<[u8]>, layout: Layout) -> NonNull<[u8]> {
        if layout.size() != 0 {
            let fresh = Node { prev: None, next: self.head.get(), layout };
            // SAFETY: `Affix` put a prefix before the block. The write and the join establish S1 and S2.
            unsafe {
                let node = Blocks::<A>::prefix(block.cast());
                node.write(fresh);
                self.join(fresh, Some(node), Some(node));
            }
        }
        block
    }
    fn free_all(&self) {
        while let Some(node) = self.head.get() {
            // SAFETY: S1 and S2; the block begins where its prefix ends. It leaves the list, so the loop ends.
            unsafe { self.free(node.add(1).cast(), node.read().layout) }
        }
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator] for Scoped<A> }

// SAFETY: the blocks are those of `Affix`, whose prefixes alone are touched (A1); they outlive nothing but the drop.
unsafe impl<A: Allocator> Allocator for Scoped<A> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc(layout).map(|block| self.link(block, layout))
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        let Some(new) = with_size(layout, new_size) else { return false };
        // SAFETY: the caller's promise; a block that was resized has memory, and so a prefix. S2.
        unsafe {
            let resized = self.child.resize(block, layout, new_size);
            if resized {
                (*Blocks::<A>::prefix(block).as_ptr()).layout = new;
            }
            resized
        }
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        let new = with_size(layout, new_size)?;
        // SAFETY: the caller's promise; a block that was remapped has memory, and its prefix moved with it. S1, S2.
        unsafe {
            let moved = self.child.remap(block, layout, new_size)?;
            let node = Blocks::<A>::prefix(moved.cast());
            (*node.as_ptr()).layout = new;
            self.join(node.read(), Some(node), Some(node));
            Some(moved)
        }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's promise: the block is live, so on the list (S1); it leaves it here.
            unsafe {
                let node = Blocks::<A>::prefix(block).read();
                self.join(node, node.next, node.prev);
                self.child.free(block, layout);
            }
        }
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc_zeroed(layout).map(|block| self.link(block, layout))
    }
}

impl<A: Allocator> Reset for Scoped<A> {
    /// Frees every live block, one by one.
    fn reset(&mut self) {
        self.free_all();
    }
}

impl<A: Allocator> Drop for Scoped<A> {
    fn drop(&mut self) {
        self.free_all();
    }
}

// SAFETY: the pointers lead to prefixes in the child's blocks, which nobody else reaches; they go where the child goes.
unsafe impl<A: Allocator + Send> Send for Scoped<A> {}

forward_owns! { [A: Owns] Scoped<A>, child }
forward_usage! { [A: Allocator + Usage] Scoped<A>, child }
