//! [`LiveList`]: the live blocks of a [`Scoped`](crate::Scoped), linked through their prefixes.

use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;

/// The prefix of a live block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    prev: Option<NonNull<Node>>,
    next: Option<NonNull<Node>>,
    pub(crate) layout: Layout,
}

impl Node {
    /// On no list yet.
    pub(crate) const fn new(layout: Layout) -> Self {
        Self { prev: None, next: None, layout }
    }
}

/// A list of nodes that others keep the memory of.
///
/// # Invariants
///
/// - **L1** The nodes on the list are live memory, linked both ways from `first` on, and no reference points at them.
#[derive(Debug)]
pub(crate) struct LiveList {
    first: Cell<Option<NonNull<Node>>>,
}

impl LiveList {
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(None) }
    }

    pub(crate) fn first(&self) -> Option<NonNull<Node>> {
        self.first.get()
    }

    /// Puts a new node in front, for a block of this layout.
    ///
    /// # Safety
    ///
    /// `node` is memory for a node, and stays so until it is taken off the list.
    pub(crate) unsafe fn push(&self, node: NonNull<Node>, layout: Layout) {
        let fresh = Node { prev: None, next: self.first.get(), layout };
        // SAFETY: the caller's promise, and L1 of its neighbours. Establishes L1.
        unsafe {
            node.write(fresh);
            self.join(fresh, Some(node), Some(node));
        }
    }

    /// Takes a node off.
    ///
    /// # Safety
    ///
    /// `node` is on this list.
    pub(crate) unsafe fn remove(&self, node: NonNull<Node>) {
        // SAFETY: L1.
        unsafe {
            let node = node.read();
            self.join(node, node.next, node.prev);
        }
    }

    /// Notes that the block has another layout now.
    ///
    /// # Safety
    ///
    /// `node` is on this list.
    pub(crate) unsafe fn resized(&self, node: NonNull<Node>, layout: Layout) {
        // SAFETY: L1.
        unsafe { (*node.as_ptr()).layout = layout };
    }

    /// Makes the neighbours of `node` point at `forward` and `backward`.
    ///
    /// # Safety
    ///
    /// The neighbours are on the list.
    unsafe fn join(&self, node: Node, forward: Option<NonNull<Node>>, backward: Option<NonNull<Node>>) {
        // SAFETY: L1.
        unsafe {
            match node.prev {
                Some(prev) => (*prev.as_ptr()).next = forward,
                None => self.first.set(forward),
            }
            if let Some(next) = node.next {
                (*next.as_ptr()).prev = backward;
            }
        }
    }
}
