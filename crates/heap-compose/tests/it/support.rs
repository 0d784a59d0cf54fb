//! Memory, children and short words that several tests use.

use core::alloc::Layout;
use core::cell::RefCell;
use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::sync::Mutex;

use heap_arena::FixedBuffer;
use heap_compose::{Event, Quantized, ToSizeClass};
use heap_core::{Allocator, Global};
use heap_test::ValidationAllocator;

/// A child that holds its client to the contract: a wrong size, alignment or address on free makes its drop panic.
pub(crate) type Strict = ValidationAllocator<Global>;

pub(crate) fn strict() -> Strict {
    ValidationAllocator::new(Global)
}

/// A strict child whose blocks are longer than was asked for, so that more may be passed back.
pub(crate) fn generous() -> Quantized<Strict, ToSizeClass> {
    Quantized::new(strict())
}

/// An allocator over a new buffer, which is kept for the rest of the program's life.
pub(crate) fn buffer(len: usize) -> FixedBuffer<'static> {
    static KEPT: Mutex<Vec<Box<[MaybeUninit<u8>]>>> = Mutex::new(Vec::new());
    let mut memory = vec![MaybeUninit::uninit(); len].into_boxed_slice();
    let start = NonNull::from(&mut memory[..]).cast();
    KEPT.lock().unwrap().push(memory);
    // SAFETY: the box is kept and never touched again, so the bytes are the buffer's for ever.
    unsafe { FixedBuffer::from_raw(start, len) }
}

/// What a child was asked for, in order: to be given to `Inspect`.
#[derive(Default)]
pub(crate) struct Log(RefCell<Vec<Event>>);

impl Log {
    pub(crate) fn see(&self, event: Event) {
        self.0.borrow_mut().push(event);
    }

    /// The events so far, forgotten here.
    pub(crate) fn take(&self) -> Vec<Event> {
        self.0.take()
    }

    /// The layouts of the allocs and of the frees so far, forgotten here.
    pub(crate) fn layouts(&self) -> (Vec<Layout>, Vec<Layout>) {
        let events = self.take();
        let made = events.iter().filter_map(|event| match event {
            Event::Alloc { layout, block: Ok(_), .. } => Some(*layout),
            _ => None,
        });
        let freed = events.iter().filter_map(|event| match event {
            Event::Free { layout, .. } => Some(*layout),
            _ => None,
        });
        (made.collect(), freed.collect())
    }
}

pub(crate) fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).unwrap()
}

/// A block of `size` bytes, unaligned.
pub(crate) fn alloc(heap: &impl Allocator, size: usize) -> NonNull<u8> {
    heap.alloc(layout(size, 1)).unwrap().cast()
}

/// Frees a block from [`alloc`].
pub(crate) fn free(heap: &impl Allocator, block: NonNull<u8>, size: usize) {
    // SAFETY: each test frees what it allocated, once, from the same heap, with the size it has then.
    unsafe { heap.free(block, layout(size, 1)) }
}

/// Resizes a block from [`alloc`] in place.
pub(crate) fn resize(heap: &impl Allocator, block: NonNull<u8>, size: usize, new_size: usize) -> bool {
    // SAFETY: as for `free`; the tests go on with the new size.
    unsafe { heap.resize(block, layout(size, 1), new_size) }
}

/// Remaps a block from [`alloc`].
pub(crate) fn remap(
    heap: &impl Allocator,
    block: NonNull<u8>,
    size: usize,
    new: usize,
) -> Option<NonNull<u8>> {
    // SAFETY: as for `free`; the tests go on with the new block.
    unsafe { heap.remap(block, layout(size, 1), new) }.map(NonNull::cast)
}
