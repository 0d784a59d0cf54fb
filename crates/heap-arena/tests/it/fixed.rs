//! `FixedBuffer`: exact fits, last in first out, ownership.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use heap_arena::{FixedBuffer, Rewind, TypedAlloc};
use heap_core::{Allocator, Owns};
use heap_test::Limits;

use crate::support::{at, buffer, layout};

/// Half of a buffer: padding takes room too.
const LIMITS: Limits = Limits::DEFAULT.total(1 << 20);

heap_test::conformance!(fixed_buffer, || FixedBuffer::new(buffer(2 << 20)), LIMITS; owns, reset, usage);
heap_test::conformance!(empty_buffer, || FixedBuffer::new(&mut []), Limits::NOTHING);

/// U-FB-01
#[test]
fn a_large_buffer_passes_the_four_batteries() {
    let mut memory = Box::new_uninit_slice(800_000 * 8);
    let mut buffer = FixedBuffer::new(&mut memory);
    heap_test::test_allocator(&buffer);
    buffer.reset();
    heap_test::test_allocator_aligned(&buffer);
    heap_test::test_allocator_large_alignment(&buffer);
    heap_test::test_allocator_aligned_shrink(&buffer);
}

/// An array of bytes at a multiple of 16.
#[repr(align(16))]
struct Aligned<const N: usize>([MaybeUninit<u8>; N]);

impl<const N: usize> Aligned<N> {
    const fn new() -> Self {
        Self([MaybeUninit::uninit(); N])
    }
}

/// U-FB-02
#[test]
fn a_reset_buffer_serves_the_same_place_again() {
    let mut memory = Aligned::<8>::new();
    let mut buffer = FixedBuffer::new(&mut memory.0);
    let first = std::ptr::from_mut(buffer.alloc_value(0x1122_u64).unwrap()).addr();
    assert!(buffer.alloc_value(0_u64).is_err());
    buffer.reset();
    assert_eq!(std::ptr::from_mut(buffer.alloc_value(7_u64).unwrap()).addr(), first);
}

/// U-FB-03
#[test]
fn the_newest_block_is_reallocated_in_place_and_an_older_one_moves() {
    let mut memory = Aligned::<10>::new();
    let mut buffer = FixedBuffer::new(&mut memory.0);
    // SAFETY: each block is live, passed with its layout, and not used after it was given up.
    unsafe {
        let block = buffer.alloc(layout(5, 1)).unwrap();
        block.cast::<u8>().write_bytes(7, 5);
        let grown = buffer.realloc(block.cast(), layout(5, 1), layout(10, 1)).unwrap();
        assert_eq!((at(grown), grown.len()), (at(block), 10));
        assert!(buffer.realloc(grown.cast(), layout(10, 1), layout(11, 1)).is_err());
        buffer.reset();

        let block = buffer.alloc(layout(2, 1)).unwrap();
        block.cast::<u8>().write_bytes(3, 2);
        buffer.alloc(layout(1, 1)).unwrap();
        let moved = buffer.realloc(block.cast(), layout(2, 1), layout(4, 1)).unwrap();
        assert_ne!(at(moved), at(block));
        assert_eq!(moved.cast::<[u8; 2]>().read(), [3, 3]);
    }
}

/// D-FB-01
#[test]
fn a_buffer_owns_its_bytes_and_not_those_beside() {
    let mut memory = Aligned::<32>::new();
    let start = NonNull::from(&mut memory.0[8]).cast::<u8>();
    let buffer = FixedBuffer::new(&mut memory.0[8..24]);
    let offset = |by| NonNull::new(start.as_ptr().wrapping_offset(by)).unwrap();
    assert_eq!([0, 15, 16, -1].map(|by| buffer.owns(offset(by))), [true, true, false, false]);
}

/// D-FB-02
#[test]
fn a_slice_is_owned_when_all_of_it_is() {
    let mut memory = Aligned::<32>::new();
    let start = NonNull::from(&mut memory.0[8]).cast::<u8>();
    let buffer = FixedBuffer::new(&mut memory.0[8..24]);
    let owned = |from: isize, len| {
        let first = NonNull::new(start.as_ptr().wrapping_offset(from)).unwrap();
        buffer.owns_slice(NonNull::slice_from_raw_parts(first, len))
    };
    assert!(owned(0, 16) && owned(16, 0) && owned(3, 5));
    assert!(!owned(0, 17) && !owned(8, 9) && !owned(-1, 3) && !owned(17, 0) && !owned(-1, 0));
}

/// D-FB-03
#[test]
fn the_newest_block_is_told_but_for_freed_padding() {
    let mut memory = Aligned::<64>::new();
    let buffer = FixedBuffer::new(&mut memory.0);
    let first = buffer.alloc(layout(3, 1)).unwrap();
    assert!(buffer.is_last(first));
    let second = buffer.alloc(layout(8, 8)).unwrap();
    assert!(buffer.is_last(second) && !buffer.is_last(first));
    // SAFETY: live, with its layout.
    unsafe { buffer.free(second.cast(), layout(8, 8)) };
    assert!(!buffer.is_last(first), "the padding before the second block hides the first");
}

/// D-FB-04
#[test]
fn an_exact_fit_succeeds_and_a_failure_changes_nothing() {
    let mut memory = Aligned::<40>::new();
    let mut buffer = FixedBuffer::new(&mut memory.0);
    assert!(buffer.alloc(layout(41, 1)).is_err());
    assert_eq!((buffer.used(), buffer.remaining()), (0, 40));
    assert!(buffer.alloc(layout(40, 1)).is_ok());
    assert!(buffer.alloc(layout(1, 1)).is_err());
    buffer.reset();
    assert!(buffer.alloc(layout(33, 1)).is_ok());
    assert!(buffer.alloc(layout(1, 8)).is_err());
    assert!(buffer.alloc(layout(7, 1)).is_ok());
}

/// D-FB-05
#[test]
fn alignment_goes_by_the_real_address() {
    let mut memory = Aligned::<64>::new();
    let buffer = FixedBuffer::new(&mut memory.0[3..]);
    let first = buffer.alloc(layout(1, 8)).unwrap();
    assert_eq!((at(first) % 8, buffer.used()), (0, 6));
    assert_eq!(at(buffer.alloc(layout(16, 16)).unwrap()) % 16, 0);
}

/// D-FB-06
#[test]
fn absurd_requests_are_refused_and_change_nothing() {
    let mut memory = Aligned::<64>::new();
    let buffer = FixedBuffer::new(&mut memory.0);
    let block = buffer.alloc(layout(8, 8)).unwrap();
    for log2 in 0..usize::BITS - 1 {
        let most = isize::MAX as usize - ((1 << log2) - 1);
        for size in [most, most - 1, most / 2].into_iter().filter(|&size| size > 64) {
            assert!(buffer.alloc(layout(size, 1 << log2)).is_err());
        }
    }
    for size in [isize::MAX as usize, usize::MAX, usize::MAX - 7, usize::MAX - at(block)] {
        // SAFETY: live, with its layout.
        assert!(unsafe { !buffer.resize(block.cast(), layout(8, 8), size) });
    }
    assert_eq!(buffer.used(), 8);
}

/// D-FB-07
#[test]
fn frees_count_last_in_first_out_only() {
    let mut memory = Aligned::<64>::new();
    let buffer = FixedBuffer::new(&mut memory.0);
    let blocks = [5, 9, 20].map(|size| (buffer.alloc(layout(size, 1)).unwrap(), size));
    // SAFETY: each is live, with its layout, and freed once.
    unsafe {
        buffer.free(blocks[0].0.cast(), layout(5, 1));
        assert_eq!(buffer.used(), 34);
        buffer.free(blocks[2].0.cast(), layout(20, 1));
        buffer.free(blocks[1].0.cast(), layout(9, 1));
        assert_eq!(buffer.used(), 5);
    }
}

/// D-FB-08
#[test]
fn the_newest_block_grows_and_shrinks_an_older_one_only_shrinks() {
    let mut memory = Aligned::<64>::new();
    let buffer = FixedBuffer::new(&mut memory.0);
    let old = buffer.alloc(layout(16, 1)).unwrap();
    let new = buffer.alloc(layout(16, 1)).unwrap();
    // SAFETY: both are live, with the layouts that the calls agreed to.
    unsafe {
        assert!(buffer.resize(new.cast(), layout(16, 1), 48) && buffer.used() == 64);
        assert!(!buffer.resize(new.cast(), layout(48, 1), 49));
        assert!(buffer.resize(new.cast(), layout(48, 1), 1) && buffer.used() == 17);
        assert!(buffer.resize(old.cast(), layout(16, 1), 4) && buffer.used() == 17);
        assert!(!buffer.resize(old.cast(), layout(4, 1), 5));
    }
}

#[test]
fn scopes_and_marks_return_the_room() {
    let mut memory = Aligned::<64>::new();
    let mut buffer = FixedBuffer::new(&mut memory.0);
    let total: u32 = buffer.scoped(|mut outer| {
        let kept = outer.alloc_value(1_u32).unwrap();
        for _ in 0..10 {
            outer.scoped(|inner| *kept += inner.alloc_slice_copy(&[1_u32; 10]).unwrap()[9]);
        }
        *kept
    });
    assert_eq!((total, buffer.used()), (11, 0));
    let mark = buffer.mark();
    buffer.alloc(layout(60, 1)).unwrap();
    // SAFETY: the block is not used.
    unsafe { buffer.rewind(mark) };
    assert_eq!(buffer.used(), 0);
}

#[test]
fn a_buffer_of_bytes_and_one_at_an_address_serve_too() {
    let mut bytes = [0_u8; 32];
    // SAFETY: only initialised bytes are written, and only read after.
    let buffer = unsafe { FixedBuffer::from_bytes(&mut bytes) };
    buffer.alloc_str("written").unwrap();
    assert_eq!(&bytes[..8], b"written\0");
    let mut memory = Aligned::<16>::new();
    // SAFETY: 16 bytes that nobody else uses meanwhile.
    let buffer = unsafe { FixedBuffer::from_raw(NonNull::from(&mut memory.0).cast(), 16) };
    assert!(buffer.alloc_value(1_u128).is_ok() && buffer.alloc_value(1_u8).is_err());
}

/// Fills a buffer with numbers, from its start to its end.
fn fill(buffer: &FixedBuffer<'_>) -> usize {
    let mut count = 0_u8;
    while let Ok(byte) = buffer.alloc_value(count) {
        assert_eq!(*byte, count);
        count = count.wrapping_add(1);
    }
    buffer.used()
}

#[test]
fn a_buffer_lies_on_the_stack_in_a_static_and_in_a_mapped_file() {
    let mut array = [std::mem::MaybeUninit::uninit(); 300];
    assert_eq!(fill(&FixedBuffer::new(&mut array)), 300);

    static mut MEMORY: [u8; 300] = [0; 300];
    // SAFETY: nobody else names the memory, and this test runs once.
    let fixed =
        unsafe { FixedBuffer::from_raw(std::ptr::NonNull::new_unchecked((&raw mut MEMORY).cast()), 300) };
    assert_eq!(fill(&fixed), 300);

    let path = std::env::temp_dir().join(format!("heap_arena_fixed.{}", std::process::id()));
    let file = std::fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    file.set_len(5000).unwrap();
    // SAFETY: a file of our own, which nobody else opens.
    let mut map = unsafe { heap_os::Mapping::of_file(&file) }.unwrap();
    // SAFETY: only bytes are put in.
    assert_eq!(fill(&unsafe { FixedBuffer::from_bytes(&mut map) }), 5000);
    map.flush().unwrap();
    drop((map, file));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(bytes.len() == 5000 && bytes.iter().enumerate().all(|(at, &byte)| byte == at as u8));
}
