//! [`Frame`]: where a block lies in the child's block, between what is put before it and after it.

use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::NonNull;

use heap_core::Alignment;

use crate::block::with_size;

/// The child's block, as `lead` bytes, the client's block, padding, and an `S`.
///
/// ```text
/// | padding  P | block ........ padding | S |
/// |<-- lead -->|<------- tail --------->|
/// ^ aligned    ^ aligned                ^ aligned for S
/// ```
///
/// # Invariants
///
/// - **F1** `lead >= size_of::<P>()`, and both it and `outer` are aligned for the block, for `P` and for `S`: so the block
///   and the `P` that ends where it begins are aligned.
/// - **F2** `tail` is the block's size rounded up to `S`'s alignment; every size in `size..=tail` has the same frame.
/// - **F3** `lead + tail + size_of::<S>() == outer.size()`.
pub(crate) struct Frame<P, S> {
    /// What the child is asked for.
    pub(crate) outer: Layout,
    /// From the child's block to the client's, in bytes.
    pub(crate) lead: usize,
    /// From the client's block to the `S`, in bytes.
    pub(crate) tail: usize,
    affixes: PhantomData<fn() -> (P, S)>,
}

impl<P, S> Frame<P, S> {
    /// The frame of a block; `None` where the whole does not fit a layout.
    #[inline]
    pub(crate) fn of(layout: Layout) -> Option<Self> {
        let block = Alignment::of_layout(layout);
        let align = block.max(Alignment::of::<P>()).max(Alignment::of::<S>());
        let lead = align.forward(size_of::<P>())?;
        let tail = Alignment::of::<S>().forward(layout.size())?;
        let size = lead.checked_add(tail)?.checked_add(size_of::<S>())?;
        let outer = Layout::from_size_align(size, align.bytes()).ok()?;
        Some(Self { outer, lead, tail, affixes: PhantomData })
    }

    /// The frames before and after a change of size; `None` where one side has no memory, or no layout.
    #[inline]
    pub(crate) fn change(layout: Layout, new_size: usize) -> Option<(Self, Self)> {
        if layout.size() == 0 || new_size == 0 {
            return None;
        }
        Some((Self::of(layout)?, Self::of(with_size(layout, new_size)?)?))
    }

    /// The `P` of a block.
    ///
    /// # Safety
    ///
    /// The block lies in a live frame of this type.
    #[inline]
    pub(crate) const unsafe fn prefix(block: NonNull<u8>) -> NonNull<P> {
        // SAFETY: F1: at least `size_of::<P>()` bytes of the child's block lie before it.
        unsafe { block.cast::<P>().sub(1) }
    }

    /// The `S` of a block.
    ///
    /// # Safety
    ///
    /// The block lies in this frame.
    #[inline]
    pub(crate) const unsafe fn suffix(&self, block: NonNull<u8>) -> NonNull<S> {
        // SAFETY: F3: an `S` lies behind the tail.
        unsafe { block.add(self.tail).cast() }
    }

    /// Changes a block's frame: `ask` asks the child, for its block, and says where that is then. The `P` goes with the
    /// first bytes by itself, the `S` is carried.
    ///
    /// # Safety
    ///
    /// The block lies in this frame; `ask` keeps `remap`'s promise for `new.outer`, and `new` is of the same alignment.
    #[inline]
    pub(crate) unsafe fn carry(
        &self,
        block: NonNull<u8>,
        new: &Self,
        ask: impl FnOnce(NonNull<u8>) -> Option<NonNull<u8>>,
    ) -> Option<NonNull<[u8]>> {
        // SAFETY: F1 to F3 of this frame before, and of the new one after; the same alignment gives the same lead. The
        // `S` is read while the old frame is certain, and written only when the new one is.
        unsafe {
            let suffix = self.suffix(block).read();
            let moved = ask(block.sub(self.lead))?.add(self.lead);
            new.suffix(moved).write(suffix);
            Some(NonNull::slice_from_raw_parts(moved, new.tail))
        }
    }
}
