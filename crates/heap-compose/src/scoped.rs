//! [`Scoped`]: whatever was not freed is freed when it is dropped.

use core::alloc::Layout;
use core::ptr::NonNull;

use heap_core::{AllocError, Allocator, Owns, Reset, Usage};

use crate::affix::Affix;
use crate::block::with_size;
use crate::live_list::{LiveList, Node};

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
/// - **S1** Every live block with memory has a node on the list as its prefix, and no other node is there.
/// - **S2** A node's layout is the layout that the client holds for its block.
#[derive(Debug)]
#[doc(alias = "ScopedAllocator")]
pub struct Scoped<A: Allocator> {
    child: Blocks<A>,
    live: LiveList,
}

impl<A: Allocator> Scoped<A> {
    /// `child`, which gets back what is left.
    pub const fn new(child: A) -> Self {
        let unlinked = Node::new(Layout::new::<()>());
        Self { child: Affix::new(child, unlinked, ()), live: LiveList::new() }
    }
    /// The allocator that was given as `child`.
    pub const fn child(&self) -> &A {
        self.child.child()
    }
    fn enter(&self, block: NonNull<[u8]>, layout: Layout) -> NonNull<[u8]> {
        if layout.size() != 0 {
            // SAFETY: `Affix` put a prefix before the block. Establishes S1 and S2.
            unsafe { self.live.push(Blocks::<A>::prefix(block.cast()), layout) };
        }
        block
    }
    fn free_all(&self) {
        while let Some(node) = self.live.first() {
            // SAFETY: S1 and S2; the block begins where its prefix ends. It leaves the list, so the loop ends.
            unsafe { self.free(node.add(1).cast(), node.read().layout) }
        }
    }
}

heap_core::impl_foreign_allocators! { impl[A: Allocator] for Scoped<A> }

// SAFETY: the blocks are those of `Affix`, which are valid no longer than it is; of them only the prefix is touched.
unsafe impl<A: Allocator> Allocator for Scoped<A> {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc(layout).map(|block| self.enter(block, layout))
    }
    unsafe fn resize(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> bool {
        // SAFETY: the caller's promise; a block that was resized has memory, and so a prefix (S1, S2).
        with_size(layout, new_size).is_some_and(|new| unsafe {
            let done = self.child.resize(block, layout, new_size);
            if done {
                self.live.resized(Blocks::<A>::prefix(block), new);
            }
            done
        })
    }
    unsafe fn remap(&self, block: NonNull<u8>, layout: Layout, new_size: usize) -> Option<NonNull<[u8]>> {
        let new = with_size(layout, new_size).filter(|_| layout.size() != 0 && new_size != 0)?;
        // SAFETY: the caller's promise; the block has memory before and after, and its prefix goes with it (S1, S2). It is not
        // on the list while it may move: others may be freed meanwhile, where a function of the client's sees the child's calls.
        unsafe {
            self.live.remove(Blocks::<A>::prefix(block));
            let moved = self.child.remap(block, layout, new_size);
            let (block, layout) = moved.map_or((block, layout), |moved| (moved.cast(), new));
            self.live.push(Blocks::<A>::prefix(block), layout);
            moved
        }
    }
    unsafe fn free(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's promise: the block is live, so on the list (S1).
            unsafe {
                self.live.remove(Blocks::<A>::prefix(block));
                self.child.free(block, layout);
            }
        }
    }
    fn alloc_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.child.alloc_zeroed(layout).map(|block| self.enter(block, layout))
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

// SAFETY: the list leads to prefixes in the child's blocks, which nobody else reaches; it goes where the child goes.
unsafe impl<A: Allocator + Send> Send for Scoped<A> {}

forward_owns! { [A: Owns] Scoped<A>, child }
forward_usage! { [A: Allocator + Usage] Scoped<A>, child }
