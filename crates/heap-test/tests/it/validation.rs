//! `ValidationAllocator` and `TestAllocator`.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

use heap_core::contract::zero_sized;
use heap_core::{AllocError, Allocator, Global};
use heap_test::{
    Block, CountingAllocator, FailingAllocator, Failures, Fault, TestAllocator, ValidationAllocator,
};

use crate::bump::Bump;

heap_test::conformance!(validation, || ValidationAllocator::new(Global); sync);
heap_test::conformance!(validation_over_a_bump, || ValidationAllocator::new(Bump::new(80 << 20)); sync);
heap_test::conformance!(for_tests, || heap_test::TestAllocator::new(); sync);

const WORD: Layout = Layout::new::<u64>();

/// Gives what it is told to give, in turn.
struct Scripted {
    answers: [NonNull<[u8]>; 2],
    next: AtomicUsize,
}

impl Scripted {
    fn new(buffer: &mut [u64; 8], places: [(usize, usize); 2]) -> Self {
        let base = NonNull::from(buffer).cast::<u8>();
        let answers = places.map(|(offset, len)| {
            assert!(offset + len <= 64);
            // SAFETY: inside the buffer.
            NonNull::slice_from_raw_parts(unsafe { base.add(offset) }, len)
        });
        Self { answers, next: AtomicUsize::new(0) }
    }
}

// SAFETY: not kept: the test below is about an allocator that breaks A2.
unsafe impl Allocator for Scripted {
    fn alloc(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let nth = self.next.fetch_add(1, Ordering::Relaxed);
        if layout.size() == 0 { Ok(zero_sized(layout)) } else { Ok(self.answers[nth]) }
    }
    unsafe fn resize(&self, _block: NonNull<u8>, _layout: Layout, _new_size: usize) -> bool {
        true
    }
    unsafe fn free(&self, _block: NonNull<u8>, _layout: Layout) {}
}

/// D-VA-01
#[test]
fn misaligned_short_and_overlapping_blocks_are_not_handed_out() {
    let mut buffer = [0_u64; 8];
    let mut faults = |places: [(usize, usize); 2]| {
        let checked = ValidationAllocator::new(Scripted::new(&mut buffer, places));
        let handed_out = [checked.alloc(WORD).is_ok(), checked.alloc(WORD).is_ok()];
        (handed_out, checked.take_faults())
    };
    assert_eq!(faults([(0, 8), (8, 8)]), ([true, true], vec![]));
    let (handed_out, found) = faults([(2, 8), (16, 7)]);
    assert_eq!(handed_out, [false, false]);
    assert!(matches!(found[..], [Fault::Misaligned { .. }, Fault::WrongLength { len: 7, .. }]), "{found:?}");
    let (handed_out, found) = faults([(0, 16), (8, 16)]);
    assert_eq!(handed_out, [true, false]);
    assert!(matches!(found[..], [Fault::Overlap { len: 16, other_len: 16, .. }]), "{found:?}");
}

/// D-VA-01
#[test]
fn refusals_and_zero_sizes_pass_through() {
    let none = Layout::new::<[u64; 0]>();
    let checked =
        ValidationAllocator::new(CountingAllocator::new(FailingAllocator::new(Global, Failures::From(0))));
    assert_eq!(checked.alloc(WORD), Err(AllocError));
    assert_eq!(checked.alloc(none), Ok(zero_sized(none)));
    // SAFETY: a zero-sized block.
    unsafe { checked.free(zero_sized(none).cast(), none) };
    assert_eq!((checked.inner().calls().alloc, checked.inner().calls().free), (2, 1));
    assert!(checked.faults().is_empty() && checked.live().is_empty());
}

/// D-VA-02
#[test]
fn wrong_frees_are_recorded_and_not_passed_on() {
    let checked = ValidationAllocator::new(CountingAllocator::new(Global));
    let layout = |size, align| Layout::from_size_align(size, align).unwrap();
    let block: NonNull<u8> = checked.alloc(layout(24, 8)).unwrap().cast();
    let addr = block.addr().get();
    let local = 0_u64;
    // SAFETY: wrong on purpose; only the last call but one is right, and only that one reaches `Global`.
    unsafe {
        checked.free(block, layout(16, 8));
        checked.free(block, layout(25, 8));
        checked.free(block, layout(24, 4));
        checked.free(block.add(8), layout(16, 8));
        checked.free(NonNull::from(&local).cast(), WORD);
        assert!(!checked.resize(block, layout(23, 8), 10));
        assert_eq!(checked.remap(block, layout(24, 16), 10), None);
        assert_eq!(checked.realloc(block, layout(1, 8), layout(9, 8)), Err(AllocError));
        checked.free(block, layout(24, 8));
        checked.free(block, layout(24, 8));
    }
    let wrong_size = |given| Fault::WrongSize { addr, given, requested: 24, usable: 24 };
    let wrong_align = |given| Fault::WrongAlign { addr, given, requested: 8 };
    let expected = [
        wrong_size(16),
        wrong_size(25),
        wrong_align(4),
        Fault::NotLive { addr: addr + 8 },
        Fault::NotLive { addr: (&raw const local).addr() },
        wrong_size(23),
        wrong_align(16),
        wrong_size(1),
        Fault::NotLive { addr },
    ];
    assert_eq!(checked.take_faults(), expected);
    let calls = checked.inner().calls();
    assert_eq!((calls.alloc, calls.free, calls.resize, calls.remap), (1, 1, 0, 0));
}

#[test]
fn records_follow_changes_of_size() {
    let checked = ValidationAllocator::new(Bump::new(1000));
    let mut block = Block::alloc(&checked, WORD, 1).unwrap();
    let sizes = || checked.live().iter().map(|(_, layout)| layout.size()).collect::<Vec<_>>();
    assert!(block.resize(40).unwrap());
    assert_eq!(sizes(), [40]);
    block.realloc(Layout::from_size_align(100, 32).unwrap()).unwrap();
    assert_eq!(sizes(), [100]);
    assert!(block.resize(0).unwrap());
    assert!(sizes().is_empty());
    block.free().unwrap();
}

fn panic_of(test: impl FnOnce() + std::panic::UnwindSafe) -> String {
    match catch_unwind(test).unwrap_err().downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast_ref::<&str>().unwrap()).to_owned(),
    }
}

#[test]
fn dropping_the_records_with_faults_in_them_panics() {
    let message = panic_of(|| {
        let checked = ValidationAllocator::new(Global);
        // SAFETY: wrong on purpose, and not passed on.
        unsafe { checked.free(NonNull::dangling(), WORD) };
    });
    let expected =
        "1 faults in the use of an allocator:\n  no live block at 0x1: freed before, or never allocated";
    assert!(message.starts_with(expected), "{message}");
}

/// D-TA-01
#[test]
fn the_test_allocator_fails_the_test_on_a_leak() {
    let message = panic_of(|| {
        let allocator = TestAllocator::new();
        Block::alloc(&allocator, WORD, 1).unwrap().free().unwrap();
        Block::alloc(&allocator, WORD, 1).unwrap().forget();
        Block::alloc(&allocator, Layout::new::<[u8; 92]>(), 1).unwrap().forget();
    });
    assert!(message.starts_with("2 blocks of 100 bytes leaked:\n  0x"), "{message}");
    assert!(message.contains(": 92 bytes at alignment 1"), "{message}");
}

/// D-TA-01
#[test]
fn the_test_allocator_fails_the_test_on_misuse() {
    let message = panic_of(|| {
        let allocator = TestAllocator::new();
        let block = allocator.alloc(WORD).unwrap().cast();
        // SAFETY: the second free is wrong on purpose, and not passed on.
        unsafe {
            allocator.free(block, WORD);
            allocator.free(block, WORD);
        }
    });
    assert!(message.contains("freed before, or never allocated"), "{message}");
}

#[test]
fn the_test_allocator_says_nothing_when_all_is_well_or_the_test_has_failed_already() {
    let allocator = TestAllocator::new();
    Block::alloc(&allocator, WORD, 1).unwrap().free().unwrap();
    drop(allocator);
    let message = panic_of(|| {
        let allocator = TestAllocator::default();
        Block::alloc(&allocator, WORD, 1).unwrap().forget();
        panic!("the first reason");
    });
    assert_eq!(message, "the first reason");
}
