//! [`Nodes`]: the children of a [`Cascade`](crate::Cascade), each kept in memory of its own.

use core::alloc::Layout;
use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_core::Owns;

/// One child: an allocator that lives in a block of its own, so that a list of them needs no other memory.
///
/// # Invariants
///
/// - **N1** The node lies in a live block of `child`, of layout [`LAYOUT`](Self::LAYOUT).
/// - **N2** `live` is the number of the child's other live blocks that have memory, and of those who hold the node: who is
///   about to call its child, which may call us (where a function of the client's sees each of its calls). Where children are handles of one
///   allocator (A5), the sum over these is, modulo 2 to the power of `usize::BITS`.
pub(crate) struct Node<A> {
    pub(crate) child: A,
    pub(crate) live: Cell<usize>,
    next: Cell<Option<NonNull<Self>>>,
}

impl<A: Owns> Node<A> {
    const LAYOUT: Layout = Layout::new::<Self>();

    /// What a child must be able to hand out so that a block of this layout fits beside its node, in bytes.
    pub(crate) fn room_for(layout: Layout) -> Option<usize> {
        let node = Self::LAYOUT.size().checked_add(Self::LAYOUT.align())?;
        node.checked_add(layout.size())?.checked_add(layout.align())
    }

    /// Moves an allocator into a block of its own (A1 lets it move), and holds it; drops it where it has none.
    pub(crate) fn settle(child: A) -> Option<NonNull<Self>> {
        let node = child.alloc(Self::LAYOUT).ok()?.cast::<Self>();
        // SAFETY: a fresh block of the right layout. Establishes N1 and N2.
        unsafe { node.write(Self { child, live: Cell::new(1), next: Cell::new(None) }) };
        Some(node)
    }

    /// Counts a block that there may be soon: until then the node stays.
    fn hold(node: &NonNull<Self>) {
        // SAFETY: N3.
        let live = unsafe { &node.as_ref().live };
        live.set(live.get().wrapping_add(1));
    }

    /// Takes the allocator out, frees the block that it lived in, and drops it.
    ///
    /// # Safety
    ///
    /// `node` came from [`settle`](Self::settle) and is not used again; the clients gave up all blocks of the child.
    pub(crate) unsafe fn unsettle(node: NonNull<Self>) {
        // SAFETY: the caller's promise and N1. The child is moved out before the bytes it lay in are freed.
        unsafe {
            let Self { child, .. } = node.read();
            child.free(node.cast(), Self::LAYOUT);
        }
    }
}

/// A list of nodes, the newest first.
///
/// # Invariants
///
/// - **N3** Every node on the list came from [`Node::settle`] and is on one list only.
/// - **N4** Only the first may have no live block.
pub(crate) struct Nodes<A: Owns> {
    first: Cell<Option<NonNull<Node<A>>>>,
    owned: PhantomData<A>,
}

impl<A: Owns> Nodes<A> {
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(None), owned: PhantomData }
    }

    /// The first answer of a child, from the newest on. Its node was held meanwhile and stays so: for a block that was got.
    pub(crate) fn ask<T>(&self, ask: impl Fn(&A) -> Option<T>) -> Option<T> {
        let mut here = self.first.get().inspect(Node::hold);
        while let Some(node) = here {
            // SAFETY: N3; it is held.
            let answer = ask(unsafe { &node.as_ref().child });
            if answer.is_some() {
                return answer;
            }
            // SAFETY: N3; it is held, by us.
            here = unsafe { self.pass(node) };
        }
        None
    }

    /// Goes on from a node that was held to the one after it, and holds that.
    ///
    /// # Safety
    ///
    /// `node` is on the list, held by the caller, and no reference to it is left.
    unsafe fn pass(&self, node: NonNull<Node<A>>) -> Option<NonNull<Node<A>>> {
        // SAFETY: N3.
        let (live, next) = unsafe { (&node.as_ref().live, node.as_ref().next.get()) };
        let next = next.inspect(Node::hold);
        live.set(live.get().wrapping_sub(1));
        // SAFETY: on the list, says the caller.
        unsafe { self.retire(node) };
        next
    }

    /// The nodes, as they were when each is asked for.
    pub(crate) fn iter(&self) -> impl Iterator<Item = NonNull<Node<A>>> {
        // SAFETY: N3.
        core::iter::successors(self.first.get(), |node| unsafe { node.as_ref() }.next.get())
    }

    /// The node whose child made a block.
    pub(crate) fn owner(&self, block: NonNull<u8>) -> Option<NonNull<Node<A>>> {
        // SAFETY: N3.
        self.iter().find(|node| unsafe { node.as_ref() }.child.owns(block))
    }

    /// What the children answer, added up.
    pub(crate) fn sum(&self, answer: impl Fn(&A) -> usize) -> usize {
        // SAFETY: N3.
        self.iter().fold(0, |sum, node| sum.saturating_add(answer(unsafe { &node.as_ref().child })))
    }

    /// Puts a node in front. The one that was there goes, if it has no live block (N4).
    ///
    /// # Safety
    ///
    /// `node` came from [`Node::settle`], is on no list, and has a live block.
    pub(crate) unsafe fn push(&self, node: NonNull<Node<A>>) {
        let before = self.first.replace(Some(node));
        // SAFETY: the caller's promise. Establishes N3.
        unsafe { node.as_ref() }.next.set(before);
        if let Some(before) = before {
            // SAFETY: N3.
            unsafe { self.retire(before) };
        }
    }

    /// Drops a node's child if it has no live block, unless it is the first.
    ///
    /// # Safety
    ///
    /// `node` is on the list, and no reference to it is left.
    pub(crate) unsafe fn retire(&self, node: NonNull<Node<A>>) {
        // SAFETY: N3; once it is off the list nobody knows the node, and by N2 no block of it is live.
        unsafe {
            if node.as_ref().live.get() == 0
                && let Some(before) = self.iter().find(|before| before.as_ref().next.get() == Some(node))
            {
                before.as_ref().next.set(node.as_ref().next.get());
                Node::unsettle(node);
            }
        }
    }

    /// Drops all children.
    pub(crate) fn clear(&mut self) {
        while let Some(node) = self.first.get() {
            // SAFETY: N3. The exclusive borrow proves that no block is used any more.
            unsafe {
                self.first.set(node.as_ref().next.get());
                Node::unsettle(node);
            }
        }
    }
}

impl<A: Owns> Drop for Nodes<A> {
    fn drop(&mut self) {
        self.clear();
    }
}

// SAFETY: the nodes lie in memory of the children, which go with them; nobody else reaches them.
unsafe impl<A: Owns + Send> Send for Nodes<A> {}
