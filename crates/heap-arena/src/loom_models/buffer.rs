//! Models of `SyncFixedBuffer`, and so of `SyncBump`.
#![cfg(test)]

use heap_core::Allocator;
use loom::sync::Arc;
use loom::thread;

use super::memory::{GRANULE, Memory};
use super::{granules, model};
use crate::sync_fixed::SyncFixedBuffer;

/// A buffer of some granules in a memory, which lives as long.
struct Fixed {
    buffer: SyncFixedBuffer<'static>,
    memory: Memory,
}

impl Fixed {
    fn new(count: usize) -> Arc<Self> {
        let memory = Memory::new(false);
        // SAFETY: nobody else uses the memory, which is dropped after the buffer's last use.
        let buffer = unsafe { SyncFixedBuffer::from_raw(memory.start(), count * GRANULE) };
        Arc::new(Self { buffer, memory })
    }
}

#[test]
fn threads_that_drain_a_buffer_get_each_granule_once() {
    model(|| {
        let fixed = Fixed::new(3);
        let other = Arc::clone(&fixed);
        let drain = |fixed: &Fixed| {
            let mut count = 0;
            while let Ok(block) = fixed.buffer.alloc(granules(1)) {
                fixed.memory.touch(block);
                count += 1;
            }
            count
        };
        let thread = thread::spawn(move || drain(&other));
        let mine = drain(&fixed);
        assert_eq!(mine + thread.join().unwrap(), 3);
        assert_eq!(fixed.buffer.used(), 3 * GRANULE);
    });
}

#[test]
fn bytes_that_are_freed_go_to_the_next_owner_in_order() {
    model(|| {
        let fixed = Fixed::new(1);
        let other = Arc::clone(&fixed);
        let push_and_pop = |fixed: &Fixed| {
            if let Ok(block) = fixed.buffer.alloc(granules(1)) {
                fixed.memory.touch(block);
                // SAFETY: live, ours, and not used after.
                unsafe { fixed.buffer.free(block.cast(), granules(1)) };
            }
        };
        let thread = thread::spawn(move || push_and_pop(&other));
        push_and_pop(&fixed);
        thread.join().unwrap();
        assert_eq!(fixed.buffer.used(), 0);
    });
}

#[test]
fn a_block_grows_into_room_that_nobody_else_gets() {
    model(|| {
        let fixed = Fixed::new(3);
        let block = fixed.buffer.alloc(granules(1)).unwrap();
        let other = Arc::clone(&fixed);
        let thread = thread::spawn(move || {
            let taken = other.buffer.alloc(granules(2));
            taken.inspect(|&block| other.memory.touch(block)).is_ok()
        });
        // SAFETY: live, with this layout.
        let grown = unsafe { fixed.buffer.resize(block.cast(), granules(1), 2 * GRANULE) };
        let len = if grown { 2 * GRANULE } else { GRANULE };
        fixed.memory.touch(core::ptr::NonNull::slice_from_raw_parts(block.cast(), len));
        assert!(thread.join().unwrap() != grown, "one of them got the room, and only one");
    });
}

#[test]
fn bytes_that_are_cut_off_go_to_the_next_owner_in_order() {
    model(|| {
        let fixed = Fixed::new(2);
        let block = fixed.buffer.alloc(granules(2)).unwrap();
        let other = Arc::clone(&fixed);
        let thread = thread::spawn(move || {
            let taken = other.buffer.alloc(granules(1));
            taken.inspect(|&block| other.memory.touch(block)).is_ok()
        });
        fixed.memory.touch(block);
        // SAFETY: live, with this layout.
        assert!(unsafe { fixed.buffer.resize(block.cast(), granules(2), GRANULE) });
        let served = thread.join().unwrap();
        assert_eq!(fixed.buffer.used(), if served { 2 * GRANULE } else { GRANULE });
    });
}

#[test]
fn a_block_grows_into_bytes_that_another_gave_up_in_order() {
    model(|| {
        let fixed = Fixed::new(2);
        let mine = fixed.buffer.alloc(granules(1)).unwrap();
        let theirs = fixed.buffer.alloc(granules(1)).unwrap();
        let (other, theirs) = (Arc::clone(&fixed), theirs.cast::<u8>().addr());
        let thread = thread::spawn(move || {
            let theirs = other.memory.start().with_addr(theirs);
            other.memory.touch(core::ptr::NonNull::slice_from_raw_parts(theirs, GRANULE));
            // SAFETY: live, this thread's, and not used after.
            unsafe { other.buffer.free(theirs, granules(1)) };
        });
        // SAFETY: live, with this layout.
        if unsafe { fixed.buffer.resize(mine.cast(), granules(1), 2 * GRANULE) } {
            fixed.memory.touch(core::ptr::NonNull::slice_from_raw_parts(mine.cast(), 2 * GRANULE));
        }
        thread.join().unwrap();
    });
}
