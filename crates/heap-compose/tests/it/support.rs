//! Memory and children that several tests use.

use core::mem::MaybeUninit;
use core::ptr::NonNull;
use std::sync::Mutex;

use heap_arena::FixedBuffer;
use heap_compose::{Quantized, ToSizeClass};
use heap_core::Global;
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
